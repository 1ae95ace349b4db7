// Do two strided arrays share memory?
#pragma once

#include "fovea/core/tensor_view.h"

namespace fovea::engine {

/// Returns false when no byte belongs to both. Sure for arrays in separate address ranges, and for
/// arrays that are interleaved with a common period (as the heads of [batch, tokens, heads, size],
/// or query, key and value packed side by side); other ranges that cross count as shared.
bool may_overlap(const TensorView& a, const TensorView& b) noexcept;

/// Returns true when no two indices of the view lead to the same byte. Sure when, axes taken by
/// ascending stride, each stride steps over all that the axes before it reach; other views count as
/// not distinct.
bool elements_are_distinct(const TensorView& view) noexcept;

}  // namespace fovea::engine
