// What can be wrong with an Observe, and where its results go.
#include "engine/observe.h"

#include <fmt/format.h>

#include <limits>
#include <numeric>
#include <utility>

#include "fovea/attention/ragged_batch.h"
#include "fovea/core/error.h"
#include "fovea/reference/observe.h"

namespace fovea::engine {
namespace {

constexpr std::int64_t kMostTop = 64;

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "observe: " + fmt::format(text, std::forward<Args>(args)...));
}

void check_range(const char* name, std::int64_t number, std::int64_t least, std::int64_t most) {
  if (number < least || number > most)
    fail("{} is {}; it must be from {} to {}", name, number, least, most);
}

void check_numbers(const char* name, const std::vector<std::int64_t>& numbers, std::int64_t end,
                   const char* of) {
  for (const std::int64_t number : numbers) {
    if (number >= 0 && number < end) continue;
    fail("{} has {}; there {} {} {}", name, number, end == 1 ? "is" : "are", end, of);
  }
}

void check_labels(const char* name, const TensorView& labels, std::int64_t batch,
                  std::int64_t tokens) {
  if (labels.dtype() != DType::i32) fail("{} is {}; it must be i32", name, name_of(labels.dtype()));
  const Shape alike{tokens};
  const Shape each{batch, tokens};
  if (labels.shape() != alike && labels.shape() != each) {
    fail("{} is {}; {} or {} is wanted", name, to_string(labels.shape()), to_string(alike),
         to_string(each));
  }
  if (labels.element_count() > 0 && labels.data() == nullptr) fail("{} is a null pointer", name);
}

bool wants_mass(const Observe& observe) {
  return observe.mass_first > 0 || observe.mass_self || observe.mass_previous ||
         observe.query_labels.given();
}

Shape joined(const Shape& leading, std::initializer_list<std::int64_t> rest) {
  std::vector<std::int64_t> sizes(leading.begin(), leading.end());
  sizes.insert(sizes.end(), rest);
  return Shape(std::span<const std::int64_t>(sizes));
}

}  // namespace

std::vector<std::int64_t> observed_heads(const ValidAttention& problem, const Observe& observe) {
  if (!observe.heads.empty()) return observe.heads;
  std::vector<std::int64_t> heads(static_cast<std::size_t>(problem.query_heads()));
  std::iota(heads.begin(), heads.end(), 0);
  return heads;
}

void check_observe(const ValidAttention& problem, const Attention& attention,
                   const Observe& observe) {
  if (is_ragged(attention)) {
    throw Error(ErrorKind::unsupported,
                "observe: a ragged batch is not observed; ask about its sequences one by one");
  }
  if (problem.keys() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("observe: {} keys; at most 2^31 - 1 are observed", problem.keys()));
  }
  check_numbers("heads", observe.heads, problem.query_heads(), "query heads");
  for (std::size_t i = 1; i < observe.heads.size(); ++i) {
    if (observe.heads[i] <= observe.heads[i - 1])
      fail("heads has {} after {}; they must rise", observe.heads[i], observe.heads[i - 1]);
  }
  check_range("top_weights", observe.top_weights, 0, kMostTop);
  check_range("mass_first", observe.mass_first, 0, kernels::kMostFirstKeys);
  if (observe.pool_cells.queries < 0 || observe.pool_cells.keys < 0) {
    fail("pool_cells is {} x {}; neither may be negative", observe.pool_cells.queries,
         observe.pool_cells.keys);
  }
  check_numbers("rows", observe.rows, problem.queries(), "queries");
  check_numbers("columns", observe.columns, problem.keys(), "keys");
  if (observe.query_labels.given() != observe.key_labels.given())
    fail("query_labels and key_labels must be given together");
  if (!observe.query_labels.given()) return;
  check_labels("query_labels", observe.query_labels, problem.batch(), problem.queries());
  check_labels("key_labels", observe.key_labels, problem.batch(), problem.keys());
}

