// Where a model's files are found, and what of them a family may ask: every number within bounds,
// every tensor of the shape that the sizes say.
#include "models/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "formats/strict_json.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;

// config.json files are a few KiB.
constexpr std::int64_t kMostConfigBytes = std::int64_t{1} << 20;

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw Error(ErrorKind::format, fmt::format("{}: {}", file, what));
}

// The one weights file of a folder.
std::string weights_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".gguf" || extension == ".safetensors") found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found.front();
  std::ranges::sort(found);
  fail(printable(folder.string()),
       found.empty() ? "no model in this folder; a .gguf or .safetensors file is wanted"
                     : fmt::format("{} model files in this folder ({}, {}{}); name the one that is "
                                   "wanted",
                                   found.size(), printable(fs::path(found[0]).filename().string()),
                                   printable(fs::path(found[1]).filename().string()),
                                   found.size() > 2 ? ", ..." : ""));
}

nlohmann::json read_config(const fs::path& folder, const std::string& weights) {
  const fs::path path = folder / "config.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    fail(printable(weights),
         fmt::format("{} is wanted beside it: it says what kind of model this is",
                     printable(path.string())));
  }
  const formats::InputFile file(path.string());
  nlohmann::json config =
      formats::parse_strict_json(formats::read_text(file, kMostConfigBytes), file.name());
  if (!config.is_object()) fail(file.name(), "an object is wanted");
  return config;
}

std::string shown(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

}  // namespace

ModelFiles open_model_files(const std::string& path) {
  std::error_code ignored;
  const std::string weights = fs::is_directory(path, ignored) ? weights_in(path) : path;
  ModelFiles files;
  files.path = path;
  files.folder = fs::path(weights).parent_path().string();
  files.weights = std::make_shared<const formats::Checkpoint>(formats::read_checkpoint(weights));
  if (files.weights->format() == "safetensors") files.config = read_config(files.folder, weights);
  return files;
}

const nlohmann::json* ModelFiles::config_value(std::string_view key) const {
  if (!config.is_object()) return nullptr;
  const auto found = config.find(key);
  return found == config.end() || found->is_null() ? nullptr : &*found;
}

std::string ModelFiles::architecture() const {
  if (is_gguf()) {
    const auto* name = weights->value<std::string>("general.architecture");
    if (name != nullptr) return *name;
    fail(weights->name(), "general.architecture is missing: what kind of model is it?");
  }
  const nlohmann::json* name = config_value("model_type");
  if (name != nullptr && name->is_string()) return name->get<std::string>();
  fail(printable((fs::path(folder) / "config.json").string()),
       "model_type is missing: what kind of model is it?");
}

std::int64_t ModelFiles::integer_or(std::string_view gguf_key, std::string_view config_key,
                                    std::int64_t absent, std::int64_t least,
                                    std::int64_t most) const {
  const std::string key =
      is_gguf() ? fmt::format("{}.{}", architecture(), gguf_key) : std::string(config_key);
  std::int64_t number = absent;
  std::string given;
  bool is_whole = true;
  if (is_gguf()) {
    const auto found = weights->metadata().find(key);
    if (gguf_key.empty() || found == weights->metadata().end()) return absent;
    const auto* value = std::get_if<std::int64_t>(&found->second);
    is_whole = value != nullptr;
    if (is_whole) number = *value;
    given = is_whole ? std::to_string(number) : "no whole number";
  } else {
    const nlohmann::json* value = config_value(config_key);
    if (config_key.empty() || value == nullptr) return absent;
    is_whole = value->is_number_integer() &&
               !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
    if (is_whole) number = value->get<std::int64_t>();
    given = shown(*value);
  }
  if (is_whole && number >= least && number <= most) return number;
  fail(weights->name(), fmt::format("{} is {}; a whole number from {} to {} is wanted",
                                    printable(key), printable(given), least, most));
}

