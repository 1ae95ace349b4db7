// Attention by loops in double. No SIMD, no threads, no blocks: what the formulas say, in their
// order.
#include "fovea/reference/attend.h"

#include <cmath>
#include <limits>
#include <vector>

namespace fovea::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A row-major copy in double of [batch, heads, tokens, size] numbers.
class Rows {
 public:
  template <typename NumberAt>
  Rows(const Shape& shape, const NumberAt& number_at)
      : numbers_(Tensor::uninitialized(DType::f64, shape)) {
    double* next = numbers_.values<double>().data();
    for (std::int64_t b = 0; b < shape[0]; ++b)
      for (std::int64_t h = 0; h < shape[1]; ++h)
        for (std::int64_t t = 0; t < shape[2]; ++t)
          for (std::int64_t d = 0; d < shape[3]; ++d) *next++ = number_at(b, h, t, d);
  }
  explicit Rows(const TensorView& view)
      : Rows(view.shape(), [&view](auto... index) { return view.number_at(index...); }) {}
  const double* row(std::int64_t b, std::int64_t h, std::int64_t t) const noexcept {
    const std::int64_t index = (b * numbers_.size(1) + h) * numbers_.size(2) + t;
    return numbers_.values<double>().data() + index * numbers_.size(3);
  }

 private:
  Tensor numbers_;
};

// One row of the result: which it is, and its scores at each stage.
struct Row {
  std::int64_t batch = 0;
  std::int64_t head = 0;
  std::int64_t query = 0;
  std::vector<double> scaled;
  std::vector<double> capped;
  std::vector<double> biased;
  std::vector<double> weights;
};

double dot(const double* a, const double* b, std::int64_t size) noexcept {
  double sum = 0;
  for (std::int64_t d = 0; d < size; ++d) sum = std::fma(a[d], b[d], sum);
  return sum;
}

// A query with a number that is not finite asks nothing: all its scores are NaN.
bool all_finite(const double* numbers, std::int64_t size) noexcept {
  for (std::int64_t d = 0; d < size; ++d) {
    if (!std::isfinite(numbers[d])) return false;
  }
  return true;
}

// score + bias, where -inf hides whatever the score is, and finite numbers have a finite sum.
double add_bias(double score, double bias) noexcept {
  if (bias == -kInfinity) return -kInfinity;
  const double sum = score + bias;
  if (std::isinf(sum) && std::isfinite(score) && std::isfinite(bias)) {
    return std::copysign(std::numeric_limits<double>::max(), sum);
  }
  return sum;
}

double alibi_of(const ValidAttention& v, const Row& row, std::int64_t key) noexcept {
  const double at = static_cast<double>(v.diagonal_at(row.batch, row.query));
  return -v.alibi_slopes.number_at(row.head) * std::abs(at - static_cast<double>(key));
}

void compute_scores(const ValidAttention& v, const double* query, const Rows& keys, Row& row) {
  const KeyRange range = v.visible_keys(row.batch, row.query);
  const bool finite = all_finite(query, v.head_size());
  for (std::int64_t j = 0; j < v.keys(); ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double* key = keys.row(row.batch, v.key_head_of(row.head), j);
    double score = finite ? v.scale * dot(query, key, v.head_size()) : kNaN;
    row.scaled[at] = score;
    if (v.softcap > 0) score = v.softcap * std::tanh(score / v.softcap);
    row.capped[at] = score;
    if (v.bias.given()) {
      score = add_bias(score, v.bias.number_at(row.batch, row.head, row.query, j));
    }
    if (v.alibi_slopes.given() && score != -kInfinity) {
      score = add_bias(score, alibi_of(v, row, j));
    }
    const bool visible = j >= range.first && j < range.last &&
                         (!v.keep.given() || v.keep.at<bool>(row.batch, row.head, row.query, j));
    row.biased[at] = visible ? score : -kInfinity;
  }
}

struct RowSums {
  double max = -kInfinity;
  double sum = 0;
  bool empty = true;  // no visible key
};

// Softmax of the row, the sink among the logits. A NaN or +inf score makes all of the row NaN.
RowSums compute_weights(double sink, Row& row) {
  RowSums result;
  result.max = sink;
  bool broken = false;
  for (double score : row.biased) {
    if (score == -kInfinity) continue;
    result.empty = false;
    broken = broken || std::isnan(score) || score == kInfinity;
    result.max = std::max(result.max, score);
  }
  if (broken) result.max = kNaN;
  if (sink != -kInfinity) result.sum = std::exp(sink - result.max);
  for (std::size_t j = 0; j < row.biased.size(); ++j) {
    const bool hidden = row.biased[j] == -kInfinity;
    row.weights[j] = hidden ? 0 : std::exp(row.biased[j] - result.max);
    result.sum += row.weights[j];
  }
  for (double& weight : row.weights) {
    if (weight != 0) weight /= result.sum;
  }
  return result;
}

