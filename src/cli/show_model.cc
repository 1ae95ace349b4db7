// Everything shown comes from the file, names too: printable in text, escaped in JSON.
#include "cli/show_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <variant>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;
using formats::Checkpoint;
using formats::MetadataValue;
using formats::StoredTensor;
using nlohmann::ordered_json;

// 134,515,008
std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, ",");
  return digits;
}

std::int64_t numbers_in(const StoredTensor& tensor) {
  const auto block = formats::block_size(tensor.type);
  return static_cast<std::int64_t>(tensor.bytes.size()) / block.bytes * block.numbers;
}

std::int64_t parameters_of(const Checkpoint& weights) {
  std::int64_t sum = 0;
  for (const StoredTensor& tensor : weights.tensors()) sum += numbers_in(tensor);
  return sum;
}

std::map<std::string, std::int64_t> count_types(const Checkpoint& weights) {
  std::map<std::string, std::int64_t> counts;
  for (const StoredTensor& tensor : weights.tensors())
    ++counts[std::string(formats::name_of(tensor.type))];
  return counts;
}

// Columns that printable text takes: one for each character of UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string text, std::size_t width) {
  text.append(width - std::min(width, width_of(text)), ' ');
  return text;
}

// Whole characters, an ellipsis in place of what does not fit.
std::string fitted(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::string cut;
  std::size_t used = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80 && ++used > width - 3) break;
    cut += c;
  }
  return cut + "...";
}

template <typename T>
ordered_json typed_number(const Tensor& array, std::int64_t i) {
  return array.values<T>()[static_cast<std::size_t>(i)];
}

// A number of a metadata array, exact.
ordered_json number_at(const Tensor& array, std::int64_t i) {
  switch (array.dtype()) {
    case DType::boolean:
      return typed_number<bool>(array, i);
    case DType::i8:
      return typed_number<std::int8_t>(array, i);
    case DType::i16:
      return typed_number<std::int16_t>(array, i);
    case DType::i32:
      return typed_number<std::int32_t>(array, i);
    case DType::i64:
      return typed_number<std::int64_t>(array, i);
    case DType::u8:
      return typed_number<std::uint8_t>(array, i);
    case DType::u16:
      return typed_number<std::uint16_t>(array, i);
    case DType::u32:
      return typed_number<std::uint32_t>(array, i);
    case DType::u64:
      return typed_number<std::uint64_t>(array, i);
    default:
      return array.view().number_at(i);
  }
}

ordered_json first_values(const Tensor& array, std::int64_t most) {
  ordered_json values = ordered_json::array();
  for (std::int64_t i = 0; i < std::min(most, array.size(0)); ++i)
    values.push_back(number_at(array, i));
  return values;
}

ordered_json first_values(const std::vector<std::string>& array, std::int64_t most) {
  ordered_json values = ordered_json::array();
  for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(most), array.size()); ++i)
    values.push_back(array[i]);
  return values;
}

std::int64_t length_of(const Tensor& array) {
  return array.size(0);
}
std::int64_t length_of(const std::vector<std::string>& array) {
  return static_cast<std::int64_t>(array.size());
}

template <typename T>
inline constexpr bool kIsArray =
    std::is_same_v<T, Tensor> || std::is_same_v<T, std::vector<std::string>>;

ordered_json to_json(const MetadataValue& value) {
  constexpr std::int64_t kMost = 16;
  return std::visit(
      [](const auto& held) -> ordered_json {
        if constexpr (kIsArray<std::decay_t<decltype(held)>>) {
          const std::int64_t length = length_of(held);
          if (length <= kMost) return first_values(held, kMost);
          return {{"length", length}, {"first", first_values(held, kMost)}};
        } else {
          return held;
        }
      },
      value);
}

std::string dumped(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

// One value of an array, or a plain one; floats as float32 has them: 1e-05.
std::string value_text(const ordered_json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_number_float()) return fmt::format("{:.7g}", value.get<double>());
  return dumped(value, -1);
}

std::string to_text(const MetadataValue& value) {
  constexpr std::int64_t kMost = 6;
  return std::visit(
      [](const auto& held) -> std::string {
        using T = std::decay_t<decltype(held)>;
        if constexpr (kIsArray<T>) {
          const std::int64_t length = length_of(held);
          std::string text;
          for (const ordered_json& each : first_values(held, kMost))
            text += (text.empty() ? "" : ", ") + value_text(each);
          return length > kMost ? fmt::format("{} values: {}, ...", grouped(length), text)
                                : '[' + text + ']';
        } else if constexpr (std::is_same_v<T, std::string>) {
          constexpr std::size_t kLongest = 400;  // more never fits a line
          return printable(held.substr(0, kLongest)) + (held.size() > kLongest ? "..." : "");
        } else {
          return value_text(held);
        }
      },
      value);
}

