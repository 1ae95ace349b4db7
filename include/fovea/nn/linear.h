// A linear layer: x · weightᵀ + bias.
#pragma once

#include <cstdint>
#include <string>

#include "fovea/core/random.h"
#include "fovea/core/tensor.h"

namespace fovea::nn {

enum class Bias : bool { no, yes };

/// torch.nn.Linear. Immutable but for set_weight; const calls may run at once.
class Linear {
 public:
  /// From this many multiply-adds in one call on, `forward` uses CBLAS.
  static constexpr std::int64_t kBlasProducts = 1 << 16;

  /// Draws weight, then bias if any, from U(-b, b) with b = 1/sqrt(in_features), as torch's init
  /// does. Throws Error{invalid_argument} when a size is negative or above 2^31 - 1.
  Linear(std::int64_t in_features, std::int64_t out_features, Bias bias, Generator& generator);

  /// Takes weight [out_features, in_features] and bias [out_features] (or none), both f32, draws
  /// nothing. Throws Error{invalid_argument} for other types and shapes.
  explicit Linear(Tensor weight);
  Linear(Tensor weight, Tensor bias);

  std::int64_t in_features() const noexcept { return weight_.size(1); }
  std::int64_t out_features() const noexcept { return weight_.size(0); }
  bool has_bias() const noexcept { return has_bias_; }
  /// [out_features, in_features]
  TensorView weight() const { return weight_; }
  /// [out_features], or not given
  TensorView bias() const { return has_bias_ ? bias_.view() : TensorView(); }

  /// Copies another weight of the same shape in. Throws Error{invalid_argument} for another type or
  /// shape.
  void set_weight(const TensorView& weight);

  /// Returns [..., out_features] of x [..., in_features], f32, any strides. Below kBlasProducts
  /// each entry is one chain of fma from 0 plus the bias: the notebooks' digits. Above, the order
  /// of the sums is the BLAS library's, and an entry is within (in_features + 2) · 2^-24 · Σ|x||w|
  /// of the exact one. Throws Error{invalid_argument} for another type or size.
  ///
  /// That library runs on the calling thread alone (fovea sets its threads to one). Where it cannot
  /// be called from several threads at once (Debian's libopenblas0-serial), calls wait for each other.
  Tensor forward(const TensorView& x) const;

  /// Numbers in weight and bias.
  std::int64_t parameter_count() const noexcept {
    return weight_.element_count() + (has_bias_ ? out_features() : 0);
  }

  /// Returns "Linear(in_features=3, out_features=2, bias=False)".
  std::string repr() const;

 private:
  Tensor weight_;
  Tensor bias_;
  bool has_bias_ = false;
};

}  // namespace fovea::nn
