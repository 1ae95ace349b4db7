// The tensors of a GGUF file: what they are called, and where their bytes lie.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/byte_reader.h"
#include "formats/memory_budget.h"
#include "fovea/formats/checkpoint.h"

namespace fovea::formats {

/// The shortest description of a tensor: a name's length, no axes, a type, an offset.
inline constexpr std::int64_t kLeastTensorBytes = 8 + 4 + 4 + 8;

/// What the file says of all of them.
struct GgufTensorPlan {
  std::int64_t count;
  std::int64_t alignment;
};

/// Takes the descriptions and finds the data, which begins after them at a multiple of the
/// alignment. Returns the tensors in the data's order. Throws Error{format} with the byte and the
/// tensor.
std::vector<StoredTensor> take_gguf_tensors(ByteReader& reader, const GgufTensorPlan& plan,
                                            MemoryBudget& budget);

}  // namespace fovea::formats
