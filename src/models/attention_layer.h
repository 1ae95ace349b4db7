// A layer's attention as every family asks it: with the tokens before, what is to be observed, and
// whoever wants to look.
#pragma once

#include <cstdint>

#include "fovea/core/tensor.h"
#include "fovea/models/model.h"

namespace fovea::models {

/// What a family projected: query [tokens, query_heads · head_size], key and value [tokens,
/// key_heads · head_size], all f32 and contiguous.
struct Projected {
  Tensor query;
  Tensor key;
  Tensor value;
};

/// A layer on its way through forward.
struct LayerCall {
  const ModelFacts& facts;
  const Forward& how;
  std::int64_t layer;
  const nn::Rope* rope;  // nullptr: none
  TensorView input;      // of the projections, for on_attention
};

/// [tokens, heads · size] seen as [1, heads, tokens, size].
TensorView as_heads(const TensorView& joined, std::int64_t heads);

/// Turns query and key where there is a rope, appends key and value to the context where there is
/// one, asks attend, and shows the answer. Returns [tokens, query_heads · head_size].
Tensor attend_layer(const LayerCall& call, const Projected& projected);

}  // namespace fovea::models
