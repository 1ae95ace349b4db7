// validate -> plan -> execute.
#include "fovea/engine/attend.h"

#include <fmt/format.h>

#include <utility>

#include "core/float_mode.h"
#include "engine/call.h"
#include "engine/targets.h"
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

std::int64_t execute(const engine::Call& call, const std::stop_token& stop,
                     const AttendInto& into) {
  if (stop.stop_requested()) fail_as_cancelled();
  if (call.results().rows() == 0) return 0;
  if (into.state.output.given() && !call.implementation().keeps_state) {
    throw Error(ErrorKind::unsupported,
                fmt::format("attend: {} keeps no partial state", call.implementation().name));
  }
  Tensor own;
  const std::span<std::byte> scratch = scratch_of(call.scratch_bytes(), into.workspace, own);
  const DefaultFloatMode mode;
  const std::optional<std::int64_t> empty_rows = call.run(
      {.scratch = scratch, .stop = stop}, wide_targets(into, 4 - call.results().given_rank));
  if (!empty_rows.has_value()) fail_as_cancelled();
  return *empty_rows;
}

}  // namespace

Attended attend(const Attention& attention, const Execution& execution) {
  std::vector<Refusal> refusals;
  const engine::Call call(attention, execution, &refusals);
  const ValidAttention& results = call.results();
  const Shape rows = engine::result_shape(results, true);
  Attended result{
      .output = Tensor::uninitialized(results.output_type, engine::result_shape(results, false)),
      .log_sum_exp = Tensor::uninitialized(DType::f32, rows),
      .row_max = Tensor::uninitialized(DType::f32, rows),
      .row_sum = Tensor::uninitialized(DType::f32, rows),
      .plan = call.plan(std::move(refusals))};
  result.empty_rows = execute(call, execution.stop,
                              {.output = result.output.mutable_view(),
                               .log_sum_exp = result.log_sum_exp.mutable_view(),
                               .row_max = result.row_max.mutable_view(),
                               .row_sum = result.row_sum.mutable_view()});
  return result;
}

std::int64_t attend_into(const Attention& attention, const AttendInto& into,
                         const Execution& execution) {
  const engine::Call call(attention, execution, nullptr);
  engine::check_targets(call.results(), attention, into);
  return execute(call, execution.stop, into);
}

}  // namespace fovea
