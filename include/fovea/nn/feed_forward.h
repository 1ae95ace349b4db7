// What stands between the two (or three) linear layers of a transformer's feed-forward part.
#pragma once

#include <cstdint>
#include <span>

#include "fovea/core/random.h"
#include "fovea/core/tensor.h"
#include "fovea/nn/linear.h"

namespace fovea::nn {

/// GELU: x · Φ(x). Source: Hendrycks & Gimpel 2016, arXiv:1606.08415.
enum class Gelu : std::uint8_t {
  exact,  ///< with erf, as torch.nn.GELU() and BERT
  tanh,   ///< the paper's approximation, as GPT-2
};

/// In place. Within 4 ulp of the largest of |x| and the result; NaN stays NaN.
void gelu(Gelu form, std::span<float> x) noexcept;

/// SiLU: x = x / (1 + exp(-x)), within 4 ulp of itself where x > -80 and of x below, then times `up`,
/// in place: SwiGLU's middle. Both of one size.
/// Source: Shazeer 2020, arXiv:2002.05202.
void silu_times(std::span<float> gate, std::span<const float> up) noexcept;

/// Linear to 4 times the size, GELU (tanh form), Linear back: the book's FeedForward.
class FeedForward {
 public:
  /// Draws the first layer's weight and bias, then the second's. Throws as Linear.
  FeedForward(std::int64_t size, Generator& generator);

  const Linear& in() const noexcept { return in_; }
  const Linear& out() const noexcept { return out_; }

  /// Returns [..., size] of x [..., size]; throws as Linear::forward.
  Tensor forward(const TensorView& x) const;

 private:
  Linear in_;
  Linear out_;
};

}  // namespace fovea::nn
