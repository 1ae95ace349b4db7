// Observers by loops in double, over the rows of attend_by_rows.
#include "fovea/reference/observe.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <vector>

#include "fovea/reference/attend.h"

namespace fovea::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A row, and where it stands among those that are observed.
struct Row {
  const RowSteps& steps;
  std::int64_t batch = 0;
  std::int64_t query = 0;
  std::int64_t of_head = 0;  // batch entry * observed heads + number of the head among them
  std::int64_t at = 0;       // of_head * queries + query
  std::int64_t diagonal = 0;
  double sink = -kInfinity;

  bool is_nan() const noexcept { return std::isnan(steps.row_max); }
  std::int64_t keys() const noexcept { return static_cast<std::int64_t>(steps.weights.size()); }
  double weight(std::int64_t key) const noexcept {
    return key >= 0 && key < keys() ? steps.weights[static_cast<std::size_t>(key)] : 0;
  }
};

// Takes row after row and writes what each adds to the results.
class Observers {
 public:
  Observers(const ValidAttention& attention, const Observe& observe);
  void take(const RowSteps& steps);
  Observed finish();

 private:
  Tensor zeros(std::initializer_list<std::int64_t> of_head, DType type = DType::f64) const;
  void take_largest(const Row& row);
  void take_in_full(const Row& row);
  void take_totals(const Row& row);
  void take_masses(const Row& row);
  double mass_of_matches(const Row& row) const;

  const ValidAttention& v_;
  const Observe& asked_;
  Observed seen_;
  std::vector<std::int64_t> rows_in_cell_;  // that count: [batch, heads, cells of queries]
  std::vector<std::int64_t> rows_in_head_;  // [batch, heads]
};

double* numbers_of(Tensor& tensor) noexcept {
  return tensor.values<double>().data();
}

void set(Tensor& tensor, std::int64_t at, double number) noexcept {
  if (tensor.element_count() > 0) numbers_of(tensor)[at] = number;
}

std::int64_t cells_of(std::int64_t tokens, std::int64_t cell) noexcept {
  return tokens / cell + (tokens % cell > 0 ? 1 : 0);
}

// diagonal - key, or the nearest number that can be negated.
std::int64_t distance_between(std::int64_t diagonal, std::int64_t key) noexcept {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return diagonal < key - kMost ? -kMost : diagonal - key;
}

double entropy_of(std::span<const double> weights) noexcept {
  double entropy = 0;
  for (double w : weights) entropy -= w > 0 ? w * std::log(w) : 0;
  return entropy;
}

// The label of token `at`; `labels` is [batch, tokens] or [tokens].
std::int32_t label_at(const TensorView& labels, std::int64_t batch, std::int64_t at) noexcept {
  return labels.rank() == 1 ? labels.at<std::int32_t>(at) : labels.at<std::int32_t>(batch, at);
}

