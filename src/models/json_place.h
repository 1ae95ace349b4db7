// A value within a JSON file that knows where it stands, so that what is wrong with it is said with
// its place: "tokenizer.json: model.vocab: an object is wanted, not null".
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/error.h"

namespace fovea::models {

/// Looks into a value that must outlive it. What throws, throws Error{format} unless it is said
/// otherwise.
class JsonPlace {
 public:
  JsonPlace(const nlohmann::json& value, std::string file)
      : value_(&value), file_(std::move(file)) {}

  const nlohmann::json& value() const noexcept { return *value_; }
  const std::string& file() const noexcept { return file_; }
  bool is_null() const noexcept { return value_->is_null(); }

  /// A value that must be there, of an object.
  JsonPlace at(std::string_view key) const;
  /// Nothing when it is absent or null.
  std::optional<JsonPlace> find(std::string_view key) const;
  /// The values of an array.
  std::vector<JsonPlace> items() const;

  const std::string& text() const;
  std::int64_t integer() const;
  bool flag() const;
  const nlohmann::json::object_t& object() const;
  const nlohmann::json::array_t& array() const;

  /// The flag of that name; `absent` when there is none or it is null.
  bool flag_or(std::string_view key, bool absent) const;
  /// The text of that name, likewise.
  std::string text_or(std::string_view key, std::string_view absent) const;
  /// The value's "type"; "" when there is none.
  std::string type() const { return text_or("type", ""); }

  /// Throws an Error that begins with the file and the place.
  [[noreturn]] void fail(std::string_view what, ErrorKind kind = ErrorKind::format) const;

 private:
  JsonPlace(const nlohmann::json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}
  [[noreturn]] void fail_kind(std::string_view wanted) const;
  JsonPlace inside(const nlohmann::json& value, std::string_view key) const;

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;  // "model.vocab"; empty at the top
};

}  // namespace fovea::models