std::string heading(const Checkpoint& weights) {
  const auto bytes = static_cast<std::int64_t>(weights.file().bytes().size());
  std::vector<std::string> types;
  for (const auto& [type, count] : count_types(weights))
    types.push_back(fmt::format("{} {}", count, type));
  const std::size_t count = weights.tensors().size();
  return fmt::format("{}\n  format      {}, {} bytes\n  tensors     {}{}\n  parameters  {}\n",
                     weights.name(), weights.format(), grouped(bytes), count,
                     count == 0 ? "" : fmt::format(": {}", fmt::join(types, ", ")),
                     grouped(parameters_of(weights)));
}

std::string metadata_rows(const Checkpoint& weights, std::size_t columns) {
  std::size_t widest = 0;
  for (const auto& [key, value] : weights.metadata())
    widest = std::max(widest, width_of(printable(key)));
  widest = std::min<std::size_t>(widest, 40);
  std::string text;
  for (const auto& [key, value] : weights.metadata()) {
    const std::string left = padded(printable(key), widest);
    const std::size_t room = columns - std::min(columns, width_of(left) + 4);
    text += "  " + left + "  " + fitted(to_text(value), std::max<std::size_t>(room, 20)) + '\n';
  }
  return text;
}

struct TensorRow {
  std::string name;
  std::string type;
  std::string shape;
  std::string bytes;
};

std::string tensor_rows(const Checkpoint& weights) {
  std::vector<TensorRow> rows;
  TensorRow widest;
  const auto widen = [](std::string& widest_text, const std::string& text) {
    if (width_of(text) > widest_text.size()) widest_text.assign(width_of(text), ' ');
  };
  for (const StoredTensor& tensor : weights.tensors()) {
    rows.push_back({printable(tensor.name), std::string(formats::name_of(tensor.type)),
                    to_string(tensor.shape),
                    grouped(static_cast<std::int64_t>(tensor.bytes.size()))});
    widen(widest.name, rows.back().name);
    widen(widest.type, rows.back().type);
    widen(widest.shape, rows.back().shape);
    widen(widest.bytes, rows.back().bytes);
  }
  std::string text;
  for (const TensorRow& row : rows) {
    text += fmt::format("  {}  {}  {}  {:>{}}\n", padded(row.name, widest.name.size()),
                        padded(row.type, widest.type.size()),
                        padded(row.shape, widest.shape.size()), row.bytes, widest.bytes.size());
  }
  return text;
}

ordered_json to_json(const StoredTensor& tensor) {
  ordered_json shape = ordered_json::array();
  for (const std::int64_t size : tensor.shape) shape.push_back(size);
  return {{"name", tensor.name},
          {"type", formats::name_of(tensor.type)},
          {"shape", shape},
          {"bytes", tensor.bytes.size()}};
}

}  // namespace

std::string weights_file(const std::string& path) {
  std::error_code error;
  if (!files::is_directory(path, error)) return path;
  std::vector<std::string> found;
  for (const auto& entry : files::directory_iterator(path, error)) {
    const files::path extension = entry.path().extension();
    if (extension == ".gguf" || extension == ".safetensors") found.push_back(entry.path());
  }
  if (found.size() == 1) return found.front();
  throw Error(ErrorKind::io,
              fmt::format("model: {} holds {} .gguf or .safetensors files; wanted is one",
                          printable(path), found.empty() ? "no" : grouped(length_of(found))));
}

std::string model_text(const Checkpoint& weights, int columns) {
  std::string text = heading(weights);
  if (!weights.metadata().empty()) {
    text += fmt::format("\nMetadata ({})\n", weights.metadata().size()) +
            metadata_rows(weights, static_cast<std::size_t>(columns));
  }
  if (!weights.tensors().empty()) text += "\nTensors, with their bytes\n" + tensor_rows(weights);
  return text;
}

std::string model_json(const Checkpoint& weights) {
  ordered_json metadata = ordered_json::object();
  for (const auto& [key, value] : weights.metadata()) metadata[key] = to_json(value);
  ordered_json tensors = ordered_json::array();
  for (const StoredTensor& tensor : weights.tensors()) tensors.push_back(to_json(tensor));
  const ordered_json all = {{"file", weights.name()},
                            {"format", weights.format()},
                            {"bytes", weights.file().bytes().size()},
                            {"parameters", parameters_of(weights)},
                            {"types", count_types(weights)},
                            {"metadata", metadata},
                            {"tensors", tensors}};
  return dumped(all, 2) + '\n';
}

}  // namespace fovea::cli
