// The notebooks' two self-attention modules: the same arithmetic from two kinds of weights.
#pragma once

#include <cstdint>
#include <string>

#include "fovea/core/random.h"
#include "fovea/core/tensor.h"
#include "fovea/nn/linear.h"

namespace fovea::nn {

/// What one forward pass makes on its way, row-major f32. "..." are the input's leading axes (none,
/// or batch), with the heads after them in MultiHeadAttention.
struct AttentionSteps {
  Tensor query;    ///< [..., tokens, size]: what a token is looking for
  Tensor key;      ///< [..., tokens, size]: what a token contains
  Tensor value;    ///< [..., tokens, size]: what a token carries
  Tensor scores;   ///< [..., tokens, tokens]: query · keyᵀ, not yet scaled; hidden ones are -inf
  Tensor weights;  ///< [..., tokens, tokens]: softmax(scores / sqrt(size)), dropout included
  Tensor context;  ///< [..., tokens, size]: weights · value
};

/// Up to this many tokens the modules compute step by step, in the order of operations of steps.h:
/// the notebooks' digits. Above, `forward` goes through fovea::attend, in O(tokens) memory, and
/// differs in the last digits only; with dropout, and in `steps`, every size is computed step by
/// step.
inline constexpr std::int64_t kStepTokens = 64;

class TinySelfAttentionQKVLinear;

/// Self-attention with plain weight matrices [d_in, d_out], used as x · W.
class TinySelfAttentionQKV {
 public:
  /// Draws the weights with `rand`: query, key, value.
  TinySelfAttentionQKV(std::int64_t d_in, std::int64_t d_out, Generator& generator);

  TensorView query_weight() const { return query_; }  ///< [d_in, d_out]
  TensorView key_weight() const { return key_; }      ///< [d_in, d_out]
  TensorView value_weight() const { return value_; }  ///< [d_in, d_out]

  /// Takes over the weights of the other module, transposed: both then give the same context
  /// vectors. Throws Error{invalid_argument} when the sizes differ or the other has biases.
  void set_weights(const TinySelfAttentionQKVLinear& from);

  /// Returns the context vectors [..., tokens, d_out] of x [..., tokens, d_in], f32. Throws
  /// Error{invalid_argument} for another type or size.
  Tensor forward(const TensorView& x) const;

  /// Returns `forward` with all that leads to it.
  AttentionSteps steps(const TensorView& x) const;

 private:
  AttentionSteps project(const TensorView& x) const;

  Tensor query_;
  Tensor key_;
  Tensor value_;
};

/// Self-attention with linear layers: weights [d_out, d_in], used as x · Wᵀ.
class TinySelfAttentionQKVLinear {
 public:
  /// Draws the layers as torch's init does: query, key, value.
  TinySelfAttentionQKVLinear(std::int64_t d_in, std::int64_t d_out, Generator& generator,
                             Bias bias = Bias::no);

  const Linear& query() const noexcept { return query_; }
  const Linear& key() const noexcept { return key_; }
  const Linear& value() const noexcept { return value_; }

  /// Takes over the weights of the other module, transposed. Throws Error{invalid_argument} when
  /// the sizes differ.
  void set_weights(const TinySelfAttentionQKV& from);

  /// As TinySelfAttentionQKV's.
  Tensor forward(const TensorView& x) const;
  AttentionSteps steps(const TensorView& x) const;

 private:
  AttentionSteps project(const TensorView& x) const;

  Linear query_;
  Linear key_;
  Linear value_;
};

}  // namespace fovea::nn
