// validate -> plan -> execute.
#include "fovea/engine/attend.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/float_mode.h"
#include "engine/memory_overlap.h"
#include "engine/select.h"
#include "fovea/core/error.h"

namespace fovea {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "attend: " + fmt::format(text, std::forward<Args>(args)...));
}

using Named = std::pair<const char*, TensorView>;

struct WantedTarget {
  const char* name;
  MutableTensorView view;
  bool is_statistic;  // no axis of values
  DType type;
};

// The last `rank` axes of [batch, heads, queries, size].
Shape result_shape(const ValidAttention& problem, bool statistic) {
  const Shape all{problem.batch(), problem.query_heads(), problem.queries(), problem.value_size()};
  const int first = 4 - problem.given_rank;
  const int last = statistic ? 3 : 4;
  return Shape(std::span(all.begin() + first, all.begin() + last));
}

void check_target(const WantedTarget& target, const Shape& wanted) {
  const TensorView& view = target.view;
  if (view.shape() != wanted) {
    fail("{} is {}; {} is wanted", target.name, to_string(view.shape()), to_string(wanted));
  }
  if (view.dtype() != target.type)
    fail("{} is {}; {} is wanted", target.name, name_of(view.dtype()), name_of(target.type));
}

// Only for targets that will be written: each element has an address of its own.
void check_memory(const WantedTarget& target) {
  const char* const name = target.name;
  const MutableTensorView& view = target.view;
  if (view.element_count() == 0) return;
  if (view.data() == nullptr) {
    fail("{} {} is a null pointer; it must point at {} elements", name, to_string(view.shape()),
         view.element_count());
  }
  std::int64_t reach = 0;
  bool fits = true;
  for (int axis = 0; fits && axis < view.rank(); ++axis) {
    std::int64_t step = 0;
    fits = view.stride(axis) != std::numeric_limits<std::int64_t>::min() &&
           !__builtin_mul_overflow(std::abs(view.stride(axis)), view.size(axis) - 1, &step) &&
           !__builtin_add_overflow(reach, step, &reach);
  }
  if (!fits || reach > std::numeric_limits<std::int64_t>::max() / 16) {
    fail("{} {} with strides {} reaches beyond all addresses", name, to_string(view.shape()),
         to_string(view.strides()));
  }
  if (!engine::elements_are_distinct(view)) {
    fail("elements of {} {} with strides {} share memory; each needs its own", name,
         to_string(view.shape()), to_string(view.strides()));
  }
}

void check_apart(const WantedTarget& target, const Named& other) {
  if (!other.second.given() || !engine::may_overlap(target.view, other.second)) return;
  fail("{} overlaps {} in memory; give it memory of its own", target.name, other.first);
}

bool any_given(const PartialState& state) {
  return state.output.given() || state.log2_max.given() || state.sum.given();
}

void check_state(const ValidAttention& problem, const Attention& attention,
                 const AttendInto& into) {
  const PartialState& state = into.state;
  if (!any_given(state)) {
    if (into.resume) fail("resume is true, but no state is given to resume from");
    if (!into.output.given()) fail("output is not given");
    return;
  }
  if (!state.output.given() || !state.log2_max.given() || !state.sum.given())
    fail("state.output, state.log2_max and state.sum must be given together");
  const bool by_position = problem.causal || problem.alibi_slopes.given() ||
                           problem.window.left != Window::kUnbounded ||
                           problem.window.right != Window::kUnbounded;
  // Without an output more parts will follow, so this one's last key is not where the last query
  // stands.
  if (by_position && !into.output.given() &&
      attention.diagonal.kind() == Diagonal::Kind::bottom_right) {
    fail(
        "causal, window and alibi_slopes over one part of the keys need Diagonal::at(position of "
        "query 0 minus that of the part's first key)");
  }
}

void check_targets(const ValidAttention& problem, const Attention& attention,
                   const AttendInto& into) {
  check_state(problem, attention, into);
  const std::array<WantedTarget, 7> targets{
      {{"output", into.output, false, problem.output_type},
       {"log_sum_exp", into.log_sum_exp, true, DType::f32},
       {"row_max", into.row_max, true, DType::f32},
       {"row_sum", into.row_sum, true, DType::f32},
       {"state.output", into.state.output, false, DType::f32},
       {"state.log2_max", into.state.log2_max, true, DType::f32},
       {"state.sum", into.state.sum, true, DType::f32}}};
  const std::array<Named, 9> inputs{{{"query", attention.query},
                                     {"key", attention.key},
                                     {"packed_key", attention.packed_key},
                                     {"value", attention.value},
                                     {"bias", attention.bias},
                                     {"keep", attention.keep},
                                     {"alibi_slopes", attention.alibi_slopes},
                                     {"sinks", attention.sinks},
                                     {"key_lengths", attention.key_lengths}}};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const WantedTarget& target = targets[i];
    if (!target.view.given()) continue;
    check_target(target, result_shape(problem, target.is_statistic));
    if (problem.rows() == 0) continue;
    check_memory(target);
    for (const Named& input : inputs) check_apart(target, input);
    for (std::size_t j = 0; j < i; ++j) check_apart(target, {targets[j].name, targets[j].view});
  }
}

