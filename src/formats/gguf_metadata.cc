// Keys and values one after another, each with its type; what a value takes is checked before it is
// made.
#include "formats/gguf_metadata.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "formats/checked_size.h"
#include "formats/utf8.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

constexpr std::int64_t kLongestKey = 65535;
constexpr std::int64_t kMostAlignment = std::int64_t{1} << 20;

// What an entry of the map takes besides texts and arrays.
constexpr std::int64_t kEntryBytes = static_cast<std::int64_t>(sizeof(Metadata::value_type)) + 48;

enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};
constexpr std::uint32_t kLastValueType = 12;

// A value being read: where, for messages.
class ValueReader {
 public:
  ValueReader(ByteReader& reader, std::string_view key, MemoryBudget& budget)
      : reader_(reader), key_(key), budget_(budget) {}

  MetadataValue take() {
    const ValueType type = take_type("the value's type");
    return type == ValueType::array ? take_array() : take_scalar(type);
  }

 private:
  [[noreturn]] void fail(std::int64_t at, std::string_view what,
                         ErrorKind kind = ErrorKind::format) const {
    reader_.fail(at, fmt::format("key {}: {}", in_quotes(key_), what), kind);
  }

  void pay(std::int64_t bytes) {
    if (budget_.take(bytes)) return;
    fail(reader_.offset(),
         fmt::format("the metadata so far takes more than {} MiB of memory", budget_.bytes() >> 20),
         ErrorKind::unsupported);
  }

  ValueType take_type(std::string_view what) {
    const std::int64_t at = reader_.offset();
    const auto type = reader_.take<std::uint32_t>(what);
    if (type > kLastValueType) fail(at, fmt::format("value type {} is unknown", type));
    return static_cast<ValueType>(type);
  }

  template <typename T>
  T take_number() {
    return reader_.take<T>("a value");
  }

  MetadataValue take_scalar(ValueType type) {
    switch (type) {
      case ValueType::u8:
        return std::int64_t{take_number<std::uint8_t>()};
      case ValueType::i8:
        return std::int64_t{take_number<std::int8_t>()};
      case ValueType::u16:
        return std::int64_t{take_number<std::uint16_t>()};
      case ValueType::i16:
        return std::int64_t{take_number<std::int16_t>()};
      case ValueType::u32:
        return std::int64_t{take_number<std::uint32_t>()};
      case ValueType::i32:
        return std::int64_t{take_number<std::int32_t>()};
      case ValueType::f32:
        return double{take_number<float>()};
      case ValueType::boolean:
        return take_bool();
      case ValueType::string:
        return take_string(label());
      case ValueType::u64:
        return take_u64();
      case ValueType::i64:
        return take_number<std::int64_t>();
      case ValueType::f64:
        return take_number<double>();
      case ValueType::array:
        break;
    }
    return false;  // arrays are taken elsewhere
  }

  MetadataValue take_u64() {
    const auto value = take_number<std::uint64_t>();
    if (value > std::uint64_t{INT64_MAX}) return value;
    return static_cast<std::int64_t>(value);
  }

  bool take_bool() {
    const std::int64_t at = reader_.offset();
    const auto value = take_number<std::uint8_t>();
    if (value > 1) fail(at, fmt::format("a bool is {}; 0 and 1 are allowed", value));
    return value == 1;
  }

  // How messages begin that the reader makes of a string of this key.
  std::string label() const { return fmt::format("key {}", in_quotes(key_)); }

  std::string take_string(std::string_view label) {
    const std::string_view text = take_gguf_string(reader_, label);
    pay(MemoryBudget::of_text(static_cast<std::int64_t>(text.size())) -
        static_cast<std::int64_t>(sizeof(std::string)));
    return std::string(text);
  }

  // A count of elements of `bytes` each at least, in what is left.
  std::int64_t take_count(std::int64_t bytes) {
    const std::int64_t at = reader_.offset();
    const auto count = reader_.take<std::uint64_t>("an array's length");
    const auto most = static_cast<std::uint64_t>(reader_.left() / bytes);
    if (count > most) {
      fail(at, fmt::format("an array of {} elements; the {} bytes left hold at most {}", count,
                           reader_.left(), most));
    }
    return static_cast<std::int64_t>(count);
  }

