// validate -> plan -> execute.
#include "fovea/engine/attend.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/float_mode.h"
#include "engine/call.h"
#include "engine/observe.h"
#include "engine/targets.h"
#include "fovea/attention/ragged_batch.h"
#include "fovea/core/error.h"

namespace fovea {
namespace {

[[noreturn]] void fail(const std::string& text) {
  throw Error(ErrorKind::invalid_argument, "attend: " + text);
}

MutableTensorView with_leading_axes(const MutableTensorView& view, int count) {
  if (!view.given()) return {};
  const TensorView wide = view.with_leading_axes(count);
  return {view.mutable_data(), view.dtype(), wide.shape(), wide.strides()};
}

[[noreturn]] void fail_as_cancelled() {
  throw Error(ErrorKind::cancelled, "attend: cancelled by the caller's stop token");
}

// The targets with 4 axes.
kernels::Targets wide_targets(const AttendInto& into, int added) {
  kernels::Targets targets{.output = with_leading_axes(into.output, added),
                           .log_sum_exp = with_leading_axes(into.log_sum_exp, added),
                           .row_max = with_leading_axes(into.row_max, added),
                           .row_sum = with_leading_axes(into.row_sum, added),
                           .state = {}};
  if (into.state.output.given()) {
    targets.state = {.output = with_leading_axes(into.state.output, added),
                     .log2_max = with_leading_axes(into.state.log2_max, added),
                     .sum = with_leading_axes(into.state.sum, added),
                     .resume = into.resume};
  }
  return targets;
}

// The caller's workspace, or memory of `own`.
std::span<std::byte> scratch_of(std::int64_t bytes, std::span<std::byte> workspace, Tensor& own) {
  if (bytes == 0) return {};
  if (workspace.empty()) {
    own = Tensor::uninitialized(DType::u8, {bytes});
    return own.bytes();
  }
  if (static_cast<std::int64_t>(workspace.size()) < bytes)
    fail(fmt::format("workspace has {} bytes; this call needs {}", workspace.size(), bytes));
  if (reinterpret_cast<std::uintptr_t>(workspace.data()) % 64 != 0)
    fail("workspace is not aligned to 64 bytes");
  return workspace;
}

std::int64_t execute(const engine::Call& call, const std::stop_token& stop, const AttendInto& into,
                     kernels::Watch* watch = nullptr) {
  if (stop.stop_requested()) fail_as_cancelled();
  if (call.results().rows() == 0) return 0;
  if (into.state.output.given() && !call.implementation().keeps_state) {
    throw Error(ErrorKind::unsupported,
                fmt::format("attend: {} keeps no partial state", call.implementation().name));
  }
  Tensor own;
  const std::span<std::byte> scratch = scratch_of(call.scratch_bytes(), into.workspace, own);
  const DefaultFloatMode mode;
  kernels::Targets targets = wide_targets(into, 4 - call.results().given_rank);
  targets.watch = watch;
  const std::optional<std::int64_t> empty_rows =
      call.run({.scratch = scratch, .stop = stop}, targets);
  if (!empty_rows.has_value()) fail_as_cancelled();
  return *empty_rows;
}

// The question as observers need it: one, not a ragged batch.
ValidAttention observable(const Attention& attention, const Observe& observe,
                          const Execution& execution) {
  if (is_ragged(attention)) {
    const RaggedBatch batch(attention, execution);
    engine::check_observe(batch.packed(), attention, observe);
  }
  const ValidAttention valid = validate(attention, execution);
  engine::check_observe(valid, attention, observe);
  return valid;
}

ObservedRows execute_observed(const engine::Call& call, const Execution& execution,
                              const AttendInto& into, const Observe& observe,
                              const ObserveInto& observed, std::int64_t* scratch_bytes) {
  const ValidAttention& problem = call.results();
  const std::vector<engine::ObservedArray> arrays = engine::observed_arrays(problem, observe);
  kernels::ObservationTargets targets;
  for (const engine::ObservedArray& array : arrays)
    targets.*array.target = with_leading_axes(observed.*array.into, 4 - problem.given_rank);
  ObservedRows rows;
  if (problem.rows() == 0) return rows;
  const DefaultFloatMode mode;  // totals are rounded after the rows are computed
  if (call.implementation().name == "reference") {
    if (observe.own != nullptr) {
      throw Error(ErrorKind::unsupported,
                  "observe: the reference shows no tiles to an observer of one's own");
    }
    rows.empty_rows = execute(call, execution.stop, into);
    rows.nan_rows = engine::observe_by_reference(problem, observe, targets);
    return rows;
  }
  kernels::Watch watch(problem, observe, targets, call.threads());
  *scratch_bytes = watch.scratch_bytes();
  rows.empty_rows = execute(call, execution.stop, into, &watch);
  rows.nan_rows = watch.finish();
  return rows;
}

// Room for the results of a call; for the output only where the caller has none, whose own is checked.
Attended results_of(const engine::Call& call, const Attention& attention,
                    std::vector<Refusal> refusals, const MutableTensorView* output) {
  const ValidAttention& results = call.results();
  if (output != nullptr) engine::check_targets(results, attention, {.output = *output});
  const Shape rows = engine::result_shape(results, true);
  const auto own_output = [&] {
    return Tensor::uninitialized(results.output_type, engine::result_shape(results, false));
  };
  return {.output = output == nullptr ? own_output() : Tensor(),
          .log_sum_exp = Tensor::uninitialized(DType::f32, rows),
          .row_max = Tensor::uninitialized(DType::f32, rows),
          .row_sum = Tensor::uninitialized(DType::f32, rows),
          .empty_rows = 0,
          .plan = call.plan(std::move(refusals)),
          .observed = {}};
}

AttendInto into_all_of(Attended& result, const MutableTensorView* output) {
  return {.output = output == nullptr ? result.output.mutable_view() : *output,
          .log_sum_exp = result.log_sum_exp.mutable_view(),
          .row_max = result.row_max.mutable_view(),
          .row_sum = result.row_sum.mutable_view()};
}

// The answer, its output in the caller's memory where `output` is given.
Attended answer(const Attention& attention, const MutableTensorView* output,
                const Execution& execution) {
  std::vector<Refusal> refusals;
  const engine::Call call(attention, execution, &refusals);
  Attended result = results_of(call, attention, std::move(refusals), output);
  result.empty_rows = execute(call, execution.stop, into_all_of(result, output));
  return result;
}

// The same with what was observed.
Attended answer(const Attention& attention, const MutableTensorView* output, const Observe& observe,
                const Execution& execution) {
  if (!observe.any()) return answer(attention, output, execution);
  std::vector<Refusal> refusals;
  const ValidAttention valid = observable(attention, observe, execution);
  const engine::Call call(attention, execution, &refusals, engine::Purpose::observe);
  Attended result = results_of(call, attention, std::move(refusals), output);
  Observed& observed = result.observed;
  observed.heads = engine::observed_heads(valid, observe);
  observed.pool_cells = filled(observe.pool_cells, valid.queries(), valid.keys());
  ObserveInto into;
  for (const engine::ObservedArray& array : engine::observed_arrays(valid, observe)) {
    if (!array.wanted) continue;
    Tensor& tensor = observed.*array.tensor;
    const Shape shape = engine::without_leading_axes(valid, array.shape);
    // Without rows nothing is written, and keys received nothing.
    tensor =
        valid.rows() == 0 ? Tensor(array.type, shape) : Tensor::uninitialized(array.type, shape);
    into.*array.into = tensor.mutable_view();
  }
  const ObservedRows rows = execute_observed(call, execution, into_all_of(result, output), observe,
                                             into, &observed.scratch_bytes);
  result.empty_rows = rows.empty_rows;
  observed.nan_rows = rows.nan_rows;
  return result;
}

}  // namespace

Attended attend(const Attention& attention, const Execution& execution) {
  return answer(attention, nullptr, execution);
}

Attended attend(const Attention& attention, const Observe& observe, const Execution& execution) {
  return answer(attention, nullptr, observe, execution);
}

Attended attend_output_into(const Attention& attention, const MutableTensorView& output,
                            const Observe& observe, const Execution& execution) {
  return answer(attention, &output, observe, execution);
}

ObservedRows attend_into(const Attention& attention, const AttendInto& into, const Observe& observe,
                         const ObserveInto& observed, const Execution& execution) {
  const ValidAttention valid = observable(attention, observe, execution);
  if (into.state.output.given() || into.resume) {
    throw Error(ErrorKind::unsupported,
                "attend: keys in parts are not observed; weights need all keys of a row");
  }
  const engine::Call call(attention, execution, nullptr, engine::Purpose::observe);
  engine::check_observed_targets(valid, attention, into, observe, observed);
  std::int64_t scratch_bytes = 0;
  AttendInto own_scratch = into;
  own_scratch.workspace = {};
  return execute_observed(call, execution, own_scratch, observe, observed, &scratch_bytes);
}

Plan plan(const Attention& attention, const Observe& observe, const Execution& execution) {
  if (!observe.any()) return plan(attention, execution);
  std::vector<Refusal> refusals;
  observable(attention, observe, execution);
  const engine::Call call(attention, execution, &refusals, engine::Purpose::observe);
  return call.plan(std::move(refusals));
}

PoolCells pool_cells(const Attention& attention, const PoolCells& asked) {
  const ValidAttention valid = validate(attention, {});
  engine::check_observe(valid, attention, {.pooled_map = true, .pool_cells = asked});
  return filled(asked, valid.queries(), valid.keys());
}

std::int64_t attend_into(const Attention& attention, const AttendInto& into,
                         const Execution& execution) {
  const engine::Call call(attention, execution, nullptr);
  engine::check_targets(call.results(), attention, into);
  return execute(call, execution.stop, into);
}

}  // namespace fovea