MutableTensorView with_leading_axes(const MutableTensorView& view, int count) {
  if (!view.given()) return view;
  const TensorView wide = view.with_leading_axes(count);
  return {view.mutable_data(), view.dtype(), wide.shape(), wide.strides()};
}

[[noreturn]] void fail_as_cancelled() {
  throw Error(ErrorKind::cancelled, "attend: cancelled by the caller's stop token");
}

// The targets with 4 axes.
kernels::Targets wide_targets(const AttendInto& into, int added) {
  return {.output = with_leading_axes(into.output, added),
          .log_sum_exp = with_leading_axes(into.log_sum_exp, added),
          .row_max = with_leading_axes(into.row_max, added),
          .row_sum = with_leading_axes(into.row_sum, added),
          .state = {.output = with_leading_axes(into.state.output, added),
                    .log2_max = with_leading_axes(into.state.log2_max, added),
                    .sum = with_leading_axes(into.state.sum, added),
                    .resume = into.resume}};
}

// The caller's workspace, or memory of `own`.
std::span<std::byte> scratch_of(std::int64_t bytes, std::span<std::byte> workspace, Tensor& own) {
  if (bytes == 0) return {};
  if (workspace.empty()) {
    own = Tensor::uninitialized(DType::u8, {bytes});
    return own.bytes();
  }
  if (static_cast<std::int64_t>(workspace.size()) < bytes)
    fail("workspace has {} bytes; this call needs {}", workspace.size(), bytes);
  if (reinterpret_cast<std::uintptr_t>(workspace.data()) % 64 != 0)
    fail("workspace is not aligned to 64 bytes");
  return workspace;
}

std::int64_t execute(const ValidAttention& problem, const engine::Selection& selection,
                     const std::stop_token& stop, const AttendInto& into) {
  if (stop.stop_requested()) fail_as_cancelled();
  if (problem.rows() == 0) return 0;
  if (into.state.output.given() && !selection.implementation->keeps_state) {
    throw Error(ErrorKind::unsupported,
                fmt::format("attend: {} keeps no partial state", selection.implementation->name));
  }
  Tensor own;
  const std::span<std::byte> scratch =
      scratch_of(selection.blocking.scratch_bytes, into.workspace, own);
  const DefaultFloatMode mode;
  const std::optional<std::int64_t> empty_rows =
      selection.implementation->run(problem, selection.blocking, {.scratch = scratch, .stop = stop},
                                    wide_targets(into, 4 - problem.given_rank));
  if (!empty_rows.has_value()) fail_as_cancelled();
  return *empty_rows;
}

}  // namespace

Attended attend(const Attention& attention, const Execution& execution) {
  const ValidAttention problem = validate(attention, execution);
  std::vector<Refusal> refusals;
  const engine::Selection selection = engine::select(problem, execution, &refusals);
  const Shape rows = result_shape(problem, true);
  Attended result{
      .output = Tensor::uninitialized(problem.output_type, result_shape(problem, false)),
      .log_sum_exp = Tensor::uninitialized(DType::f32, rows),
      .row_max = Tensor::uninitialized(DType::f32, rows),
      .row_sum = Tensor::uninitialized(DType::f32, rows),
      .plan = engine::plan_of(selection, std::move(refusals))};
  result.empty_rows = execute(problem, selection, execution.stop,
                              {.output = result.output.mutable_view(),
                               .log_sum_exp = result.log_sum_exp.mutable_view(),
                               .row_max = result.row_max.mutable_view(),
                               .row_sum = result.row_sum.mutable_view()});
  return result;
}

std::int64_t attend_into(const Attention& attention, const AttendInto& into,
                         const Execution& execution) {
  const ValidAttention problem = validate(attention, execution);
  check_targets(problem, attention, into);
  return execute(problem, engine::select(problem, execution, nullptr), execution.stop, into);
}

}  // namespace fovea
