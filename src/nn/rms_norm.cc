// Root-mean-square normalisation: the sum of squares in double, then float32.
#include "fovea/nn/rms_norm.h"

#include <cmath>
#include <span>
#include <utility>

#include "nn/norm_checks.h"
#include "nn/row_sums.h"
#include "nn/rows.h"

namespace fovea::nn {

RmsNorm::RmsNorm(Tensor scale, double epsilon) : scale_(std::move(scale)), epsilon_(epsilon) {
  require_scale("RmsNorm", scale_);
  require_epsilon("RmsNorm", epsilon);
}

Tensor RmsNorm::forward(const TensorView& x) const {
  require_rows("RmsNorm", x, size());
  Tensor result = Tensor::uninitialized(DType::f32, x.shape());
  float* const target = result.values<float>().data();
  const float* const scale = scale_.values<float>().data();
  const auto count = static_cast<double>(size());
  for_each_row(x, [&](const float* row, std::int64_t index) {
    const std::span<const float> values(row, static_cast<std::size_t>(size()));
    const double squares = row_sum(values, [](double value) { return value * value; });
    const auto inverse = static_cast<float>(1 / std::sqrt(squares / count + epsilon_));
    float* const __restrict written = target + index * size();
    for (std::int64_t i = 0; i < size(); ++i) written[i] = row[i] * inverse * scale[i];
  });
  return result;
}

}  // namespace fovea::nn
