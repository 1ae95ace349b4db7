// Numbers that a model cannot mean: what a damaged or hostile file makes of a text.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "fovea/core/error.h"
#include "fovea/core/tensor.h"

namespace fovea::report {

/// Throws Error{invalid_argument} when one of the numbers, f32, is infinite or NaN.
inline void require_finite(const Tensor& numbers, std::string_view where) {
  const std::span<const float> values = numbers.values<float>();
  const auto found = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  if (found == values.end()) return;
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("{}: the model's numbers end in {}: its weights make no sense", where, *found));
}

}  // namespace fovea::report
