// A header of JSON, then the tensors' bytes without gaps. All that the header claims is checked
// against the file before a tensor is made of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
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

// An entry of the header and where its bytes lie in the data.
struct Entry {
  std::string name;
  StoredType type;
  Shape shape;
  std::int64_t begin;
  std::int64_t end;
};

// Reads the entries of one header.
class Header {
 public:
  Header(const std::string& file, std::int64_t data_bytes)
      : file_(file), data_bytes_(data_bytes), budget_(kTensorMemory) {}

  [[noreturn]] void fail(std::string_view what, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, fmt::format("{}: {}", file_, what));
  }
  [[noreturn]] void fail(std::string_view name, std::string_view what,
                         ErrorKind kind = ErrorKind::format) const {
    fail(fmt::format("tensor {}: {}", in_quotes(name), what), kind);
  }

  Entry entry(const std::string& name, const json& value) {
    if (!value.is_object()) {
      fail(name, fmt::format("is {}; an object is wanted", kind_of_json(value)));
    }
    if (!budget_.take(static_cast<std::int64_t>(sizeof(Entry) + sizeof(StoredTensor)) +
                      2 * MemoryBudget::of_text(static_cast<std::int64_t>(name.size())))) {
      fail("the header names more tensors than 24 MiB of memory hold", ErrorKind::unsupported);
    }
    Entry entry{name, type(name, field(name, value, "dtype")),
                shape(name, field(name, value, "shape")), 0, 0};
    std::tie(entry.begin, entry.end) = offsets(name, field(name, value, "data_offsets"));
    check_size(entry);
    return entry;
  }

  Metadata metadata(const json& value) const {
    if (!value.is_object()) {
      fail(fmt::format("__metadata__ is {}; an object is wanted", kind_of_json(value)));
    }
    Metadata metadata;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) {
        fail(fmt::format("__metadata__: {} is {}; a string is wanted", in_quotes(key),
                         kind_of_json(text)));
      }
      metadata.emplace(key, text.get_ref<const std::string&>());
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

  std::pair<std::int64_t, std::int64_t> offsets(std::string_view name, const json& value) const {
    if (!value.is_array() || value.size() != 2) {
      fail(name, "data_offsets is no array of two numbers");
    }
    const std::int64_t begin = whole(name, "data_offsets", value[0]);
    const std::int64_t end = whole(name, "data_offsets", value[1]);
    if (begin > end) fail(name, fmt::format("data_offsets go back, from {} to {}", begin, end));
    if (end > data_bytes_) {
      fail(name, fmt::format("ends at byte {} of the data; the file has {}", end, data_bytes_));
    }
    return {begin, end};
  }

  void check_size(const Entry& entry) const {
    const auto wanted = checked_byte_count(entry.shape, block_size(entry.type).bytes);
    const std::string what =
        fmt::format("shape {} of {}", to_string(entry.shape), fovea::formats::name_of(entry.type));
    if (!wanted) fail(entry.name, fmt::format("{} is more bytes than 63 bits count", what));
    if (entry.end - entry.begin != *wanted) {
      fail(entry.name, fmt::format("{} takes {} bytes; data_offsets [{}, {}] give it {}", what,
                                   *wanted, entry.begin, entry.end, entry.end - entry.begin));
    }
  }

  const std::string& file_;
  std::int64_t data_bytes_;
  MemoryBudget budget_;
};

// In the order of the data, which they have to fill without a gap.
void sort_and_check(const Header& header, std::vector<Entry>& entries, std::int64_t data_bytes) {
  std::ranges::sort(
      entries, {}, [](const Entry& entry) { return std::tie(entry.begin, entry.end, entry.name); });
  std::int64_t filled = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < filled) {
      header.fail(entry.name, fmt::format("begins at byte {} of the data, within another tensor, "
                                          "which ends at {}",
                                          entry.begin, filled));
    }
    if (entry.begin > filled) {
      header.fail(entry.name, fmt::format("begins at byte {} of the data; bytes {} to {} before it "
                                          "belong to no tensor",
                                          entry.begin, filled, entry.begin));
    }
    filled = entry.end;
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
  const json object = parse_strict_json(text, name, {.memory = kJsonMemory, .first_byte = 8});

  CheckpointContent content{"safetensors", {}, {}};
  Header header(name, reader.left());
  std::vector<Entry> entries;
  for (const auto& [key, value] : object.items()) {
    if (key == "__metadata__") {
      content.metadata = header.metadata(value);
    } else {
      entries.push_back(header.entry(key, value));
    }
  }
  sort_and_check(header, entries, reader.left());
  content.tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    const auto bytes = data.subspan(static_cast<std::size_t>(entry.begin),
                                    static_cast<std::size_t>(entry.end - entry.begin));
    content.tensors.push_back({std::move(entry.name), entry.type, entry.shape, bytes});
  }
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
