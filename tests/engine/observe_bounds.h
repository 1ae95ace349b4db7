// What observers must say of a problem, in double, and how far from it float32 weights may be: what
// error_bounds.h derives for a row, carried to its weights and their sums.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/error_bounds.h"
#include "fovea/reference/observe.h"

namespace fovea::conformance {

inline std::size_t index_of(std::int64_t at) {
  return static_cast<std::size_t>(at);
}

// Where rounding of the scores alone may move a weight by more than this share of it, the bound of
// a weight says nothing: 1 stands for it.
inline constexpr double kUseless = 0.05;
// A float32 row's weights below 2^-100 of its largest are 0; 2^-90 is far below all that counts.
inline constexpr double kDropped = 0x1p-90;
// H = ln l · sum of w - sum of w · (s - m) is at most ln(keys), 6.6 for 700 and 9.7 for 16,500: 25
// roundings of the one, 17 of the other, as stretches of 16 keys, 8 stretches and some blocks make.
inline constexpr double kEntropy = 1e-5;

/// Sums of the weights' bounds, of the shapes of the totals.
struct TotalBounds {
  std::vector<double> received;
  std::vector<double> pooled_map;
  std::vector<double> distance;
};

class Truth {
 public:
  Truth(const ValidAttention& valid, const Observe& observe, bool fused)
      : v(valid),
        exact(reference::observe(valid, observe)),
        steps_(reference::attend(valid, {.scores = true, .weights = true})) {
    for (std::int64_t row = 0; row < v.rows(); ++row)
      bounds_.push_back(row_bounds(v, steps_, row, fused));
    add_up_totals();
  }

  bool is_visible(std::int64_t row, std::int64_t key) const {
    const double score = steps_.biased.values<double>()[index_of(row * v.keys() + key)];
    return score != -std::numeric_limits<double>::infinity();
  }
  bool is_nan(std::int64_t row) const {
    return std::isnan(steps_.row_max.values<double>()[index_of(row)]);
  }
  bool sees_none(std::int64_t row) const {
    for (std::int64_t key = 0; key < v.keys(); ++key)
      if (is_visible(row, key)) return false;
    return true;
  }
  double row_max(std::int64_t row) const { return steps_.row_max.values<double>()[index_of(row)]; }
  double log_bound(std::int64_t row) const { return bounds_[index_of(row)].log_sum_exp; }
  // Both logarithms of w = exp(s - m) / l are off by no more than the log-sum-exp's bound allows.
  double share(std::int64_t row) const { return bounds_[index_of(row)].row_sum; }
  bool is_useless(std::int64_t row) const { return !(share(row) <= kUseless); }

  /// How far the weight of a key may be from the exact one.
  double of_weight(std::int64_t row, std::int64_t key) const {
    if (key < 0 || key >= v.keys() || !is_visible(row, key)) return 0;
    if (is_useless(row)) return 1;
    return share(row) * steps_.weights.values<double>()[index_of(row * v.keys() + key)] + kDropped;
  }
  double of_first_keys(std::int64_t row, std::int64_t count) const {
    double sum = 0;
    for (std::int64_t key = 0; key < std::min(count, v.keys()); ++key) sum += of_weight(row, key);
    return sum;
  }
  /// -w ln w moves by (-ln w - 1) dw, so H by at most share · (H + sum of w).
  double of_entropy(std::int64_t row) const {
    if (is_useless(row)) return std::log(static_cast<double>(v.keys() + 1)) + 1;
    return kEntropy + 1.1 * share(row) * (exact.entropy.values<double>()[index_of(row)] + 1);
  }

  std::int64_t batch_of(std::int64_t row) const { return row / v.queries() / v.query_heads(); }
  std::int64_t diagonal_of(std::int64_t row) const {
    return v.diagonal_at(batch_of(row), row % v.queries());
  }

  const ValidAttention& v;
  const Observed exact;
  TotalBounds totals;

 private:
  void add_up_totals();

  reference::Steps steps_;
  std::vector<RowBounds> bounds_;
};

inline void Truth::add_up_totals() {
  totals.received.resize(index_of(exact.received.element_count()));
  totals.pooled_map.resize(index_of(exact.pooled_map.element_count()));
  totals.distance.resize(index_of(exact.distance.element_count()));
  const std::int64_t cell_rows = exact.pooled_map.size(2);
  const std::int64_t cell_columns = exact.pooled_map.size(3);
  std::vector<double> rows_of_cell(index_of(v.batch() * v.query_heads() * cell_rows));
  std::vector<double> rows_of_head(index_of(v.batch() * v.query_heads()));
  for (std::int64_t row = 0; row < v.rows(); ++row) {
    if (is_nan(row) || sees_none(row)) continue;
    const std::int64_t head = row / v.queries();
    const std::int64_t cell = head * cell_rows + row % v.queries() / exact.pool_cells.queries;
    ++rows_of_cell[index_of(cell)];
    ++rows_of_head[index_of(head)];
    for (std::int64_t key = 0; key < v.keys(); ++key) {
      const double bound = of_weight(row, key);
      const std::int64_t bucket = distance_bucket(diagonal_of(row) - key);
      totals.received[index_of(head * v.keys() + key)] += bound;
      totals.pooled_map[index_of(cell * cell_columns + key / exact.pool_cells.keys)] += bound;
      totals.distance[index_of(head * kDistanceBuckets + bucket)] += bound;
    }
  }
  for (std::size_t i = 0; i < totals.pooled_map.size(); ++i)
    totals.pooled_map[i] /= std::max(1.0, rows_of_cell[i / index_of(cell_columns)]);
  for (std::size_t i = 0; i < totals.distance.size(); ++i)
    totals.distance[i] /= std::max(1.0, rows_of_head[i / index_of(kDistanceBuckets)]);
}

}  // namespace fovea::conformance
