// Descriptions first, then the data: offsets are checked when it is known where that begins.
#include "formats/gguf_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "formats/checked_size.h"
#include "formats/gguf_metadata.h"
#include "formats/utf8.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

constexpr std::uint32_t kMostAxes = 4;
constexpr std::int64_t kLongestName = 65535;

struct NumberedType {
  std::uint32_t number;
  std::string_view name;
  std::optional<StoredType> type;  // nothing: ggml has it, fovea does not read it
};

// Source: github.com/ggml-org/ggml, ggml.h, ggml_type. 4, 5 and the gaps were given up.
constexpr std::array kTypes{
    NumberedType{0, "F32", StoredType::f32},    NumberedType{1, "F16", StoredType::f16},
    NumberedType{2, "Q4_0", StoredType::q4_0},  NumberedType{3, "Q4_1", StoredType::q4_1},
    NumberedType{6, "Q5_0", StoredType::q5_0},  NumberedType{7, "Q5_1", StoredType::q5_1},
    NumberedType{8, "Q8_0", StoredType::q8_0},  NumberedType{9, "Q8_1", std::nullopt},
    NumberedType{10, "Q2_K", StoredType::q2_k}, NumberedType{11, "Q3_K", StoredType::q3_k},
    NumberedType{12, "Q4_K", StoredType::q4_k}, NumberedType{13, "Q5_K", StoredType::q5_k},
    NumberedType{14, "Q6_K", StoredType::q6_k}, NumberedType{15, "Q8_K", StoredType::q8_k},
    NumberedType{16, "IQ2_XXS", std::nullopt},  NumberedType{17, "IQ2_XS", std::nullopt},
    NumberedType{18, "IQ3_XXS", std::nullopt},  NumberedType{19, "IQ1_S", std::nullopt},
    NumberedType{20, "IQ4_NL", std::nullopt},   NumberedType{21, "IQ3_S", std::nullopt},
    NumberedType{22, "IQ2_S", std::nullopt},    NumberedType{23, "IQ4_XS", std::nullopt},
    NumberedType{24, "I8", StoredType::i8},     NumberedType{25, "I16", StoredType::i16},
    NumberedType{26, "I32", StoredType::i32},   NumberedType{27, "I64", StoredType::i64},
    NumberedType{28, "F64", StoredType::f64},   NumberedType{29, "IQ1_M", std::nullopt},
    NumberedType{30, "BF16", StoredType::bf16}, NumberedType{34, "TQ1_0", std::nullopt},
    NumberedType{35, "TQ2_0", std::nullopt},    NumberedType{39, "MXFP4", std::nullopt},
    NumberedType{40, "NVFP4", std::nullopt},    NumberedType{41, "Q1_0", std::nullopt},
};

// A description.
struct Described {
  std::string_view name;  // in the file
  std::int64_t at;        // byte of its description
  std::uint64_t offset;   // of its bytes, from where the data begins
  std::int64_t bytes;
  StoredType type;
  Shape shape;
};

[[noreturn]] void fail(const ByteReader& reader, const Described& tensor, std::string_view what,
                       ErrorKind kind = ErrorKind::format) {
  reader.fail(tensor.at, fmt::format("tensor {}: {}", in_quotes(tensor.name), what), kind);
}

// ggml counts axes from the innermost; shapes here begin with the outermost.
Shape take_shape(ByteReader& reader, const Described& tensor) {
  const auto axes = reader.take<std::uint32_t>("a tensor's number of axes");
  if (axes > kMostAxes) {
    fail(reader, tensor, fmt::format("has {} axes; at most {} are allowed", axes, kMostAxes));
  }
  std::array<std::int64_t, kMostAxes> sizes{};
  for (std::uint32_t axis = 0; axis < axes; ++axis) {
    const auto size = reader.take<std::uint64_t>("a tensor's sizes");
    if (size > std::uint64_t{INT64_MAX}) {
      fail(reader, tensor, fmt::format("a size of {}, more than 63 bits", size));
    }
    sizes[axes - 1 - axis] = static_cast<std::int64_t>(size);
  }
  return Shape(std::span<const std::int64_t>(sizes).first(axes));
}

StoredType take_type(ByteReader& reader, const Described& tensor) {
  const auto number = reader.take<std::uint32_t>("a tensor's type");
  const auto found = std::ranges::find(kTypes, number, &NumberedType::number);
  if (found == kTypes.end()) fail(reader, tensor, fmt::format("tensor type {} is unknown", number));
  if (!found->type) {
    fail(reader, tensor, fmt::format("tensor type {} is not read by fovea", found->name),
         ErrorKind::unsupported);
  }
  return *found->type;
}

