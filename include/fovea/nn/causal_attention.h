// Self-attention in which no token sees a later one, with dropout on the weights.
#pragma once

#include <cstdint>

#include "fovea/nn/dropout.h"
#include "fovea/nn/self_attention.h"

namespace fovea::nn {

struct CausalAttentionOptions {
  std::int64_t d_in = 0;
  std::int64_t d_out = 0;
  std::int64_t context_length = 0;  ///< the most tokens that an input may have
  double dropout = 0;               ///< probability of a weight to be dropped in training
  Bias qkv_bias = Bias::no;
};

/// Three linear layers [d_in] -> [d_out] and causal attention over them.
class CausalAttention {
 public:
  /// Draws the layers: query, key, value. Throws Error{invalid_argument} for sizes below 0 and a
  /// dropout outside 0 .. 1.
  CausalAttention(const CausalAttentionOptions& options, Generator& generator);

  const Linear& query() const noexcept { return query_; }
  const Linear& key() const noexcept { return key_; }
  const Linear& value() const noexcept { return value_; }
  const Dropout& dropout() const noexcept { return dropout_; }
  std::int64_t context_length() const noexcept { return context_length_; }

  /// Returns the context vectors [..., tokens, d_out] of x [..., tokens, d_in], f32, without
  /// dropout (evaluation). Throws Error{invalid_argument} for another type or size, and for more
  /// tokens than the context length.
  Tensor forward(const TensorView& x) const;

  /// Returns the same in training: weights are dropped with numbers from `generator`, row-major
  /// over [..., tokens, tokens].
  Tensor forward(const TensorView& x, Generator& generator) const;

  /// Return the same with all that leads to it.
  AttentionSteps steps(const TensorView& x) const;
  AttentionSteps steps(const TensorView& x, Generator& generator) const;

 private:
  AttentionSteps project(const TensorView& x) const;

  Linear query_;
  Linear key_;
  Linear value_;
  Dropout dropout_;
  std::int64_t context_length_;
};

}  // namespace fovea::nn
