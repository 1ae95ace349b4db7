// Reading and writing of .npy: every size is checked against the file's before an array is
// allocated.
#include "fovea/formats/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <vector>

#include "formats/checked_size.h"
#include "formats/npy_header.h"
#include "fovea/core/error.h"
#include "fovea/formats/file_kind.h"

namespace fovea::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are stored little-endian");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kLongestHeader = 65536;

// A file, or a file's bytes in memory.
struct Source {
  const std::string& name;
  std::int64_t size;
  std::function<void(std::int64_t offset, std::span<std::byte> target)> read_at;
};

Source source_of(const InputFile& file) {
  return {file.name(), file.size(), [&file](std::int64_t offset, std::span<std::byte> target) {
            file.read_at(offset, target);
          }};
}

[[noreturn]] void fail(const Source& source, std::string_view what) {
  throw Error(ErrorKind::format, fmt::format("{}: {}", source.name, what));
}

// Where the dict lies: after the magic, two bytes of version and its own length.
struct HeaderPlace {
  std::int64_t offset;
  std::int64_t length;
};

void check_magic(const Source& source) {
  std::array<std::byte, kKindBytes> first;
  const auto count = std::min<std::size_t>(first.size(), static_cast<std::size_t>(source.size));
  const std::span<std::byte> start(first.data(), count);
  source.read_at(0, start);
  if (count >= kMagic.size() && std::memcmp(first.data(), kMagic.data(), kMagic.size()) == 0)
    return;
  fail(source, fmt::format("byte 0: is no .npy file: it looks like {}", kind_of_content(start)));
}

HeaderPlace find_header(const Source& source) {
  check_magic(source);
  std::array<std::byte, 12> start{};
  const auto count = std::min<std::size_t>(start.size(), static_cast<std::size_t>(source.size));
  source.read_at(0, std::span(start).first(count));
  if (count < 10) fail(source, fmt::format("ends at byte {}, within its header", source.size));
  const auto byte = [&start](std::size_t i) { return std::to_integer<std::int64_t>(start[i]); };
  const std::int64_t major = byte(6);
  const std::int64_t minor = byte(7);
  if (major < 1 || major > 3 || minor != 0) {
    fail(source,
         fmt::format("byte 6: format version is {}.{}; read are 1.0, 2.0 and 3.0", major, minor));
  }
  HeaderPlace place{10, byte(8) + 256 * byte(9)};
  if (major > 1) {
    if (count < 12) fail(source, fmt::format("ends at byte {}, within its header", source.size));
    place = {12, place.length + 65536 * byte(10) + 16777216 * byte(11)};
  }
  if (place.length > kLongestHeader) {
    fail(source, fmt::format("byte 8: the header is {} bytes long; at most {} are read",
                             place.length, kLongestHeader));
  }
  if (place.offset + place.length > source.size) {
    fail(source, fmt::format("byte 8: the header is {} bytes long and would end at byte {}; the "
                             "file ends at byte {}",
                             place.length, place.offset + place.length, source.size));
  }
  return place;
}

void check_data_size(const Source& source, const NpyHeader& header) {
  const std::int64_t element = size_of(header.dtype);
  const std::optional<std::int64_t> wanted = checked_byte_count(header.shape, element);
  if (!wanted) {
    fail(source, fmt::format("shape {} of {} is more bytes than 63 bits count",
                             to_string(header.shape), name_of(header.dtype)));
  }
  const std::int64_t found = source.size - header.data_offset;
  if (found != *wanted) {
    fail(source,
         fmt::format("shape {} of {} takes {} bytes; {} follow the header, which ends at byte {}",
                     to_string(header.shape), name_of(header.dtype), *wanted, found,
                     header.data_offset));
  }
}

NpyHeader read_header(const Source& source) {
  const HeaderPlace place = find_header(source);
  std::string text(static_cast<std::size_t>(place.length), '\0');
  source.read_at(place.offset, std::as_writable_bytes(std::span(text)));
  const NpyEntries entries = parse_npy_header(text, {source.name, place.offset});
  NpyHeader header{.dtype = entries.dtype,
                   .shape = entries.shape,
                   .is_big_endian = entries.is_big_endian,
                   .is_fortran_order = entries.is_fortran_order,
                   .data_offset = place.offset + place.length};
  check_data_size(source, header);
  return header;
}

// Puts elements that lie with the first axis varying fastest where they belong in row-major order.
class FortranScatter {
 public:
  explicit FortranScatter(Tensor& target)
      : data_(target.bytes().data()),
        element_(size_of(target.dtype())),
        sizes_(target.shape()),
        strides_(contiguous_strides(target.shape())) {}

