// The rows of a view, one after the other: vectors over the last axis, wherever they lie.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "fovea/core/error.h"
#include "fovea/core/tensor.h"

namespace fovea::nn {

/// Throws Error{invalid_argument} unless x is f32 [..., size].
inline void require_rows(std::string_view where, const TensorView& x, std::int64_t size) {
  if (x.given() && x.dtype() == DType::f32 && x.rank() > 0 && x.size(x.rank() - 1) == size) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: input is {} {}; f32 [..., {}] is wanted", where,
                          x.given() ? name_of(x.dtype()) : "missing", to_string(x.shape()), size));
}

/// Calls `body(row, index)` for each row of x, f32 [..., size], row-major; a row's numbers are
/// contiguous: where the view's are not, they are copied first.
template <typename Body>
void for_each_row(const TensorView& x, const Body& body) {
  const int last = x.rank() - 1;
  if (x.element_count() == 0) return;
  if (x.stride(last) != 1 && x.size(last) != 1) {
    const Tensor copy = Tensor::copy_of(x);
    return for_each_row(copy.view(), body);
  }
  const std::int64_t rows = x.element_count() / x.size(last);
  const float* row = static_cast<const float*>(x.data());
  Shape index = x.shape();
  for (int axis = 0; axis < last; ++axis) index[axis] = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    body(row, i);
    for (int axis = last - 1; axis >= 0; --axis) {
      row += x.stride(axis);
      if (++index[axis] < x.size(axis)) break;
      row -= x.stride(axis) * x.size(axis);
      index[axis] = 0;
    }
  }
}

}  // namespace fovea::nn
