// Every check of where a call's results go.
#include "engine/targets.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/memory_overlap.h"
#include "engine/observe.h"
#include "fovea/core/error.h"

namespace fovea::engine {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "attend: " + fmt::format(text, std::forward<Args>(args)...));
}

struct Input {
  const char* name;
  const TensorView* view;
};

struct WantedTarget {
  const char* name;
  const MutableTensorView* view;
  DType type;
  Shape shape;
};

void check_target(const WantedTarget& target) {
  const TensorView& view = *target.view;
  if (view.shape() != target.shape) {
    fail("{} is {}; {} is wanted", target.name, to_string(view.shape()), to_string(target.shape));
  }
  if (view.dtype() != target.type)
    fail("{} is {}; {} is wanted", target.name, name_of(view.dtype()), name_of(target.type));
}

// Only for targets that will be written: each element has an address of its own.
void check_memory(const WantedTarget& target) {
  const char* const name = target.name;
  const TensorView& view = *target.view;
  if (view.element_count() == 0) return;
  if (view.data() == nullptr) {
    fail("{} {} is a null pointer; it must point at {} elements", name, to_string(view.shape()),
         view.element_count());
  }
  if (!view.is_within_addresses()) {
    fail("{} {} with strides {} reaches beyond all addresses", name, to_string(view.shape()),
         to_string(view.strides()));
  }
  if (!elements_are_distinct(view)) {
    fail("elements of {} {} with strides {} share memory; each needs its own", name,
         to_string(view.shape()), to_string(view.strides()));
  }
}

void check_apart(const WantedTarget& target, const char* name, const TensorView& other) {
  if (!other.given() || !may_overlap(*target.view, other)) return;
  fail("{} overlaps {} in memory; give it memory of its own", target.name, name);
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

}  // namespace

// The last `rank` axes of [batch, heads, queries, size].
Shape result_shape(const ValidAttention& problem, bool statistic) {
  const Shape all{problem.batch(), problem.query_heads(), problem.queries(), problem.value_size()};
  const int first = 4 - problem.given_rank;
  const int last = statistic ? 3 : 4;
  return Shape(std::span(all.begin() + first, all.begin() + last));
}

namespace {

std::array<WantedTarget, 7> result_targets(const ValidAttention& problem, const AttendInto& into) {
  const Shape output = result_shape(problem, false);
  const Shape rows = result_shape(problem, true);
  return {{{"output", &into.output, problem.output_type, output},
           {"log_sum_exp", &into.log_sum_exp, DType::f32, rows},
           {"row_max", &into.row_max, DType::f32, rows},
           {"row_sum", &into.row_sum, DType::f32, rows},
           {"state.output", &into.state.output, DType::f32, output},
           {"state.log2_max", &into.state.log2_max, DType::f32, rows},
           {"state.sum", &into.state.sum, DType::f32, rows}}};
}

// `targets` against their shapes, the inputs, and each other.
void check_all(const ValidAttention& problem, const Attention& attention, const Observe& observe,
               std::span<const WantedTarget> targets) {
  const std::array<Input, 13> inputs{{{"query", &attention.query},
                                      {"key", &attention.key},
                                      {"packed_key", &attention.packed_key},
                                      {"value", &attention.value},
                                      {"bias", &attention.bias},
                                      {"keep", &attention.keep},
                                      {"alibi_slopes", &attention.alibi_slopes},
                                      {"sinks", &attention.sinks},
                                      {"key_lengths", &attention.key_lengths},
                                      {"query_offsets", &attention.query_offsets},
                                      {"key_offsets", &attention.key_offsets},
                                      {"query_labels", &observe.query_labels},
                                      {"key_labels", &observe.key_labels}}};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const WantedTarget& target = targets[i];
    if (!target.view->given()) continue;
    check_target(target);
    if (problem.rows() == 0) continue;
    check_memory(target);
    for (const Input& input : inputs) check_apart(target, input.name, *input.view);
    for (std::size_t j = 0; j < i; ++j) check_apart(target, targets[j].name, *targets[j].view);
  }
}

}  // namespace

void check_targets(const ValidAttention& problem, const Attention& attention,
                   const AttendInto& into) {
  check_state(problem, attention, into);
  check_all(problem, attention, {}, result_targets(problem, into));
}

void check_observed_targets(const ValidAttention& problem, const Attention& attention,
                            const AttendInto& into, const Observe& observe,
                            const ObserveInto& observed) {
  check_state(problem, attention, into);
  std::vector<WantedTarget> targets;
  for (const WantedTarget& target : result_targets(problem, into)) targets.push_back(target);
  for (const ObservedArray& array : observed_arrays(problem, observe)) {
    const MutableTensorView& view = observed.*array.into;
    if (!array.wanted && view.given()) {
      fail("observed.{} is given, but observe does not ask for it", array.name);
    }
    if (!array.wanted) continue;
    if (!view.given() && std::string_view(array.name) == "mass_sink") continue;
    if (!view.given()) fail("observed.{} is not given, but observe asks for it", array.name);
    targets.push_back({array.name, &view, array.type, without_leading_axes(problem, array.shape)});
  }
  check_all(problem, attention, observe, targets);
}

}  // namespace fovea::engine
