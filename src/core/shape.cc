// Products of sizes, checked for overflow before anything is allocated from them.
#include "fovea/core/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fovea/core/error.h"

namespace fovea {

Shape::Shape(std::span<const std::int64_t> sizes) : Shape() {
  if (sizes.size() > static_cast<std::size_t>(kMaxRank)) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("shape: {} axes given; at most {} are supported", sizes.size(), kMaxRank));
  }
  rank_ = static_cast<int>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
}

std::int64_t Shape::element_count() const {
  bool empty = false;
  for (std::int64_t size : *this) {
    if (size < 0) {
      throw Error(
          ErrorKind::invalid_argument,
          fmt::format("shape: {} has a negative size; sizes are 0 or more", to_string(*this)));
    }
    empty = empty || size == 0;
  }
  if (empty) return 0;
  std::int64_t count = 1;
  for (std::int64_t size : *this) {
    if (__builtin_mul_overflow(count, size, &count)) {
      throw Error(
          ErrorKind::invalid_argument,
          fmt::format("shape: {} has more elements than 63 bits can count", to_string(*this)));
    }
  }
  return count;
}

Shape Shape::with_leading(int count, std::int64_t size) const {
  if (rank_ + count > kMaxRank) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("shape: {} has no room for another axis", to_string(*this)));
  }
  Shape result;
  result.rank_ = rank_ + count;
  for (int axis = 0; axis < count; ++axis) result[axis] = size;
  for (int axis = 0; axis < rank_; ++axis) result[count + axis] = (*this)[axis];
  return result;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

Shape contiguous_strides(const Shape& sizes) {
  sizes.element_count();
  Shape strides = sizes;
  std::int64_t stride = 1;
  for (int axis = sizes.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    // A size of 0 would overflow nothing but make every outer stride 0; numpy and torch count it as
    // 1 too.
    if (__builtin_mul_overflow(stride, std::max<std::int64_t>(sizes[axis], 1), &stride)) stride = 0;
  }
  return strides;
}

}  // namespace fovea
