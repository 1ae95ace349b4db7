// The softmax of a row in float64, by loops that the compiler can vectorise: a block of keys lies transposed, so that a
// product of sums runs along the keys.
#include "report/exact_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "fovea/attention/valid_attention.h"
#include "fovea/core/parallel.h"

namespace fovea::report {
namespace {

// Rows of a task, keys of a block.
constexpr std::int64_t kRows = 32;
constexpr std::int64_t kKeys = 64;

KeyRange seen_by(const ScoreRules& rules, std::int64_t row, std::int64_t tokens) noexcept {
  const Window& window = rules.window;
  KeyRange seen{0, tokens};
  if (rules.is_causal) seen.last = row + 1;
  if (window.left < row) seen.first = row - window.left;
  if (window.right < tokens - 1 - row) seen.last = std::min(seen.last, row + window.right + 1);
  return seen;
}

// [head_size, keys rounded up to whole blocks] in float64 of [keys, head_size].
std::vector<double> transposed(const Tensor& key, std::int64_t columns) {
  const std::int64_t size = key.size(1);
  std::vector<double> turned(static_cast<std::size_t>(size * columns));
  const std::span<const float> from = key.values<float>();
  for (std::int64_t j = 0; j < key.size(0); ++j) {
    for (std::int64_t c = 0; c < size; ++c) {
      turned[static_cast<std::size_t>(c * columns + j)] =
          static_cast<double>(from[static_cast<std::size_t>(j * size + c)]);
    }
  }
  return turned;
}

// One head, and what its rows are compared with.
struct Exact {
  const KeptHead& head;
  const Tensor& query;
  std::vector<double> keys;  // transposed
  std::int64_t columns;
  std::vector<double> scores;  // [workers, columns]

  // Scores of a row for the keys before `last`, and a few beyond.
  void score(std::int64_t row, std::int64_t last, double* scores_of_row) const noexcept {
    const std::int64_t size = query.size(1);
    const float* const q = query.values<float>().data() + row * size;
    for (std::int64_t first = 0; first < last; first += kKeys) {
      std::array<double, kKeys> sums{};
      for (std::int64_t c = 0; c < size; ++c) {
        const double factor = static_cast<double>(q[c]);
        const double* const from = keys.data() + c * columns + first;
        for (std::size_t j = 0; j < kKeys; ++j) sums[j] += factor * from[j];
      }
      std::ranges::copy(sums, scores_of_row + first);
    }
    const ScoreRules& rules = head.rules;
    for (std::int64_t j = 0; j < last; ++j) {
      scores_of_row[j] *= rules.scale;
      if (rules.softcap > 0)
        scores_of_row[j] = rules.softcap * std::tanh(scores_of_row[j] / rules.softcap);
    }
  }

  float deviation(std::int64_t row, double* scores_of_row) const noexcept {
    const KeyRange seen = seen_by(head.rules, row, query.size(0));
    score(row, seen.last, scores_of_row);
    double largest = head.rules.sink.value_or(-std::numeric_limits<double>::infinity());
    for (std::int64_t j = seen.first; j < seen.last; ++j)
      largest = std::max(largest, scores_of_row[j]);
    double sum = head.rules.sink ? std::exp(*head.rules.sink - largest) : 0;
    for (std::int64_t j = seen.first; j < seen.last; ++j)
      sum += std::exp(scores_of_row[j] - largest);
    double most = 0;
    for (std::int64_t i = row * kKeptWeights; i < (row + 1) * kKeptWeights; ++i) {
      const std::int32_t key = head.top_keys.values<std::int32_t>()[static_cast<std::size_t>(i)];
      if (key < 0) break;
      const double exact = std::exp(scores_of_row[key] - largest) / sum;
      const auto fused =
          static_cast<double>(head.top_weights.values<float>()[static_cast<std::size_t>(i)]);
      most = std::max(most, std::abs(exact - fused));
    }
    return static_cast<float>(most);
  }
};

}  // namespace

bool is_worth_measuring(const models::ModelFacts& facts, std::int64_t tokens, double heads) {
  // A product in float64 takes about four times one of the model's, and there may be as many as a quarter of them; a
  // small model's run is short whatever it does.
  constexpr double kAlways = 2e8;
  const auto length = static_cast<double>(tokens);
  const double pairs = length * (facts.is_causal ? (length + 1) / 2 : length);
  const double own = static_cast<double>(facts.parameters) * length;
  return heads * pairs * static_cast<double>(facts.head_size) * 4 <= std::max(kAlways, own / 4);
}

Tensor deviation_from_exact(const KeptHead& head, const Tensor& query, const Tensor& key,
                            int threads) {
  const std::int64_t tokens = query.size(0);
  const int workers = resolve_threads(threads, "explain");
  const std::int64_t columns = (tokens + kKeys - 1) / kKeys * kKeys;
  Exact exact{head, query, transposed(key, columns), columns,
              std::vector<double>(static_cast<std::size_t>(columns * workers))};
  Tensor deviation(DType::f32, {tokens});
  const std::span<float> to = deviation.values<float>();
  const std::int64_t tasks = (tokens + kRows - 1) / kRows;
  parallel_for(tasks, workers, {}, [&](std::int64_t task, int worker) noexcept {
    for (std::int64_t row = task * kRows; row < std::min(tokens, (task + 1) * kRows); ++row)
      to[static_cast<std::size_t>(row)] =
          exact.deviation(row, exact.scores.data() + worker * columns);
  });
  return deviation;
}

}  // namespace fovea::report
