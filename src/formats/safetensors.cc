// A header of JSON, then the tensors' bytes without gaps. All that the header claims is checked
// against the file before a tensor is made of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "formats/byte_reader.h"
#include "formats/checked_size.h"
#include "formats/checkpoint_content.h"
#include "formats/memory_budget.h"
#include "formats/strict_json.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/file_kind.h"

namespace fovea::formats {
namespace {

using nlohmann::json;

constexpr std::int64_t kLongestHeader = 100'000'000;  // the format's own limit
// The header's JSON and the tensors made of it together stay under 64 MiB.
constexpr std::int64_t kJsonMemory = std::int64_t{36} << 20;
constexpr std::int64_t kTensorMemory = std::int64_t{24} << 20;
constexpr auto kTensorBytes = static_cast<std::int64_t>(sizeof(StoredTensor));

struct NamedType {
  std::string_view name;
  std::optional<StoredType> type;  // nothing: the format has it, fovea does not read it
};

constexpr std::array kTypes{
    NamedType{"F32", StoredType::f32},
    NamedType{"F64", StoredType::f64},
    NamedType{"F16", StoredType::f16},
    NamedType{"BF16", StoredType::bf16},
    NamedType{"BOOL", StoredType::boolean},
    NamedType{"I8", StoredType::i8},
    NamedType{"I16", StoredType::i16},
    NamedType{"I32", StoredType::i32},
    NamedType{"I64", StoredType::i64},
    NamedType{"U8", StoredType::u8},
    NamedType{"U16", StoredType::u16},
    NamedType{"U32", StoredType::u32},
    NamedType{"U64", StoredType::u64},
    NamedType{"F8_E4M3", StoredType::f8_e4m3},
    NamedType{"F8_E5M2", StoredType::f8_e5m2},
    NamedType{"F8_E8M0", std::nullopt},
    NamedType{"F4", std::nullopt},
    NamedType{"F6_E2M3", std::nullopt},
    NamedType{"F6_E3M2", std::nullopt},
    NamedType{"C64", std::nullopt},
};

// Reads the entries of one header.
class Header {
 public:
  Header(const std::string& file, std::span<const std::byte> data)
      : file_(file), data_(data), budget_(kTensorMemory) {}

  [[noreturn]] void fail(std::string_view what, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, fmt::format("{}: {}", file_, what));
  }
  [[noreturn]] void fail(std::string_view name, std::string_view what,
                         ErrorKind kind = ErrorKind::format) const {
    fail(fmt::format("tensor {}: {}", in_quotes(name), what), kind);
  }

  StoredTensor tensor(const std::string& name, const json& value) {
    if (!value.is_object()) {
      fail(name, fmt::format("is {}; an object is wanted", kind_of_json(value)));
    }
    const auto length = static_cast<std::int64_t>(name.size());
    if (!budget_.take(kTensorBytes + MemoryBudget::of_text(length))) {
      fail("the header names more tensors than 24 MiB of memory hold", ErrorKind::unsupported);
    }
    StoredTensor tensor{name, type(name, field(name, value, "dtype")),
                        shape(name, field(name, value, "shape")),
                        bytes(name, field(name, value, "data_offsets"))};
    check_size(tensor);
    return tensor;
  }

  // Where a tensor's bytes begin in the data.
  std::int64_t begin_of(const StoredTensor& tensor) const {
    return tensor.bytes.data() - data_.data();
  }

  // The texts are moved away: there may be many megabytes of them.
  Metadata take_metadata(json& value) const {
    if (!value.is_object()) {
      fail(fmt::format("__metadata__ is {}; an object is wanted", kind_of_json(value)));
    }
    Metadata metadata;
    for (auto& [key, text] : value.get_ref<json::object_t&>()) {
      if (!text.is_string()) {
        fail(fmt::format("__metadata__: {} is {}; a string is wanted", in_quotes(key),
                         kind_of_json(text)));
      }
      metadata.emplace(key, std::move(text.get_ref<std::string&>()));
    }
    return metadata;
  }

 private:
  const json& field(std::string_view name, const json& object, const char* key) const {
    const auto found = object.find(key);
    if (found == object.end()) fail(name, fmt::format("has no {}", key));
    return *found;
  }

  StoredType type(std::string_view name, const json& value) const {
    if (!value.is_string()) {
      fail(name, fmt::format("dtype is {}; a string is wanted", kind_of_json(value)));
    }
    const auto& text = value.get_ref<const std::string&>();
    const auto found = std::ranges::find(kTypes, std::string_view(text), &NamedType::name);
    if (found == kTypes.end()) fail(name, fmt::format("dtype {} is unknown", in_quotes(text)));
    if (!found->type) {
      fail(name, fmt::format("dtype {} is not read by fovea", text), ErrorKind::unsupported);
    }
    return *found->type;
  }

  // Whole numbers of at most 63 bits.
  std::int64_t whole(std::string_view name, std::string_view what, const json& value) const {
    if (!value.is_number_unsigned()) {
      fail(name,
           fmt::format("{} holds {}; whole numbers from 0 are wanted", what, kind_of_json(value)));
    }
    const auto number = value.get<std::uint64_t>();
    if (number > std::uint64_t{INT64_MAX}) {
      fail(name, fmt::format("{} holds {}, more than 63 bits", what, number));
    }
    return static_cast<std::int64_t>(number);
  }

