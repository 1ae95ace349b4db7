// What `fovea model show` says about a file of weights.
#pragma once

#include <string>

#include "fovea/formats/checkpoint.h"

namespace fovea::cli {

/// Returns the file that holds the weights: `path` itself, or the one .gguf or .safetensors in the
/// folder `path`. Throws Error{io} for a folder with none or with several.
std::string weights_file(const std::string& path);

/// Format, sizes, metadata (long values shortened) and tensors, for people: at most `columns` wide
/// where the names allow.
std::string model_text(const formats::Checkpoint& weights, int columns);

/// The same for programs: an object with file, format, bytes, parameters, types, metadata, tensors.
/// An array of more than 16 values is {"length": N, "first": [16 values]}.
std::string model_json(const formats::Checkpoint& weights);

}  // namespace fovea::cli
