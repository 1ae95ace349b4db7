// What a reader makes of a file's bytes, wherever they lie: the fuzzers' way in.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "fovea/formats/checkpoint.h"

namespace fovea::formats {

/// Tensors in file order; their bytes are parts of what was parsed.
struct CheckpointContent {
  std::string format;
  std::vector<StoredTensor> tensors;
  Metadata metadata;
};

/// The whole of a file; `name` begins the messages. Throw as read_gguf and read_safetensors.
CheckpointContent parse_gguf(std::span<const std::byte> file, const std::string& name);
CheckpointContent parse_safetensors(std::span<const std::byte> file, const std::string& name);

}  // namespace fovea::formats
