// Shapes cut and put together, for layers that work under any leading axes.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "fovea/core/shape.h"

namespace fovea::nn {

/// The sizes but the last `dropped`.
inline Shape leading(const Shape& sizes, int dropped) {
  return Shape(std::span(sizes.begin(), sizes.end() - dropped));
}

/// `front` followed by `back`.
inline Shape joined(const Shape& front, std::initializer_list<std::int64_t> back) {
  std::vector<std::int64_t> sizes(front.begin(), front.end());
  sizes.insert(sizes.end(), back);
  return Shape(std::span<const std::int64_t>(sizes));
}

}  // namespace fovea::nn