  Shape shape(std::string_view name, const json& value) const {
    if (!value.is_array()) {
      fail(name, fmt::format("shape is {}; an array is wanted", kind_of_json(value)));
    }
    if (value.size() > static_cast<std::size_t>(kMaxRank)) {
      fail(name, fmt::format("has {} axes; at most {} are read", value.size(), kMaxRank));
    }
    std::vector<std::int64_t> sizes;
    for (const json& size : value) sizes.push_back(whole(name, "shape", size));
    return Shape(sizes);
  }

  // The part of the data that a tensor's offsets name.
  std::span<const std::byte> bytes(std::string_view name, const json& offsets) const {
    if (!offsets.is_array() || offsets.size() != 2) {
      fail(name, "data_offsets is no array of two numbers");
    }
    const std::int64_t begin = whole(name, "data_offsets", offsets[0]);
    const std::int64_t end = whole(name, "data_offsets", offsets[1]);
    if (begin > end) fail(name, fmt::format("data_offsets go back, from {} to {}", begin, end));
    if (static_cast<std::size_t>(end) > data_.size()) {
      fail(name, fmt::format("ends at byte {} of the data; the file has {}", end, data_.size()));
    }
    return data_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

  void check_size(const StoredTensor& tensor) const {
    const auto wanted = checked_byte_count(tensor.shape, block_size(tensor.type).bytes);
    const std::string what = fmt::format("shape {} of {}", to_string(tensor.shape),
                                         fovea::formats::name_of(tensor.type));
    if (!wanted) fail(tensor.name, fmt::format("{} is more bytes than 63 bits count", what));
    const auto found = static_cast<std::int64_t>(tensor.bytes.size());
    if (found != *wanted) {
      const std::int64_t begin = begin_of(tensor);
      fail(tensor.name, fmt::format("{} takes {} bytes; data_offsets [{}, {}] give it {}", what,
                                    *wanted, begin, begin + found, found));
    }
  }

  const std::string& file_;
  std::span<const std::byte> data_;
  MemoryBudget budget_;
};

// In the order of the data, which they have to fill without a gap.
void sort_and_check(const Header& header, std::vector<StoredTensor>& tensors,
                    std::int64_t data_bytes) {
  std::ranges::sort(tensors, {}, [&header](const StoredTensor& tensor) {
    return std::tuple(header.begin_of(tensor), tensor.bytes.size(), std::string_view(tensor.name));
  });
  std::int64_t filled = 0;
  for (const StoredTensor& tensor : tensors) {
    const std::int64_t begin = header.begin_of(tensor);
    if (begin < filled) {
      header.fail(tensor.name, fmt::format("begins at byte {} of the data, within another tensor, "
                                           "which ends at {}",
                                           begin, filled));
    }
    if (begin > filled) {
      header.fail(tensor.name, fmt::format("begins at byte {} of the data; bytes {} to {} before "
                                           "it belong to no tensor",
                                           begin, filled, begin));
    }
    filled = begin + static_cast<std::int64_t>(tensor.bytes.size());
  }
  if (filled != data_bytes) {
    header.fail(
        fmt::format("the tensors end at byte {} of the data; the file has {}", filled, data_bytes));
  }
}

// What the file is if not a safetensors file, for the end of a message.
std::string looks_like_another(const ByteReader& reader) {
  const std::string_view kind = kind_of_content(reader.bytes());
  if (kind == kSafetensorsKind || kind == "unknown bytes") return "";
  return fmt::format("; the file looks like {}", kind);
}

// The header's text; `reader` stands at the data after it.
std::string_view take_header(ByteReader& reader) {
  const std::string looks = looks_like_another(reader);
  if (reader.left() < 8) {
    reader.fail(0,
                fmt::format("the length of a safetensors header takes 8 bytes; the file has {}{}",
                            reader.left(), looks));
  }
  const auto length = reader.take<std::uint64_t>("the header's length");
  if (length == 0 || length > static_cast<std::uint64_t>(kLongestHeader)) {
    reader.fail(0, fmt::format("the safetensors header is {} bytes long; 2 to {} are allowed{}",
                               length, kLongestHeader, looks));
  }
  if (static_cast<std::int64_t>(length) > reader.left()) {
    reader.fail(0, fmt::format("the safetensors header is {} bytes long; the file ends after {}{}",
                               length, reader.left(), looks));
  }
  std::string_view text = reader.take_text(static_cast<std::int64_t>(length), "the header");
  if (!text.starts_with('{')) {
    reader.fail(8, fmt::format("a safetensors header begins with '{{', this one with {}{}",
                               in_quotes(text.substr(0, 1)), looks));
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

CheckpointContent parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  ByteReader reader(file, name);
  const std::string_view text = take_header(reader);
  const std::span<const std::byte> data = file.subspan(static_cast<std::size_t>(reader.offset()));
  json object = parse_strict_json(text, name, {.memory = kJsonMemory, .first_byte = 8});

  CheckpointContent content{"safetensors", {}, {}};
  Header header(name, data);
  content.tensors.reserve(object.size());
  for (auto& [key, value] : object.get_ref<json::object_t&>()) {
    if (key == "__metadata__") {
      content.metadata = header.take_metadata(value);
    } else {
      content.tensors.push_back(header.tensor(key, value));
    }
  }
  sort_and_check(header, content.tensors, reader.left());
  return content;
}

Checkpoint read_safetensors(const std::string& path) {
  MappedFile file(path);
  CheckpointContent content = parse_safetensors(file.bytes(), file.name());
  file.require_whole();
  return {std::move(file), std::move(content.format), std::move(content.tensors),
          std::move(content.metadata)};
}

}  // namespace fovea::formats
