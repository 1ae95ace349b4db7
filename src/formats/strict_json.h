// JSON as RFC 8259 has it and nothing else, of bounded depth and size: for files from outside.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fovea::formats {

/// How much a text may ask for, and where it lies.
struct JsonLimits {
  int depth = 64;
  std::int64_t memory = std::int64_t{56} << 20;  ///< bytes that the values take
  std::int64_t first_byte = 0;                   ///< the text's place in its file, for messages
};

/// Returns the value that `text` is. Throws Error{format} that begins with `name` and the byte:
/// for all that is not JSON in UTF-8 (NaN, numbers that float64 does not hold, comments, a
/// byte-order mark, text after the value, ...), names given twice in an object (an escaped twin
/// too), strings and white space of more than 4 MiB, and what is nested deeper or takes more memory
/// than `limits` allow.
nlohmann::json parse_strict_json(std::string_view text, const std::string& name,
                                 const JsonLimits& limits = {});

/// "an object", "a string", ...: what was found where something else is wanted.
std::string_view kind_of_json(const nlohmann::json& value) noexcept;

}  // namespace fovea::formats
