// Where the results of a call go, and what can be wrong with that.
#pragma once

#include "fovea/attention/valid_attention.h"
#include "fovea/engine/attend.h"

namespace fovea::engine {

/// The shape of the output, or of a statistic: the last axes of [batch, heads, queries, size], as
/// many as the query was given with.
Shape result_shape(const ValidAttention& problem, bool statistic);

/// Throws Error{invalid_argument} that names the target: not given where it must be, another shape
/// or type than the results, memory that is shared. `attention` is what the caller asked.
void check_targets(const ValidAttention& problem, const Attention& attention,
                   const AttendInto& into);

/// The same with the targets of observers.
void check_observed_targets(const ValidAttention& problem, const Attention& attention,
                            const AttendInto& into, const Observe& observe,
                            const ObserveInto& observed);

}  // namespace fovea::engine