// Bytes that the blocks of all rows take.
std::int64_t byte_count(const ByteReader& reader, const Described& tensor) {
  const BlockSize block = block_size(tensor.type);
  Shape blocks = tensor.shape;
  const std::int64_t row = blocks.rank() == 0 ? 1 : blocks[blocks.rank() - 1];
  if (row % block.numbers != 0) {
    fail(reader, tensor,
         fmt::format("rows of {} numbers; {} holds {} in a block", row,
                     fovea::formats::name_of(tensor.type), block.numbers));
  }
  if (blocks.rank() > 0) blocks[blocks.rank() - 1] /= block.numbers;
  const auto bytes = checked_byte_count(blocks, block.bytes);
  if (!bytes || !checked_byte_count(tensor.shape, 1)) {
    fail(reader, tensor,
         fmt::format("shape {} of {} is more than 63 bits count", to_string(tensor.shape),
                     fovea::formats::name_of(tensor.type)));
  }
  return *bytes;
}

Described take_description(ByteReader& reader, std::int64_t alignment) {
  Described tensor{{}, reader.offset(), 0, 0, StoredType::f32, {}};
  tensor.name = take_gguf_string(reader, "a tensor's name");
  if (static_cast<std::int64_t>(tensor.name.size()) > kLongestName || !is_utf8(tensor.name)) {
    fail(reader, tensor, fmt::format("the name is no UTF-8 of at most {} bytes", kLongestName));
  }
  tensor.shape = take_shape(reader, tensor);
  tensor.type = take_type(reader, tensor);
  tensor.bytes = byte_count(reader, tensor);
  tensor.offset = reader.take<std::uint64_t>("a tensor's offset");
  if (tensor.offset % static_cast<std::uint64_t>(alignment) != 0) {
    fail(reader, tensor,
         fmt::format("offset {} is no multiple of the alignment {}", tensor.offset, alignment));
  }
  return tensor;
}

void refuse_twins(const ByteReader& reader, const std::vector<Described>& tensors) {
  std::vector<const Described*> by_name;
  for (const Described& tensor : tensors) by_name.push_back(&tensor);
  std::ranges::sort(by_name, {}, &Described::name);
  const auto twin = std::ranges::adjacent_find(by_name, {}, &Described::name);
  if (twin != by_name.end()) fail(reader, **twin, "the name is given twice");
}

// Sorts by offset, and finds each tensor's bytes in `data`.
void check_places(const ByteReader& reader, std::vector<Described>& tensors,
                  std::int64_t data_bytes) {
  std::ranges::sort(tensors, {}, [](const Described& tensor) {
    return std::tuple(tensor.offset, tensor.bytes, tensor.at);
  });
  std::int64_t filled = 0;
  for (const Described& tensor : tensors) {
    const auto room = static_cast<std::uint64_t>(data_bytes);
    if (tensor.offset > room || static_cast<std::uint64_t>(tensor.bytes) > room - tensor.offset) {
      fail(reader, tensor,
           fmt::format("{} bytes from byte {} of the data; the file has {}", tensor.bytes,
                       tensor.offset, data_bytes));
    }
    const auto offset = static_cast<std::int64_t>(tensor.offset);
    if (tensor.bytes > 0 && offset < filled) {
      fail(reader, tensor,
           fmt::format("begins at byte {} of the data, within another tensor, which "
                       "ends at {}",
                       offset, filled));
    }
    filled = std::max(filled, offset + tensor.bytes);
  }
}

// Where the data begins in the file; its end when there is none.
std::int64_t data_start(const ByteReader& reader, std::int64_t alignment) {
  const std::int64_t past = reader.offset() % alignment;
  const std::int64_t padding = past == 0 ? 0 : alignment - past;
  return reader.offset() + std::min(padding, reader.left());
}

}  // namespace

std::vector<StoredTensor> take_gguf_tensors(ByteReader& reader, const GgufTensorPlan& plan,
                                            MemoryBudget& budget) {
  std::vector<Described> described;
  for (std::int64_t i = 0; i < plan.count; ++i) {
    described.push_back(take_description(reader, plan.alignment));
    const auto length = static_cast<std::int64_t>(described.back().name.size());
    // The vector of descriptions may be twice as long as it needs to be.
    if (!budget.take(static_cast<std::int64_t>(2 * sizeof(Described) + sizeof(StoredTensor)) +
                     MemoryBudget::of_text(length))) {
      fail(reader, described.back(),
           fmt::format("{} tensors are more than {} MiB of memory hold", plan.count,
                       budget.bytes() >> 20),
           ErrorKind::unsupported);
    }
  }
  refuse_twins(reader, described);
  const std::int64_t start = data_start(reader, plan.alignment);
  const std::span<const std::byte> data = reader.bytes().subspan(static_cast<std::size_t>(start));
  check_places(reader, described, static_cast<std::int64_t>(data.size()));

  std::vector<StoredTensor> tensors;
  tensors.reserve(described.size());
  for (const Described& tensor : described) {
    tensors.push_back({std::string(tensor.name), tensor.type, tensor.shape,
                       data.subspan(static_cast<std::size_t>(tensor.offset),
                                    static_cast<std::size_t>(tensor.bytes))});
  }
  return tensors;
}

}  // namespace fovea::formats
