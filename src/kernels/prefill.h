// Fused attention for many queries: the choice of row blocks and tasks, apart from the arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/factors.h"
#include "kernels/kernel.h"
#include "kernels/row_block.h"

namespace fovea::kernels {

inline constexpr std::int64_t kMostRowBlocks = 4;
/// A RowBlock takes this much scratch; a whole number of cache lines, as every piece does.
inline constexpr std::int64_t kRowBlockFloats = sizeof(RowBlock) / sizeof(float);
static_assert(sizeof(RowBlock) % 64 == 0);

/// Which rows lie side by side in the lanes.
enum class Heads : std::uint8_t {
  grouped,  // those of all query heads of a key head
  apart,    // those of one query head: what is observed is said of one
};

/// How a call is cut up. A task is one key head of one batch entry and up to `row_blocks` blocks of
/// 64 rows, which share each key block while it is in cache. Rows are counted query by query,
/// within a query over the heads of the group: few queries then still fill the lanes, and a block's
/// rows stay near each other for causal skipping.
struct PrefillShape {
  Heads heads = Heads::grouped;
  std::int64_t all_heads = 0;   // key heads, or query heads where they are apart
  std::int64_t rows = 0;        // of one of these heads
  std::int64_t row_blocks = 1;  // to a task
  std::int64_t groups = 0;      // tasks of one head
  std::int64_t tasks = 0;
  std::int64_t scratch_floats = 0;  // of one thread
  bool copy_keys =
      false;  // key rows are converted, gathered, or moved off a stride that caches dislike
  bool copy_values = false;
  std::int64_t key_stride = 0;  // of the copies
  std::int64_t value_stride = 0;
};

PrefillShape prefill_shape(const ValidAttention& problem, std::int64_t row_blocks,
                           Heads heads) noexcept;

/// A call under way.
struct PrefillCall {
  const ValidAttention& problem;
  const Targets& targets;
  PrefillShape shape;
  Factors factors;
  bool ranges_differ = false;   // rows differ in what position lets them see
  bool needs_diagonal = false;  // something but the visible range depends on it
  bool modified = false;        // scores are more than q · k, hidden by position

  PrefillCall(const ValidAttention& problem, const Targets& targets,
              std::int64_t row_blocks) noexcept;
  /// The raw logit; -inf = none.
  float sink_of(std::int64_t head) const noexcept {
    return problem.sinks.given() ? finite_float(problem.sinks.number_at(head)) : -kFloatInfinity;
  }
};

/// Where a task works.
struct TaskPlace {
  std::int64_t batch;
  std::int64_t key_head;
  std::int64_t query_head;  // where heads are apart, else -1
  std::int64_t first_row;   // of the head's rows
};

std::string_view refuse_prefill(const ValidAttention& problem);
std::string_view yield_prefill(const ValidAttention& problem);
Blocking block_prefill(const ValidAttention& problem, int threads);
/// For a call that observes.
Blocking block_observed(const ValidAttention& problem, int threads);
std::optional<std::int64_t> run_prefill(const ValidAttention& problem, const Blocking& blocking,
                                        const Resources& resources, const Targets& targets);

}  // namespace fovea::kernels