// Sum of weight · value over the visible keys: a hidden value may hold anything.
void compute_output(const ValidAttention& v, const Row& row, const Rows& values, double* output) {
  for (std::int64_t c = 0; c < v.value_size(); ++c) {
    double sum = 0;
    for (std::int64_t j = 0; j < v.keys(); ++j) {
      const auto at = static_cast<std::size_t>(j);
      if (row.biased[at] == -kInfinity) continue;
      sum = std::fma(row.weights[at], values.row(row.batch, v.key_head_of(row.head), j)[c], sum);
    }
    output[c] = sum + 0;  // -0 becomes 0
  }
}

Steps allocate_steps(const ValidAttention& v, const Keep& keep) {
  const Shape rows{v.batch(), v.query_heads(), v.queries()};
  const Shape scores{v.batch(), v.query_heads(), v.queries(), v.keys()};
  Steps steps;
  if (keep.scores) {
    steps.scaled = Tensor::uninitialized(DType::f64, scores);
    steps.capped = Tensor::uninitialized(DType::f64, scores);
    steps.biased = Tensor::uninitialized(DType::f64, scores);
  }
  if (keep.weights) steps.weights = Tensor::uninitialized(DType::f64, scores);
  steps.output =
      Tensor::uninitialized(DType::f64, {v.batch(), v.query_heads(), v.queries(), v.value_size()});
  steps.log_sum_exp = Tensor::uninitialized(DType::f64, rows);
  steps.row_max = Tensor::uninitialized(DType::f64, rows);
  steps.row_sum = Tensor::uninitialized(DType::f64, rows);
  return steps;
}

void keep_row(std::span<const double> row, std::int64_t index, Tensor& all) {
  double* target = all.values<double>().data() + index * static_cast<std::int64_t>(row.size());
  std::copy(row.begin(), row.end(), target);
}

}  // namespace

void attend_by_rows(const ValidAttention& v, const std::function<void(const RowSteps&)>& visit) {
  if (v.rows() == 0) return;
  const Rows queries(v.query);
  const Rows keys(v.key.shape(), [&v](auto... index) { return v.key_at(index...); });
  const Rows values(v.value);
  const std::vector<double> none(static_cast<std::size_t>(v.keys()));
  Row row{.scaled = none, .capped = none, .biased = none, .weights = none};
  std::vector<double> output(static_cast<std::size_t>(v.value_size()));
  for (std::int64_t index = 0; index < v.rows(); ++index) {
    row.query = index % v.queries();
    row.head = index / v.queries() % v.query_heads();
    row.batch = index / v.queries() / v.query_heads();
    compute_scores(v, queries.row(row.batch, row.head, row.query), keys, row);
    const double sink = v.sinks.given() ? v.sinks.number_at(row.head) : -kInfinity;
    const RowSums sums = compute_weights(sink, row);
    compute_output(v, row, values, output.data());
    visit({.row = index,
           .scaled = row.scaled,
           .capped = row.capped,
           .biased = row.biased,
           .weights = row.weights,
           .output = output,
           .log_sum_exp = sums.max + std::log(sums.sum),
           .row_max = sums.max,
           .row_sum = sums.sum,
           .is_empty = sums.empty});
  }
}

Steps attend(const ValidAttention& v, const Keep& keep) {
  Steps steps = allocate_steps(v, keep);
  attend_by_rows(v, [&](const RowSteps& row) {
    const auto at = static_cast<std::size_t>(row.row);
    keep_row(row.output, row.row, steps.output);
    steps.row_max.values<double>()[at] = row.row_max;
    steps.row_sum.values<double>()[at] = row.row_sum;
    steps.log_sum_exp.values<double>()[at] = row.log_sum_exp;
    steps.empty_rows += row.is_empty ? 1 : 0;
    if (keep.scores) {
      keep_row(row.scaled, row.row, steps.scaled);
      keep_row(row.capped, row.row, steps.capped);
      keep_row(row.biased, row.row, steps.biased);
    }
    if (keep.weights) keep_row(row.weights, row.row, steps.weights);
  });
  return steps;
}

}  // namespace fovea::reference