  void put(std::span<const std::byte> elements) noexcept {
    const auto step = static_cast<std::size_t>(element_);
    for (std::size_t at = 0; at < elements.size(); at += step) {
      std::memcpy(data_ + place_ * element_, elements.data() + at, step);
      advance();
    }
  }

 private:
  void advance() noexcept {
    for (int axis = 0; axis < sizes_.rank(); ++axis) {
      place_ += strides_[axis];
      if (++index_[static_cast<std::size_t>(axis)] < sizes_[axis]) return;
      index_[static_cast<std::size_t>(axis)] = 0;
      place_ -= sizes_[axis] * strides_[axis];
    }
  }

  std::byte* data_;
  std::int64_t element_;
  Shape sizes_;
  Shape strides_;
  std::array<std::int64_t, kMaxRank> index_{};
  std::int64_t place_ = 0;
};

void read_fortran_order(const Source& source, const NpyHeader& header, Tensor& target) {
  FortranScatter scatter(target);
  std::vector<std::byte> buffer(std::size_t{1} << 20);  // a multiple of every element's size
  const auto total = static_cast<std::int64_t>(target.bytes().size());
  for (std::int64_t done = 0; done < total;) {
    const auto count =
        std::min<std::int64_t>(total - done, static_cast<std::int64_t>(buffer.size()));
    const std::span<std::byte> part(buffer.data(), static_cast<std::size_t>(count));
    source.read_at(header.data_offset + done, part);
    scatter.put(part);
    done += count;
  }
}

void reverse_bytes_of_elements(Tensor& tensor) noexcept {
  const auto element = size_of(tensor.dtype());
  const std::span<std::byte> bytes = tensor.bytes();
  for (auto at = bytes.begin(); at != bytes.end(); at += element) std::reverse(at, at + element);
}

Tensor allocate(const Source& source, const NpyHeader& header) {
  try {
    return Tensor::uninitialized(header.dtype, header.shape);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", source.name, error.what()));
  }
}

Tensor read_array(const Source& source) {
  const NpyHeader header = read_header(source);
  Tensor array = allocate(source, header);
  if (array.element_count() == 0) return array;
  if (header.is_fortran_order) {
    read_fortran_order(source, header, array);
  } else {
    source.read_at(header.data_offset, array.bytes());
  }
  if (header.is_big_endian) reverse_bytes_of_elements(array);
  // A C++ bool is 0 or 1; numpy takes any other byte for true.
  if (header.dtype == DType::boolean) {
    for (std::byte& byte : array.bytes()) byte = byte == std::byte{0} ? byte : std::byte{1};
  }
  return array;
}

}  // namespace

NpyHeader read_npy_header(const InputFile& file) {
  return read_header(source_of(file));
}

Tensor read_npy(const InputFile& file) {
  return read_array(source_of(file));
}

Tensor read_npy(const std::string& path) {
  return read_npy(InputFile(path));
}

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  const auto read_at = [bytes](std::int64_t offset, std::span<std::byte> target) {
    const auto from = bytes.subspan(static_cast<std::size_t>(offset), target.size());
    std::copy(from.begin(), from.end(), target.begin());
  };
  return read_array({name, static_cast<std::int64_t>(bytes.size()), read_at});
}

TensorView as_bfloat16(const TensorView& bits) {
  if (bits.dtype() != DType::u16) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("bfloat16 comes as u16; this array is {}", name_of(bits.dtype())));
  }
  return {bits.data(), DType::bf16, bits.shape(), bits.strides()};
}

void write_npy_header(OutputFile& file, DType dtype, const Shape& shape) {
  constexpr std::size_t kAlignment = 64;  // of the data, as numpy has it
  std::string dict = format_npy_header(dtype, shape);
  dict.resize((10 + dict.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - 11, ' ');
  dict += '\n';
  std::string start(kMagic);
  start +=
      {'\x01', '\x00', static_cast<char>(dict.size() % 256), static_cast<char>(dict.size() / 256)};
  start += dict;
  file.write(std::as_bytes(std::span(start)));
}

void write_npy(OutputFile& file, const TensorView& array) {
  write_npy_header(file, array.dtype(), array.shape());
  if (array.is_contiguous()) {
    const auto bytes = static_cast<std::size_t>(array.element_count() * size_of(array.dtype()));
    file.write({static_cast<const std::byte*>(array.data()), bytes});
  } else {
    file.write(Tensor::copy_of(array).bytes());
  }
}

void write_npy(const std::string& path, const TensorView& array) {
  OutputFile file(path);
  write_npy(file, array);
  file.commit();
}

}  // namespace fovea::formats