std::vector<std::int64_t> heads_of(const ValidAttention& v, const Observe& observe) {
  if (!observe.heads.empty()) return observe.heads;
  std::vector<std::int64_t> all(static_cast<std::size_t>(v.query_heads()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// [batch, heads, ...] with the given axes of a head.
Tensor Observers::zeros(std::initializer_list<std::int64_t> of_head, DType type) const {
  std::vector<std::int64_t> sizes{v_.batch(), static_cast<std::int64_t>(seen_.heads.size())};
  sizes.insert(sizes.end(), of_head);
  return Tensor(type, Shape(std::span<const std::int64_t>(sizes)));
}

Observers::Observers(const ValidAttention& attention, const Observe& observe)
    : v_(attention), asked_(observe) {
  const auto count = [](const std::vector<std::int64_t>& list) {
    return static_cast<std::int64_t>(list.size());
  };
  seen_.heads = heads_of(attention, observe);
  const std::int64_t queries = v_.queries();
  const bool labels = asked_.query_labels.given();
  if (asked_.top_weights > 0) {
    seen_.top_weights = zeros({queries, asked_.top_weights});
    seen_.top_indices = zeros({queries, asked_.top_weights}, DType::i32);
  }
  if (asked_.entropy) seen_.entropy = zeros({queries});
  if (asked_.received) seen_.received = zeros({v_.keys()});
  if (asked_.pooled_map) {
    seen_.pool_cells = filled(asked_.pool_cells, queries, v_.keys());
    const std::int64_t cells = cells_of(queries, seen_.pool_cells.queries);
    seen_.pooled_map = zeros({cells, cells_of(v_.keys(), seen_.pool_cells.keys)});
    rows_in_cell_.resize(static_cast<std::size_t>(v_.batch() * count(seen_.heads) * cells));
  }
  if (asked_.distance) seen_.distance = zeros({kDistanceBuckets});
  rows_in_head_.resize(static_cast<std::size_t>(v_.batch() * count(seen_.heads)));
  if (!asked_.rows.empty()) seen_.rows = zeros({count(asked_.rows), v_.keys()});
  if (!asked_.columns.empty()) seen_.columns = zeros({count(asked_.columns), queries});
  if (asked_.mass_first > 0) seen_.mass_first = zeros({queries});
  if (asked_.mass_self) seen_.mass_self = zeros({queries});
  if (asked_.mass_previous) seen_.mass_previous = zeros({queries});
  if (labels) seen_.mass_match = zeros({queries});
  const bool any_mass = asked_.mass_first > 0 || asked_.mass_self || asked_.mass_previous || labels;
  if (any_mass && v_.sinks.given()) seen_.mass_sink = zeros({queries});
  if (asked_.row_statistics) {
    seen_.log2_max = zeros({queries});
    seen_.row_sum = zeros({queries});
  }
}

// The k largest scores, equal ones by rising key.
void Observers::take_largest(const Row& row) {
  const auto k = static_cast<std::size_t>(asked_.top_weights);
  double* const weights = numbers_of(seen_.top_weights) + row.at * asked_.top_weights;
  std::int32_t* const indices =
      seen_.top_indices.values<std::int32_t>().data() + row.at * asked_.top_weights;
  std::fill_n(weights, k, row.is_nan() ? kNaN : 0);
  std::fill_n(indices, k, -1);
  if (row.is_nan()) return;
  const std::span<const double> scores = row.steps.biased;
  std::vector<std::size_t> keys(scores.size());
  std::iota(keys.begin(), keys.end(), 0);
  std::erase_if(keys, [scores](std::size_t key) { return scores[key] == -kInfinity; });
  std::ranges::stable_sort(keys, std::greater<>(),
                           [scores](std::size_t key) { return scores[key]; });
  for (std::size_t n = 0; n < std::min(k, keys.size()); ++n) {
    weights[n] = row.steps.weights[keys[n]];
    indices[n] = static_cast<std::int32_t>(keys[n]);
  }
}

void Observers::take_in_full(const Row& row) {
  const auto asked_rows = static_cast<std::int64_t>(asked_.rows.size());
  for (std::int64_t n = 0; n < asked_rows; ++n) {
    if (asked_.rows[static_cast<std::size_t>(n)] != row.query) continue;
    std::ranges::copy(row.steps.weights,
                      numbers_of(seen_.rows) + (row.of_head * asked_rows + n) * row.keys());
  }
  const auto asked_columns = static_cast<std::int64_t>(asked_.columns.size());
  for (std::int64_t n = 0; n < asked_columns; ++n) {
    set(seen_.columns, (row.of_head * asked_columns + n) * v_.queries() + row.query,
        row.weight(asked_.columns[static_cast<std::size_t>(n)]));
  }
}

// What sums over rows: a row that is NaN, or sees no key, is no part of it.
void Observers::take_totals(const Row& row) {
  if (row.is_nan()) ++seen_.nan_rows;
  if (row.is_nan() || row.steps.is_empty) return;
  ++rows_in_head_[static_cast<std::size_t>(row.of_head)];
  std::int64_t cell_row = 0;
  if (asked_.pooled_map) {
    cell_row = row.of_head * seen_.pooled_map.size(2) + row.query / seen_.pool_cells.queries;
    ++rows_in_cell_[static_cast<std::size_t>(cell_row)];
  }
  for (std::int64_t key = 0; key < row.keys(); ++key) {
    const double weight = row.weight(key);
    if (asked_.received) numbers_of(seen_.received)[row.of_head * row.keys() + key] += weight;
    if (asked_.pooled_map) {
      const std::int64_t cell = key / seen_.pool_cells.keys;
      numbers_of(seen_.pooled_map)[cell_row * seen_.pooled_map.size(3) + cell] += weight;
    }
    if (asked_.distance) {
      const std::int64_t bucket = distance_bucket(distance_between(row.diagonal, key));
      numbers_of(seen_.distance)[row.of_head * kDistanceBuckets + bucket] += weight;
    }
  }
}

double Observers::mass_of_matches(const Row& row) const {
  const std::int32_t wanted = label_at(asked_.query_labels, row.batch, row.query);
  double mass = 0;
  for (std::int64_t key = 0; key < row.keys() && wanted >= 0; ++key) {
    if (label_at(asked_.key_labels, row.batch, key) == wanted) mass += row.weight(key);
  }
  return mass;
}

void Observers::take_masses(const Row& row) {
  const auto keep = [&row](Tensor& masses, double mass) {
    set(masses, row.at, row.is_nan() ? kNaN : mass);
  };
  if (asked_.mass_first > 0) {
    const std::int64_t first = std::min(asked_.mass_first, row.keys());
    const auto weights = row.steps.weights.first(static_cast<std::size_t>(first));
    keep(seen_.mass_first, std::accumulate(weights.begin(), weights.end(), 0.0));
  }
  keep(seen_.mass_self, row.weight(row.diagonal));
  keep(seen_.mass_previous, row.diagonal > 0 ? row.weight(row.diagonal - 1) : 0);
  if (asked_.query_labels.given()) keep(seen_.mass_match, mass_of_matches(row));
  const bool no_sink = row.sink == -kInfinity;
  keep(seen_.mass_sink, no_sink ? 0 : std::exp(row.sink - row.steps.log_sum_exp));
}

void Observers::take(const RowSteps& steps) {
  const std::int64_t head = steps.row / v_.queries() % v_.query_heads();
  const auto found = std::ranges::lower_bound(seen_.heads, head);
  if (found == seen_.heads.end() || *found != head) return;
  Row row{.steps = steps,
          .batch = steps.row / v_.queries() / v_.query_heads(),
          .query = steps.row % v_.queries()};
  row.of_head =
      row.batch * static_cast<std::int64_t>(seen_.heads.size()) + (found - seen_.heads.begin());
  row.at = row.of_head * v_.queries() + row.query;
  row.diagonal = v_.diagonal_at(row.batch, row.query);
  if (v_.sinks.given()) row.sink = v_.sinks.number_at(head);

  if (asked_.top_weights > 0) take_largest(row);
  set(seen_.entropy, row.at, row.is_nan() ? kNaN : entropy_of(steps.weights));
  take_in_full(row);
  take_totals(row);
  take_masses(row);
  set(seen_.log2_max, row.at, steps.row_max * std::numbers::log2e);
  set(seen_.row_sum, row.at, steps.row_sum);
}

// Totals become means.
Observed Observers::finish() {
  const auto divide = [](Tensor& totals, const std::vector<std::int64_t>& rows) {
    const std::int64_t share = totals.size(totals.rank() - 1);
    for (std::int64_t at = 0; at < totals.element_count(); ++at) {
      const std::int64_t count = rows[static_cast<std::size_t>(at / share)];
      if (count > 0) numbers_of(totals)[at] /= static_cast<double>(count);
    }
  };
  divide(seen_.pooled_map, rows_in_cell_);
  divide(seen_.distance, rows_in_head_);
  return std::move(seen_);
}

}  // namespace

Observed observe(const ValidAttention& attention, const Observe& observe) {
  Observers observers(attention, observe);
  attend_by_rows(attention, [&observers](const RowSteps& row) { observers.take(row); });
  return observers.finish();
}

}  // namespace fovea::reference
