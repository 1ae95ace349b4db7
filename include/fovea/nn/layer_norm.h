// Layer normalisation: each vector to mean 0 and variance 1, then scaled and shifted.
// Source: Ba et al. 2016, arXiv:1607.06450.
#pragma once

#include <cstdint>

#include "fovea/core/tensor.h"

namespace fovea::nn {

/// torch.nn.LayerNorm over the last axis. Immutable; const calls may run at once.
class LayerNorm {
 public:
  /// scale = 1, shift = 0. Throws Error{invalid_argument} for a size below 1 or an epsilon that is
  /// negative or not finite.
  explicit LayerNorm(std::int64_t size, double epsilon = 1e-5);
  /// Takes scale and shift, f32 [size] both. Throws likewise.
  LayerNorm(Tensor scale, Tensor shift, double epsilon = 1e-5);

  std::int64_t size() const noexcept { return scale_.size(0); }
  double epsilon() const noexcept { return epsilon_; }
  TensorView scale() const { return scale_; }
  TensorView shift() const { return shift_; }

  /// Returns the same shape as x [..., size], f32, any strides. Mean and variance (over size, not
  /// size - 1) are sums in double. Throws Error{invalid_argument} for another type or size.
  Tensor forward(const TensorView& x) const;

 private:
  Tensor scale_;
  Tensor shift_;
  double epsilon_;
};

}  // namespace fovea::nn
