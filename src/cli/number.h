// Numbers of the command line, strictly: the whole text or nothing, '.' as decimal point whatever
// the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fovea::cli {

/// Returns the integer that `text` spells in decimal digits, with '-' before it or not; nothing for
/// spaces, '+', an exponent, trailing characters, no digits, or more than 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// Returns the finite number that `text` spells ("2", "-0.5", "1e-3"); nothing otherwise.
std::optional<double> parse_real(std::string_view text);

}  // namespace fovea::cli
