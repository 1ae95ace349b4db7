// What observers must say of the weights, as the textbook finds it: every weight in double, a row
// after the other. The truth that the fused observers are measured by.
#pragma once

#include "fovea/attention/observe.h"
#include "fovea/attention/valid_attention.h"

namespace fovea::reference {

/// Observes in double what `observe` asks for, as fovea/attention/observe.h documents it, but:
/// tensors are f64 (top_indices stays i32) and have all leading axes, [batch, heads, ...], whatever
/// the query's rank; what was not asked for has no elements. scratch_bytes stays 0 and
/// Observe::own is not called. mass_sink is made when any mass, or labels, and sinks are given.
///
/// `observe` must fit the question: heads, rows and columns within it, labels of its shape. Takes
/// O(queries · keys) time for each head, observed or not, and the memory of attend_by_rows. Throws
/// Error{out_of_memory} when the results do not fit.
Observed observe(const ValidAttention& attention, const Observe& observe);

}  // namespace fovea::reference
