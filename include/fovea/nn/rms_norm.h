// Root-mean-square normalisation: each vector to length sqrt(size), then scaled.
// Source: Zhang & Sennrich 2019, arXiv:1910.07467.
#pragma once

#include <cstdint>

#include "fovea/core/tensor.h"

namespace fovea::nn {

/// torch.nn.RMSNorm over the last axis. Immutable; const calls may run at once.
class RmsNorm {
 public:
  /// Takes the scale, f32 [size]. Throws Error{invalid_argument} for another type or rank, a size
  /// below 1, or an epsilon that is negative or not finite.
  explicit RmsNorm(Tensor scale, double epsilon = 1e-5);

  std::int64_t size() const noexcept { return scale_.size(0); }
  double epsilon() const noexcept { return epsilon_; }
  TensorView scale() const { return scale_; }

  /// Returns the same shape as x [..., size], f32, any strides; the sum of squares is in double.
  /// Throws Error{invalid_argument} for another type or size.
  Tensor forward(const TensorView& x) const;

 private:
  Tensor scale_;
  double epsilon_;
};

}  // namespace fovea::nn
