// attend: the whole library in one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fovea/attention/attention.h"
#include "fovea/attention/observe.h"
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
  Observed observed;  ///< what an Observe asked for
};

/// Returns softmax(modified scores) · value as Attention describes it. The result of a row depends on that row's query
/// and its visible keys and values alone, to the bit: not on threads, batch, neighbours or strides.
///
/// Thread-safe: any number of calls may run at once. Throws Error{invalid_argument} for a question that contradicts
/// itself, Error{out_of_memory} before any work when the results do not fit.
Attended attend(const Attention& attention, const Execution& execution = {});

/// The same, and what `observe` asks about the weights, in the same pass and O(queries + keys) memory: the weights of all
/// pairs are never held. The output and the statistics have the bits of a call that observes nothing; what is observed
/// depends, to the bit, on nothing else either, save that without FMA the instruction set shows. Throws
/// Error{invalid_argument} also for an `observe` that contradicts itself or the question, Error{unsupported} for a ragged
/// batch, for more than 2^31 - 1 keys, and for sizes above 512, which "reference" observes when it is named (and f64 queries
/// always: in double). What Observe::own throws comes back from here.
Attended attend(const Attention& attention, const Observe& observe, const Execution& execution = {});

/// attend with the output in the caller's memory, of the shape and type that Attended::output has, any strides but 0:
/// Attended::output is empty, all else is as attend gives it. Throws as attend, and Error{invalid_argument} where `output` has
/// another shape or type, a stride of 0, or overlaps an input; nothing is written then.
Attended attend_output_into(const Attention& attention, const MutableTensorView& output, const Observe& observe = {},
                     const Execution& execution = {});

/// What all keys so far have made of the rows, so that other keys can follow in another call or on another machine. All
/// f32, any strides but 0, of the query's rank; all three are given or none.
struct PartialState {
  MutableTensorView output = {};    ///< [batch, query_heads, queries, value_size]: sum of weight · value, not yet divided by `sum`
  MutableTensorView log2_max = {};  ///< [batch, query_heads, queries]: largest score times log2(e); -inf = no key yet
  MutableTensorView sum = {};       ///< [batch, query_heads, queries]: of exp2(score · log2(e) - log2_max)
};

/// Where attend_into writes. `output` or `state` is a must; views that are not given are not written.
struct AttendInto {
  MutableTensorView output = {};       ///< as Attended::output; any strides but 0; its type is the output type
  MutableTensorView log_sum_exp = {};  ///< as in Attended
  MutableTensorView row_max = {};
  MutableTensorView row_sum = {};

  /// The keys of a call may be one part of those that the rows see. The calls go over the parts in order, each with the
  /// state that the one before left, changed in place; the last one's results are those of one call over all keys, to the
  /// bit, when every part but the last has a multiple of kPackedKeys keys:
  ///
  ///   attend_into({.query = q, .key = k1, .value = v1}, {.state = state});
  ///   attend_into({.query = q, .key = k2, .value = v2}, {.output = output, .state = state, .resume = true});
  ///
  /// Positions count from the part's first key: causal, window and ALiBi want Diagonal::at(query 0's position minus that of
  /// this key), and take the default for the last part alone. Sinks are given to every part alike. The reference, and so an
  /// f64 query, has no such state: Error{unsupported}.
  PartialState state = {};
  /// True: `state` holds what earlier keys left. False: the call begins anew, and what `state` holds has no meaning.
  bool resume = false;

  /// The call's scratch, aligned to 64 bytes, of Plan::scratch_bytes or more for the same question and execution; no other
  /// call may use it meanwhile. attend_into then allocates nothing, but what starts the threads of the first call. Empty:
  /// it allocates its own.
  std::span<std::byte> workspace = {};
};

/// attend into the caller's memory. Returns the number of rows to which no key of this call is visible. Throws as attend,
/// and when a target has another shape or type, a stride of 0, or overlaps an input or another target, or the workspace is
/// too small; nothing is written then. With batch, query_heads or queries = 0 nothing is written and no pointer needs to be
/// valid.
std::int64_t attend_into(const Attention& attention, const AttendInto& into, const Execution& execution = {});

/// Where attend_into writes what is observed: shapes, types and strides as those of Observed's tensors and of AttendInto's
/// views. What `observe` asks for is a must, but mass_sink may be left out; a view of anything else is an error.
struct ObserveInto {
  MutableTensorView top_weights = {};
  MutableTensorView top_indices = {};
  MutableTensorView entropy = {};
  MutableTensorView received = {};
  MutableTensorView pooled_map = {};
  MutableTensorView distance = {};
  MutableTensorView rows = {};
  MutableTensorView columns = {};
  MutableTensorView mass_first = {};
  MutableTensorView mass_self = {};
  MutableTensorView mass_previous = {};
  MutableTensorView mass_match = {};
  MutableTensorView mass_sink = {};
  MutableTensorView log2_max = {};
  MutableTensorView row_sum = {};
};

/// What a call that observed found besides the arrays.
struct ObservedRows {
  std::int64_t empty_rows = 0;
  std::int64_t nan_rows = 0;
};

/// attend_into with observers. It allocates the scratch of both (AttendInto::workspace is not used); a state is refused (Error{unsupported}): weights need all
/// keys of a row.
ObservedRows attend_into(const Attention& attention, const AttendInto& into, const Observe& observe,
                         const ObserveInto& observed, const Execution& execution = {});

/// Returns what attend would do with the same question and observers, without doing it. Throws as attend does.
Plan plan(const Attention& attention, const Observe& observe, const Execution& execution = {});

/// The cells that `observe` means for this question: pool_cells with its zeros filled in.
PoolCells pool_cells(const Attention& attention, const PoolCells& asked);

/// Names and one-line descriptions of the observers.
struct ObserverInfo {
  std::string name;
  std::string summary;
};
std::vector<ObserverInfo> list_observers();

}  // namespace fovea