std::int64_t ModelFiles::integer(std::string_view gguf_key, std::string_view config_key,
                                 std::int64_t least, std::int64_t most) const {
  // Below `least`, so that no file can state it.
  const std::int64_t absent = least - 1;
  const std::int64_t number = integer_or(gguf_key, config_key, absent, least, most);
  if (number != absent) return number;
  fail(weights->name(), is_gguf()
                            ? fmt::format("{}.{} is missing", printable(architecture()), gguf_key)
                            : fmt::format("config.json lacks {}", config_key));
}

double ModelFiles::real_or(std::string_view gguf_key, std::string_view config_key,
                           double absent) const {
  if (is_gguf()) {
    const std::string key = fmt::format("{}.{}", architecture(), gguf_key);
    const auto found = weights->metadata().find(key);
    if (found == weights->metadata().end()) return absent;
    if (const auto* whole = std::get_if<std::int64_t>(&found->second))
      return static_cast<double>(*whole);
    const auto* number = std::get_if<double>(&found->second);
    if (number != nullptr && std::isfinite(*number)) return *number;
    fail(weights->name(), fmt::format("{} is no finite number", printable(key)));
  }
  const nlohmann::json* value = config_value(config_key);
  if (value == nullptr) return absent;
  if (value->is_number()) return value->get<double>();
  fail(weights->name(), fmt::format("config.json: {} is {}; a number is wanted", config_key,
                                    printable(shown(*value))));
}

bool ModelFiles::flag_or(std::string_view config_key, bool absent) const {
  const nlohmann::json* value = config_value(config_key);
  if (value == nullptr) return absent;
  if (value->is_boolean()) return value->get<bool>();
  fail(weights->name(), fmt::format("config.json: {} is {}; true or false is wanted", config_key,
                                    printable(shown(*value))));
}

std::string ModelFiles::text_or(std::string_view config_key, std::string_view absent) const {
  const nlohmann::json* value = config_value(config_key);
  if (value == nullptr) return std::string(absent);
  if (value->is_string()) return value->get<std::string>();
  fail(weights->name(), fmt::format("config.json: {} is {}; a string is wanted", config_key,
                                    printable(shown(*value))));
}

const formats::StoredTensor* ModelFiles::optional_tensor(std::string_view name,
                                                         const Shape& shape) const {
  const formats::StoredTensor* found = weights->find(name);
  if (found == nullptr) return nullptr;
  used.emplace(name);
  if (found->shape != shape) {
    fail(weights->name(), fmt::format("tensor {} is {}; the model's sizes ask for {}",
                                      printable(name), to_string(found->shape), to_string(shape)));
  }
  if (!formats::is_weight_type(found->type)) {
    fail(weights->name(),
         fmt::format("tensor {} is {}; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K are read",
                     printable(name), formats::name_of(found->type)));
  }
  return found;
}

const formats::StoredTensor& ModelFiles::tensor(std::string_view name, const Shape& shape) const {
  const formats::StoredTensor* found = optional_tensor(name, shape);
  if (found != nullptr) return *found;
  fail(weights->name(), fmt::format("tensor {} {} is missing", printable(name), to_string(shape)));
}

Tensor ModelFiles::floats(std::string_view name, const Shape& shape) const {
  const formats::StoredTensor& stored = tensor(name, shape);
  Tensor floats = Tensor::uninitialized(DType::f32, shape);
  formats::to_floats(stored.type, stored.bytes, floats.values<float>());
  return floats;
}

void ModelFiles::require_all_used(std::initializer_list<std::string_view> ignored) const {
  for (const formats::StoredTensor& tensor : weights->tensors()) {
    const bool may_stay = std::ranges::any_of(
        ignored, [&](std::string_view ending) { return tensor.name.ends_with(ending); });
    if (may_stay || used.contains(tensor.name)) continue;
    fail(weights->name(),
         fmt::format("tensor {} {} has no place in a {} model of these sizes",
                     in_quotes(tensor.name), to_string(tensor.shape), printable(architecture())));
  }
}

}  // namespace fovea::models
