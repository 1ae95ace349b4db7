// What layer and RMS normalisation ask of their constructor's arguments.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "fovea/core/error.h"
#include "fovea/core/format_tensor.h"
#include "fovea/core/tensor.h"

namespace fovea::nn {

/// Throws Error{invalid_argument} unless epsilon is finite and at least 0.
inline void require_epsilon(std::string_view where, double epsilon) {
  if (std::isfinite(epsilon) && epsilon >= 0) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: epsilon {} given; a finite number, 0 or more, is wanted", where,
                          format_scalar(epsilon)));
}

/// Throws Error{invalid_argument} unless the scale is f32 [size], size at least 1.
inline void require_scale(std::string_view where, const Tensor& scale) {
  if (scale.dtype() == DType::f32 && scale.rank() == 1 && scale.size(0) > 0) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: scale is {} {}; f32 [size], size at least 1, is wanted", where,
                          name_of(scale.dtype()), to_string(scale.shape())));
}

}  // namespace fovea::nn
