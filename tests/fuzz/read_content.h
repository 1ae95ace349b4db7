// Reads all that a checkpoint says, as somebody who uses it would.
#pragma once

#include <vector>

#include "formats/checkpoint_content.h"
#include "fuzz/fuzzing.h"

namespace fovea::fuzz {

/// Every tensor's bytes, as numbers where they are weights, are read.
inline void read_content(const formats::CheckpointContent& content) {
  std::vector<float> floats;
  for (const formats::StoredTensor& tensor : content.tensors) {
    const formats::BlockSize block = formats::block_size(tensor.type);
    const std::int64_t count = tensor.shape.element_count();
    require(static_cast<std::int64_t>(tensor.bytes.size()) == count / block.numbers * block.bytes);
    if (formats::is_weight_type(tensor.type)) {
      floats.resize(static_cast<std::size_t>(count));
      formats::to_floats(tensor.type, tensor.bytes, floats);
    } else {
      unsigned sum = 0;
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
      require(sum <= 255 * tensor.bytes.size());
    }
  }
}

}  // namespace fovea::fuzz
