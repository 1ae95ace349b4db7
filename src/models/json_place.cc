// Checked steps into a JSON value.
#include "models/json_place.h"

#include <utility>

#include "formats/strict_json.h"
#include "fovea/core/printable.h"

namespace fovea::models {

using nlohmann::json;

JsonPlace JsonPlace::inside(const json& value, std::string_view key) const {
  return {value, file_, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key)};
}

JsonPlace JsonPlace::at(std::string_view key) const {
  const auto& entries = object();
  const auto found = entries.find(std::string(key));
  if (found == entries.end()) fail(fmt::format("\"{}\" is missing", key));
  return inside(found->second, key);
}

std::optional<JsonPlace> JsonPlace::find(std::string_view key) const {
  const auto& entries = object();
  const auto found = entries.find(std::string(key));
  if (found == entries.end() || found->second.is_null()) return std::nullopt;
  return inside(found->second, key);
}

std::vector<JsonPlace> JsonPlace::items() const {
  std::vector<JsonPlace> found;
  for (const json& item : array()) found.push_back(inside(item, std::to_string(found.size())));
  return found;
}

const std::string& JsonPlace::text() const {
  if (!value_->is_string()) fail_kind("a string");
  return value_->get_ref<const std::string&>();
}

std::int64_t JsonPlace::integer() const {
  if (!value_->is_number_integer()) fail_kind("a whole number");
  if (value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX) {
    fail(fmt::format("{} is too large a number", value_->get<std::uint64_t>()));
  }
  return value_->get<std::int64_t>();
}

bool JsonPlace::flag() const {
  if (!value_->is_boolean()) fail_kind("true or false");
  return value_->get<bool>();
}

const json::object_t& JsonPlace::object() const {
  if (!value_->is_object()) fail_kind("an object");
  return value_->get_ref<const json::object_t&>();
}

const json::array_t& JsonPlace::array() const {
  if (!value_->is_array()) fail_kind("an array");
  return value_->get_ref<const json::array_t&>();
}

bool JsonPlace::flag_or(std::string_view key, bool absent) const {
  const auto found = find(key);
  return found ? found->flag() : absent;
}

std::string JsonPlace::text_or(std::string_view key, std::string_view absent) const {
  const auto found = find(key);
  return found ? found->text() : std::string(absent);
}

void JsonPlace::fail(std::string_view what, ErrorKind kind) const {
  throw Error(kind, path_.empty() ? fmt::format("{}: {}", file_, what)
                                  : fmt::format("{}: {}: {}", file_, printable(path_), what));
}

void JsonPlace::fail_kind(std::string_view wanted) const {
  fail(fmt::format("{} is wanted, not {}", wanted, formats::kind_of_json(*value_)));
}

}  // namespace fovea::models