std::vector<ObservedArray> observed_arrays(const ValidAttention& problem, const Observe& observe) {
  using T = kernels::ObservationTargets;
  const auto heads = static_cast<std::int64_t>(observe.heads.empty()
                                                   ? static_cast<std::size_t>(problem.query_heads())
                                                   : observe.heads.size());
  const Shape all{problem.batch(), heads};
  const Shape rows{problem.batch(), heads, problem.queries()};
  const PoolCells cells = filled(observe.pool_cells, problem.queries(), problem.keys());
  const std::int64_t cell_rows = cells_of(problem.queries(), cells.queries);
  const std::int64_t cell_columns = cells_of(problem.keys(), cells.keys);
  const std::int64_t k = observe.top_weights;
  const bool top = k > 0;
  const bool labelled = observe.query_labels.given();
  const bool sink = wants_mass(observe) && problem.sinks.given();
  const auto line = [&](std::size_t count, std::int64_t tokens) {
    return joined(all, {static_cast<std::int64_t>(count), tokens});
  };
  const DType f32 = DType::f32;
  // clang-format off
  return {
      {"top_weights", &Observed::top_weights, &ObserveInto::top_weights, &T::top_weights, top, f32, joined(rows, {k})},
      {"top_indices", &Observed::top_indices, &ObserveInto::top_indices, &T::top_indices, top, DType::i32, joined(rows, {k})},
      {"entropy", &Observed::entropy, &ObserveInto::entropy, &T::entropy, observe.entropy, f32, rows},
      {"received", &Observed::received, &ObserveInto::received, &T::received, observe.received, f32, joined(all, {problem.keys()})},
      {"pooled_map", &Observed::pooled_map, &ObserveInto::pooled_map, &T::pooled_map, observe.pooled_map, f32, joined(all, {cell_rows, cell_columns})},
      {"distance", &Observed::distance, &ObserveInto::distance, &T::distance, observe.distance, f32, joined(all, {kDistanceBuckets})},
      {"rows", &Observed::rows, &ObserveInto::rows, &T::rows, !observe.rows.empty(), f32, line(observe.rows.size(), problem.keys())},
      {"columns", &Observed::columns, &ObserveInto::columns, &T::columns, !observe.columns.empty(), f32, line(observe.columns.size(), problem.queries())},
      {"mass_first", &Observed::mass_first, &ObserveInto::mass_first, &T::mass_first, observe.mass_first > 0, f32, rows},
      {"mass_self", &Observed::mass_self, &ObserveInto::mass_self, &T::mass_self, observe.mass_self, f32, rows},
      {"mass_previous", &Observed::mass_previous, &ObserveInto::mass_previous, &T::mass_previous, observe.mass_previous, f32, rows},
      {"mass_match", &Observed::mass_match, &ObserveInto::mass_match, &T::mass_match, labelled, f32, rows},
      {"mass_sink", &Observed::mass_sink, &ObserveInto::mass_sink, &T::mass_sink, sink, f32, rows},
      {"log2_max", &Observed::log2_max, &ObserveInto::log2_max, &T::log2_max, observe.row_statistics, f32, rows},
      {"row_sum", &Observed::row_sum, &ObserveInto::row_sum, &T::row_sum, observe.row_statistics, f32, rows},
  };
  // clang-format on
}

Shape without_leading_axes(const ValidAttention& problem, const Shape& all) {
  return Shape(std::span<const std::int64_t>(all.begin() + (4 - problem.given_rank), all.end()));
}

std::int64_t observe_by_reference(const ValidAttention& problem, const Observe& observe,
                                  const kernels::ObservationTargets& targets) {
  const Observed seen = reference::observe(problem, observe);
  for (const ObservedArray& array : observed_arrays(problem, observe)) {
    const MutableTensorView& to = targets.*array.target;
    const Tensor& from = seen.*array.tensor;
    if (!to.given() || from.element_count() == 0) continue;
    // Row-major order, as `from` lies.
    std::vector<std::int64_t> index(static_cast<std::size_t>(to.rank()), 0);
    for (std::int64_t i = 0; i < from.element_count(); ++i) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < to.rank(); ++axis)
        offset += index[static_cast<std::size_t>(axis)] * to.stride(axis);
      const auto at = static_cast<std::size_t>(i);
      if (array.type == DType::i32) {
        static_cast<std::int32_t*>(to.mutable_data())[offset] = from.values<std::int32_t>()[at];
      } else {
        static_cast<float*>(to.mutable_data())[offset] =
            static_cast<float>(from.values<double>()[at]);
      }
      for (int axis = to.rank() - 1; axis >= 0; --axis) {
        auto& n = index[static_cast<std::size_t>(axis)];
        if (++n < to.size(axis)) break;
        n = 0;
      }
    }
  }
  return seen.nan_rows;
}

}  // namespace fovea::engine
