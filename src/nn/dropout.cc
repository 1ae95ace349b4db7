// Dropout as torch's CPU path computes it: a mask of 0 and 1/(1 - p), multiplied in.
#include "fovea/nn/dropout.h"

#include <fmt/format.h>

#include "fovea/core/error.h"
#include "fovea/core/format_tensor.h"

namespace fovea::nn {

Dropout::Dropout(double probability) : probability_(probability) {
  if (probability >= 0 && probability <= 1) return;
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("Dropout: probability {} given; 0 to 1 is wanted", format_scalar(probability)));
}

Tensor Dropout::forward(const TensorView& x, Generator& generator) const {
  if (!x.given() || x.dtype() != DType::f32) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Dropout: the input is {}; f32 is wanted",
                            x.given() ? name_of(x.dtype()) : "missing"));
  }
  Tensor result = Tensor::copy_of(x);
  if (probability_ == 0) return result;
  const double keep = 1 - probability_;
  const float kept = keep == 0 ? 0.0f : 1.0f / static_cast<float>(keep);
  for (float& value : result.values<float>()) {
    const bool stays = keep > 0 && generator.uniform_double() < keep;
    value *= stays ? kept : 0.0f;
  }
  return result;
}

std::string Dropout::repr() const {
  return fmt::format("Dropout(p={}, inplace=False)", format_scalar(probability_));
}

}  // namespace fovea::nn
