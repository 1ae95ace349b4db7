// The observed side of a call: checks, shapes and memory of what observers say.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fovea/attention/valid_attention.h"
#include "fovea/engine/attend.h"
#include "kernels/watch.h"

namespace fovea::engine {

/// One of the arrays that observers fill.
struct ObservedArray {
  const char* name;
  Tensor Observed::*tensor;
  MutableTensorView ObserveInto::*into;
  MutableTensorView kernels::ObservationTargets::*target;
  bool wanted;
  DType type;
  Shape shape;  ///< [batch, heads, ...]
};

/// All arrays, with what `observe` asks for marked as wanted. `observe` has been checked.
std::vector<ObservedArray> observed_arrays(const ValidAttention& problem, const Observe& observe);

/// Throws Error{invalid_argument} that names what does not fit the question or itself,
/// Error{unsupported} for what cannot be observed.
void check_observe(const ValidAttention& problem, const Attention& attention,
                   const Observe& observe);

/// The query heads that are observed, rising.
std::vector<std::int64_t> observed_heads(const ValidAttention& problem, const Observe& observe);

/// A result's shape as the caller sees it: the leading axes that the query was given without are
/// left out.
Shape without_leading_axes(const ValidAttention& problem, const Shape& all);

/// Writes what the reference observes, rounded to f32.
std::int64_t observe_by_reference(const ValidAttention& problem, const Observe& observe,
                                  const kernels::ObservationTargets& targets);

}  // namespace fovea::engine
