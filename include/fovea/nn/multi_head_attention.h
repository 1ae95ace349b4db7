// Several attention heads: side by side, or as one projection split into heads.
#pragma once

#include <cstdint>
#include <vector>

#include "fovea/nn/causal_attention.h"

namespace fovea::nn {

/// Whole CausalAttention modules, one a head, their results joined: [..., tokens, heads · d_out].
class MultiHeadAttentionWrapper {
 public:
  /// Draws head after head. `each` describes one head: d_out is the size of one. Throws as
  /// CausalAttention, and for fewer than one head.
  MultiHeadAttentionWrapper(const CausalAttentionOptions& each, std::int64_t heads,
                            Generator& generator);

  const std::vector<CausalAttention>& heads() const noexcept { return heads_; }

  /// Returns [..., tokens, heads · d_out] of x [..., tokens, d_in]; throws as
  /// CausalAttention::forward. With a generator: training, each head drawing its dropout in turn.
  Tensor forward(const TensorView& x) const;
  Tensor forward(const TensorView& x, Generator& generator) const;

 private:
  std::vector<CausalAttention> heads_;
};

/// One query, key and value projection [d_in] -> [d_out], split into heads of d_out / heads, causal
/// attention in each, and an output projection (with a bias) over the joined heads.
class MultiHeadAttention {
 public:
  /// Draws query, key, value, then the output projection's weight and bias. `options.d_out` is the
  /// size of all heads together. Throws as CausalAttention, and unless heads divides d_out.
  MultiHeadAttention(const CausalAttentionOptions& options, std::int64_t heads,
                     Generator& generator);

  const Linear& query() const noexcept { return query_; }
  const Linear& key() const noexcept { return key_; }
  const Linear& value() const noexcept { return value_; }
  const Linear& out_proj() const noexcept { return out_proj_; }
  std::int64_t heads() const noexcept { return heads_; }
  std::int64_t head_size() const noexcept { return out_proj_.in_features() / heads_; }
  std::int64_t context_length() const noexcept { return context_length_; }

  /// Returns [..., tokens, d_out] of x [..., tokens, d_in], f32; throws as
  /// CausalAttention::forward. With a generator: training, the weights dropped row-major over
  /// [..., heads, tokens, tokens].
  Tensor forward(const TensorView& x) const;
  Tensor forward(const TensorView& x, Generator& generator) const;

  /// Return the heads' own steps, [..., heads, tokens, ...], before the output projection.
  AttentionSteps steps(const TensorView& x) const;
  AttentionSteps steps(const TensorView& x, Generator& generator) const;

  /// Numbers in all four layers: 2,360,064 for d_in = d_out = 768.
  std::int64_t parameter_count() const noexcept;

 private:
  AttentionSteps project(const TensorView& x) const;
  Tensor split(const Tensor& projected) const;
  Tensor join_and_project(const Tensor& context) const;

  std::int64_t heads_;
  Linear query_;
  Linear key_;
  Linear value_;
  Linear out_proj_;
  Dropout dropout_;
  std::int64_t context_length_;
};

}  // namespace fovea::nn