  MetadataValue take_array() {
    const std::int64_t at = reader_.offset();
    const ValueType type = take_type("the type of an array's elements");
    switch (type) {
      case ValueType::array:
        fail(at, "an array of arrays, which is not read", ErrorKind::unsupported);
      case ValueType::string:
        return take_strings();
      case ValueType::boolean:
        return take_bools();
      case ValueType::u8:
        return take_numbers(DType::u8);
      case ValueType::i8:
        return take_numbers(DType::i8);
      case ValueType::u16:
        return take_numbers(DType::u16);
      case ValueType::i16:
        return take_numbers(DType::i16);
      case ValueType::u32:
        return take_numbers(DType::u32);
      case ValueType::i32:
        return take_numbers(DType::i32);
      case ValueType::f32:
        return take_numbers(DType::f32);
      case ValueType::u64:
        return take_numbers(DType::u64);
      case ValueType::i64:
        return take_numbers(DType::i64);
      case ValueType::f64:
        return take_numbers(DType::f64);
    }
    return false;  // take_type lets no other through
  }

  std::vector<std::string> take_strings() {
    const std::int64_t count = take_count(8);
    pay(count * static_cast<std::int64_t>(sizeof(std::string)));
    std::vector<std::string> strings;
    strings.reserve(static_cast<std::size_t>(count));
    const std::string what = label();  // once: there may be a million
    for (std::int64_t i = 0; i < count; ++i) strings.push_back(take_string(what));
    return strings;
  }

  Tensor take_numbers(DType type) {
    const std::int64_t size = size_of(type);
    const std::int64_t count = take_count(size);
    pay(count * size);  // at most the file's size
    Tensor numbers = Tensor::uninitialized(type, {count});
    const auto bytes = reader_.take_bytes(count * size, "an array");
    if (!bytes.empty()) std::memcpy(numbers.bytes().data(), bytes.data(), bytes.size());
    return numbers;
  }

  Tensor take_bools() {
    const std::int64_t at = reader_.offset() + 8;
    Tensor bools = take_numbers(DType::boolean);
    std::int64_t i = 0;
    for (const std::byte byte : std::as_const(bools).bytes()) {
      if (byte > std::byte{1}) {
        fail(at + i, fmt::format("a bool is {}; 0 and 1 are allowed", std::to_integer<int>(byte)));
      }
      ++i;
    }
    return bools;
  }

  ByteReader& reader_;
  std::string_view key_;
  MemoryBudget& budget_;
};

std::string_view take_key(ByteReader& reader) {
  const std::int64_t at = reader.offset();
  const std::string_view key = take_gguf_string(reader, "a key");
  const auto length = static_cast<std::int64_t>(key.size());
  if (length == 0) reader.fail(at, "a key is empty");
  if (length > kLongestKey) {
    reader.fail(at,
                fmt::format("a key is {} bytes long; at most {} are allowed", length, kLongestKey));
  }
  if (!is_utf8(key)) reader.fail(at, fmt::format("the key {} is not UTF-8", in_quotes(key)));
  return key;
}

}  // namespace

std::string_view take_gguf_string(ByteReader& reader, std::string_view what) {
  const std::int64_t at = reader.offset();
  const auto length = reader.take<std::uint64_t>(what);
  if (length > static_cast<std::uint64_t>(reader.left())) {
    reader.fail(at,
                fmt::format("{}: a string of {} bytes; {} are left", what, length, reader.left()));
  }
  return reader.take_text(static_cast<std::int64_t>(length), what);
}

Metadata take_gguf_metadata(ByteReader& reader, std::int64_t count, MemoryBudget& budget) {
  Metadata metadata;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = reader.offset();
    const std::string_view key = take_key(reader);
    if (!budget.take(kEntryBytes + MemoryBudget::of_text(static_cast<std::int64_t>(key.size())))) {
      reader.fail(
          at,
          fmt::format("{} keys are more than {} MiB of memory hold", count, budget.bytes() >> 20),
          ErrorKind::unsupported);
    }
    MetadataValue value = ValueReader(reader, key, budget).take();
    if (!metadata.try_emplace(std::string(key), std::move(value)).second) {
      reader.fail(at, fmt::format("the key {} is given twice", in_quotes(key)));
    }
  }
  return metadata;
}

std::int64_t gguf_alignment(const Metadata& metadata, const std::string& file) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return 32;
  const auto* const alignment = std::get_if<std::int64_t>(&found->second);
  if (alignment == nullptr || *alignment < 1 || *alignment > kMostAlignment ||
      !std::has_single_bit(static_cast<std::uint64_t>(*alignment))) {
    throw Error(
        ErrorKind::format,
        fmt::format("{}: key 'general.alignment' is {}; a power of two up to {} is wanted", file,
                    alignment == nullptr ? "no such number" : fmt::to_string(*alignment),
                    kMostAlignment));
  }
  return *alignment;
}

}  // namespace fovea::formats
