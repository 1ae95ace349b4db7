// The few ways to look at the same data in another shape.
#include "fovea/core/tensor_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "fovea/core/error.h"

namespace fovea {

TensorView::TensorView(const void* data, DType type, const Shape& sizes, const Shape& strides)
    : data_(data), dtype_(type), given_(true), sizes_(sizes), strides_(strides) {
  sizes.element_count();
  if (sizes.rank() != strides.rank()) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("tensor view: sizes {} and strides {} must have one entry for each axis",
                    to_string(sizes), to_string(strides)));
  }
}

bool TensorView::is_contiguous() const noexcept {
  if (std::find(sizes_.begin(), sizes_.end(), 0) != sizes_.end()) return true;
  std::int64_t expected = 1;
  for (int axis = rank() - 1; axis >= 0; --axis) {
    if (size(axis) == 1) continue;
    if (stride(axis) != expected) return false;
    expected *= size(axis);
  }
  return true;
}

bool TensorView::is_within_addresses() const noexcept {
  std::int64_t reach = 0;
  for (int axis = 0; axis < rank(); ++axis) {
    std::int64_t step = 0;
    if (size(axis) == 0) return true;
    if (stride(axis) == std::numeric_limits<std::int64_t>::min() ||
        __builtin_mul_overflow(std::abs(stride(axis)), size(axis) - 1, &step) ||
        __builtin_add_overflow(reach, step, &reach)) {
      return false;
    }
  }
  constexpr std::int64_t kLargestElement = 8;
  return reach <= std::numeric_limits<std::int64_t>::max() / (2 * kLargestElement);
}

double TensorView::number_at_offset(std::int64_t offset) const noexcept {
  assert(is_floating(dtype_));
  switch (dtype_) {
    case DType::f64:
      return static_cast<const double*>(data_)[offset];
    case DType::f16:
      return static_cast<double>(to_float(static_cast<const Float16*>(data_)[offset]));
    case DType::bf16:
      return static_cast<double>(to_float(static_cast<const BFloat16*>(data_)[offset]));
    default:
      return static_cast<double>(static_cast<const float*>(data_)[offset]);
  }
}

TensorView TensorView::permuted(const Shape& order) const {
  TensorView result = *this;
  std::uint64_t seen = 0;
  bool valid = order.rank() == rank();
  for (int axis = 0; valid && axis < rank(); ++axis) {
    const std::int64_t from = order[axis];
    valid = from >= 0 && from < rank() && (seen >> from & 1u) == 0;
    if (!valid) break;
    seen |= std::uint64_t{1} << from;
    result.sizes_[axis] = sizes_[static_cast<int>(from)];
    result.strides_[axis] = strides_[static_cast<int>(from)];
  }
  if (!valid) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("tensor view: {} is not an order of the {} axes", to_string(order), rank()));
  }
  return result;
}

TensorView TensorView::sliced(int axis, std::int64_t first, std::int64_t count) const {
  if (axis < 0 || axis >= rank() || first < 0 || count < 0 || first > size(axis) ||
      count > size(axis) - first) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("tensor view: {} entries of axis {} from {} are not in {}", count, axis,
                            first, to_string(sizes_)));
  }
  TensorView result = *this;
  result.sizes_[axis] = count;
  if (data_ != nullptr && count > 0) {
    result.data_ = static_cast<const std::byte*>(data_) + first * stride(axis) * size_of(dtype_);
  }
  return result;
}

TensorView TensorView::with_leading_axes(int count) const {
  if (count == 0) return *this;
  TensorView result;
  result.data_ = data_;
  result.dtype_ = dtype_;
  result.given_ = given_;
  result.sizes_ = sizes_.with_leading(count, 1);
  result.strides_ = strides_.with_leading(count, 0);
  return result;
}

TensorView TensorView::broadcast_to(const Shape& sizes) const {
  TensorView result = *this;
  result.sizes_ = sizes;
  result.strides_ = sizes;
  const int added = sizes.rank() - rank();
  bool fits = added >= 0;
  for (int axis = 0; fits && axis < sizes.rank(); ++axis) {
    const int from = axis - added;
    if (from < 0 || (size(from) == 1 && sizes[axis] != 1)) {
      result.strides_[axis] = 0;
    } else {
      fits = size(from) == sizes[axis];
      result.strides_[axis] = stride(from);
    }
  }
  if (!fits) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("tensor view: {} cannot be broadcast to {}", to_string(sizes_),
                            to_string(sizes)));
  }
  return result;
}

}  // namespace fovea
