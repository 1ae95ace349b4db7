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
using NamedTarget = std::pair<const char*, MutableTensorView>;

// The last `rank` axes of [batch, heads, queries, size].
Shape result_shape(const ValidAttention& problem, bool statistic) {
  const Shape all{problem.batch(), problem.query_heads(), problem.queries(), problem.value_size()};
  const int first = 4 - problem.given_rank;
  const int last = statistic ? 3 : 4;
  return Shape(std::span(all.begin() + first, all.begin() + last));
}

void check_target(const NamedTarget& target, const Shape& wanted, DType type) {
  const auto& [name, view] = target;
  if (view.shape() != wanted) {
    fail("{} is {}; {} is wanted", name, to_string(view.shape()), to_string(wanted));
  }
  if (view.dtype() != type)
    fail("{} is {}; {} is wanted", name, name_of(view.dtype()), name_of(type));
}

// Only for targets that will be written: each element has an address of its own.
void check_memory(const NamedTarget& target) {
  const auto& [name, view] = target;
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

void check_apart(const NamedTarget& target, const Named& other) {
  if (!other.second.given() || !engine::may_overlap(target.second, other.second)) return;
  fail("{} overlaps {} in memory; give it memory of its own", target.first, other.first);
}

void check_targets(const ValidAttention& problem, const Attention& attention,
                   const AttendInto& into) {
  if (!into.output.given()) fail("output is not given");
  const std::array<NamedTarget, 4> targets{{{"output", into.output},
                                            {"log_sum_exp", into.log_sum_exp},
                                            {"row_max", into.row_max},
                                            {"row_sum", into.row_sum}}};
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
    if (!targets[i].second.given()) continue;
    check_target(targets[i], result_shape(problem, i > 0),
                 i == 0 ? problem.output_type : DType::f32);
    if (problem.rows() == 0) continue;
    check_memory(targets[i]);
    for (const Named& input : inputs) check_apart(targets[i], input);
    for (std::size_t j = 0; j < i; ++j) check_apart(targets[i], targets[j]);
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

std::int64_t execute(const ValidAttention& problem, const engine::Selection& selection,
                     const std::stop_token& stop, const AttendInto& into) {
  if (stop.stop_requested()) fail_as_cancelled();
  if (problem.rows() == 0) return 0;
  Tensor scratch;
  if (selection.blocking.scratch_bytes > 0) {
    scratch = Tensor::uninitialized(DType::u8, {selection.blocking.scratch_bytes});
  }
  const DefaultFloatMode mode;
  const int added = 4 - problem.given_rank;
  const std::optional<std::int64_t> empty_rows = selection.implementation->run(
      problem, selection.blocking, {.scratch = scratch.bytes(), .stop = stop},
      {.output = with_leading_axes(into.output, added),
       .log_sum_exp = with_leading_axes(into.log_sum_exp, added),
       .row_max = with_leading_axes(into.row_max, added),
       .row_sum = with_leading_axes(into.row_sum, added)});
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
