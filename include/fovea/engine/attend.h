// attend: the whole library in one call.
#pragma once

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"
#include "fovea/engine/plan.h"

namespace fovea {

/// The answer. Shapes follow the query's rank: [batch, heads, queries, ...], [heads, queries, ...] or [queries, ...].
struct Attended {
  Tensor output;       ///< [batch, query_heads, queries, value_size], of the type asked for
  Tensor log_sum_exp;  ///< [batch, query_heads, queries] f32, natural log, with scale, bias and sink in it; -inf = no key
  Tensor row_max;      ///< [batch, query_heads, queries] f32: the largest score, natural units; -inf = no key
  Tensor row_sum;      ///< [batch, query_heads, queries] f32: sum of exp(score - row_max), at least 1; 0 = no key
  std::int64_t empty_rows = 0;  ///< rows without a visible key: output 0 (docs/semantics.md)
  Plan plan;
};

/// Returns softmax(modified scores) · value as Attention describes it. The result of a row depends on that row's query
/// and its visible keys and values alone, to the bit: not on threads, batch, neighbours or strides.
///
/// Thread-safe: any number of calls may run at once. Throws Error{invalid_argument} for a question that contradicts
/// itself, Error{out_of_memory} before any work when the results do not fit.
Attended attend(const Attention& attention, const Execution& execution = {});

/// Where attend_into writes. Only `output` is a must; views that are not given are not written.
struct AttendInto {
  MutableTensorView output = {};       ///< as Attended::output; any strides but 0; its type is the output type
  MutableTensorView log_sum_exp = {};  ///< as in Attended
  MutableTensorView row_max = {};
  MutableTensorView row_sum = {};
};

/// attend into the caller's memory. Returns the number of rows without a visible key. Throws as attend, and when a
/// target has another shape or type, a stride of 0, or overlaps an input or another target; nothing is written then.
/// With batch, query_heads or queries = 0 nothing is written and no pointer needs to be valid.
std::int64_t attend_into(const Attention& attention, const AttendInto& into, const Execution& execution = {});

}  // namespace fovea
