// What GPT-2 and BERT read from their config.json alike, each value checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fovea/models/model.h"
#include "fovea/nn/feed_forward.h"
#include "models/model_files.h"

namespace fovea::models {

/// Throws Error{unsupported} for a GGUF.
void require_safetensors(const ModelFiles& files);

/// A LayerNorm's epsilon. Throws Error{format} unless between 0 and 1.
double read_norm_epsilon(const ModelFiles& files, std::string_view key, double absent);

/// The form of GELU that an activation's name means. Throws Error{unsupported} for another
/// activation.
nn::Gelu read_gelu(const ModelFiles& files, std::string_view key, std::string_view absent);

/// hidden_size / query_heads. Throws Error{format} when that leaves a rest, Error{unsupported} when
/// it is above what attend takes.
std::int64_t head_size_of(const ModelFiles& files, const ModelFacts& facts);

/// Throws Error{unsupported} for heads larger than attend can observe.
void require_head_size(const ModelFiles& files, std::int64_t size);

/// The matrix that makes logits; nullptr when the embeddings do ("tied"). Throws Error{format} when
/// it is missing though config.json says that they do not.
const formats::StoredTensor* head_of(const ModelFiles& files, std::string_view name,
                                     const Shape& shape);

/// Throws Error{format} for a tensor of a block-quantised type: one that is read across its rows.
void require_plain_numbers(const ModelFiles& files, const formats::StoredTensor& tensor);

/// first, first + 1, ...: rows of a table of positions.
std::vector<std::int32_t> positions_from(std::int64_t first, std::size_t count);

}  // namespace fovea::models
