// Layer normalisation: two passes over a row in double, then float32.
#include "fovea/nn/layer_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "fovea/core/error.h"
#include "nn/norm_checks.h"
#include "nn/row_sums.h"
#include "nn/rows.h"

namespace fovea::nn {
namespace {

Tensor ones(std::int64_t size) {
  if (size < 1) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("LayerNorm: size {} given; at least 1 is wanted", size));
  }
  Tensor result = Tensor::uninitialized(DType::f32, {size});
  std::ranges::fill(result.values<float>(), 1.0F);
  return result;
}

}  // namespace

LayerNorm::LayerNorm(std::int64_t size, double epsilon)
    : LayerNorm(ones(size), Tensor(DType::f32, {size}), epsilon) {}

LayerNorm::LayerNorm(Tensor scale, Tensor shift, double epsilon)
    : scale_(std::move(scale)), shift_(std::move(shift)), epsilon_(epsilon) {
  require_scale("LayerNorm", scale_);
  require_epsilon("LayerNorm", epsilon);
  if (shift_.dtype() == DType::f32 && shift_.shape() == scale_.shape()) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("LayerNorm: shift is {} {}; f32 {} is wanted", name_of(shift_.dtype()),
                          to_string(shift_.shape()), to_string(scale_.shape())));
}

Tensor LayerNorm::forward(const TensorView& x) const {
  require_rows("LayerNorm", x, size());
  Tensor result = Tensor::uninitialized(DType::f32, x.shape());
  float* const target = result.values<float>().data();
  const float* const scale = scale_.values<float>().data();
  const float* const shift = shift_.values<float>().data();
  const auto count = static_cast<double>(size());
  for_each_row(x, [&](const float* row, std::int64_t index) {
    const std::span<const float> values(row, static_cast<std::size_t>(size()));
    const double mean = row_sum(values, [](double value) { return value; }) / count;
    const double squares =
        row_sum(values, [mean](double value) { return (value - mean) * (value - mean); });
    const auto inverse = static_cast<float>(1 / std::sqrt(squares / count + epsilon_));
    // In two floats: where the mean is far above the deviation, one would shift all by its rounding.
    const auto high = static_cast<float>(mean);
    const auto low = static_cast<float>(mean - static_cast<double>(high));
    float* const __restrict written = target + index * size();
    for (std::int64_t i = 0; i < size(); ++i) {
      written[i] = ((row[i] - high) - low) * inverse * scale[i] + shift[i];
    }
  });
  return result;
}

}  // namespace fovea::nn
