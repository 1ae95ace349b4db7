// Dropout: zeroes numbers at random and scales up the rest, so that their expected sum stays.
// Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
// Overfitting"
#pragma once

#include <string>

#include "fovea/core/random.h"
#include "fovea/core/tensor.h"

namespace fovea::nn {

/// torch.nn.Dropout in training mode. (In evaluation it does nothing: do not call it.)
class Dropout {
 public:
  /// `probability` of a number to be dropped. Throws Error{invalid_argument} unless from 0 to 1.
  explicit Dropout(double probability);

  double probability() const noexcept { return probability_; }

  /// Returns x, f32 of any shape and strides, with dropped entries at 0 (NaN where x is infinite or
  /// NaN) and the others times float32(1 / (1 - probability)). Draws one double an element,
  /// row-major; nothing for probability 0 and 1. Throws Error{invalid_argument} for another type.
  Tensor forward(const TensorView& x, Generator& generator) const;

  /// Returns "Dropout(p=0.5, inplace=False)".
  std::string repr() const;

 private:
  double probability_;
};

}  // namespace fovea::nn
