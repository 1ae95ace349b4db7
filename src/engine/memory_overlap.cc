// Address arithmetic on strided views, in bytes. Their reach has been checked against overflow
// before.
#include "engine/memory_overlap.h"

#include <cstdlib>

namespace fovea::engine {
namespace {

struct Bytes {
  std::int64_t first = 0;  // address of the first byte
  std::int64_t count = 0;
};

std::int64_t stride_bytes(const TensorView& view, int axis) noexcept {
  return view.stride(axis) * size_of(view.dtype());
}

// The bytes that the view spans, over the axes whose stride is no multiple of `period` (0 = over
// all axes).
Bytes span_of(const TensorView& view, std::int64_t period) noexcept {
  Bytes span{static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(view.data())),
             size_of(view.dtype())};
  for (int axis = 0; axis < view.rank(); ++axis) {
    const std::int64_t stride = stride_bytes(view, axis);
    if (view.size(axis) == 1 || (period != 0 && stride % period == 0)) continue;
    const std::int64_t reach = stride * (view.size(axis) - 1);
    if (reach < 0) span.first += reach;
    span.count += std::abs(reach);
  }
  return span;
}

bool disjoint(const Bytes& a, const Bytes& b) noexcept {
  return a.first + a.count <= b.first || b.first + b.count <= a.first;
}

// Both views repeat every `period` bytes: are their parts of one period disjoint?
bool interleaved(const TensorView& a, const TensorView& b, std::int64_t period) noexcept {
  const Bytes in_a = span_of(a, period);
  const Bytes in_b = span_of(b, period);
  const std::int64_t from_a = ((in_b.first - in_a.first) % period + period) % period;
  return in_a.count <= from_a && from_a + in_b.count <= period;
}

bool interleaved_by_a_stride_of(const TensorView& of, const TensorView& a,
                                const TensorView& b) noexcept {
  for (int axis = 0; axis < of.rank(); ++axis) {
    const std::int64_t period = std::abs(stride_bytes(of, axis));
    if (of.size(axis) > 1 && period > 0 && interleaved(a, b, period)) return true;
  }
  return false;
}

bool is_empty(const TensorView& view) noexcept {
  for (std::int64_t size : view.shape()) {
    if (size == 0) return true;
  }
  return false;
}

}  // namespace

bool may_overlap(const TensorView& a, const TensorView& b) noexcept {
  if (is_empty(a) || is_empty(b) || disjoint(span_of(a, 0), span_of(b, 0))) return false;
  return !interleaved_by_a_stride_of(a, a, b) && !interleaved_by_a_stride_of(b, a, b);
}

bool elements_are_distinct(const TensorView& view) noexcept {
  if (is_empty(view)) return true;
  std::int64_t reach = 1;  // elements that the axes taken so far span
  std::uint32_t taken = 0;
  for (int step = 0; step < view.rank(); ++step) {
    int smallest = -1;
    for (int axis = 0; axis < view.rank(); ++axis) {
      if ((taken >> axis & 1U) != 0) continue;
      if (smallest < 0 || std::abs(view.stride(axis)) < std::abs(view.stride(smallest))) {
        smallest = axis;
      }
    }
    taken |= 1U << smallest;
    if (view.size(smallest) == 1) continue;
    const std::int64_t stride = std::abs(view.stride(smallest));
    if (stride < reach) return false;
    reach += stride * (view.size(smallest) - 1);
  }
  return true;
}

}  // namespace fovea::engine
