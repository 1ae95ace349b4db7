// Every observer against the reference in double, on the conformance cases and on random questions:
// 60, and 1,000 with FOVEA_LONG. FOVEA_SEED=n begins with question n.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "engine/conformance.h"
#include "engine/expect_conforms.h"
#include "engine/observe_bounds.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea {
namespace {

using conformance::index_of;
using conformance::kDropped;
using conformance::Truth;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Sums over a row's keys are asked to be this near: 16 roundings of a number up to 1, so they are
// made in stretches, not as one chain.
constexpr double kSumOfRow = 1e-6;
// A total over a tile of 64 rows and 128 keys is a sum of positive numbers. 167 roundings of it are
// allowed: fewer than two chains, of 64 and of 128, make. Tiles are added in fixed point.
constexpr double kTotal = 1e-5;
// Half a unit of the fixed point, 2^-34 or finer, for each number that is added, some to a tile.
constexpr double kFixed = 1e-9;
// Weights and the sink's share add to 1 but for roundings: the row sum's (16 + 8 and 4 a block of
// 128), an exp2's 4 in it and in each weight, one of the division. 60 · 2^-24 = 4e-6.
constexpr double kSumsToOne = 1e-5;
// exp2 is within 1.8 ulp, so it need not rise where its argument does: of weights of falling scores
// one may be that much above the one before.
constexpr float kNotRising = 1 + 4 * 0x1p-23F;

struct Settings {
  std::int64_t top_weights = 8;
  PoolCells cells = {};
};

/// Different ones for question n of a list.
Settings settings_of(std::size_t n) {
  constexpr std::array<std::int64_t, 4> kTop{1, 3, 8, 64};
  constexpr std::array<PoolCells, 4> kCells{PoolCells{}, {3, 5}, {64, 32}, {7, 256}};
  return {kTop[n % 4], kCells[n / 4 % 4]};
}

Tensor labels(const Shape& shape, std::int64_t step) {
  Tensor made(DType::i32, shape);
  std::int64_t next = 0;
  for (std::int32_t& label : made.values<std::int32_t>())
    label = static_cast<std::int32_t>((next += step) % 5 - 1);
  return made;
}

// All rows of all heads are observed: [batch, heads, queries, ...] is then indexed by the row.
class Everything {
 public:
  Everything(const ValidAttention& v, const Settings& settings)
      : query_labels_(labels({v.batch(), v.queries()}, 3)), key_labels_(labels({v.keys()}, 2)) {
    observe.top_weights = settings.top_weights;
    observe.entropy = observe.received = observe.pooled_map = observe.distance = true;
    observe.pool_cells = settings.cells;
    observe.rows.resize(index_of(v.queries()));
    std::iota(observe.rows.begin(), observe.rows.end(), 0);
    if (v.keys() > 0) observe.columns = {0, v.keys() / 2, v.keys() - 1};
    observe.mass_first = 5;
    observe.mass_self = observe.mass_previous = true;
    observe.query_labels = query_labels_;
    observe.key_labels = key_labels_;
    observe.row_statistics = true;
  }
  Observe observe;

 private:
  Tensor query_labels_;
  Tensor key_labels_;
};

/// Keeps the fused scores, and the weights that tiles show. Rows of all heads, as in Everything.
class Tiles : public TileObserver {
 public:
  explicit Tiles(const ValidAttention& v)
      : scores(index_of(v.rows() * v.keys()), -kInfinity), weights_(scores.size()), v_(v) {}
  void tile(const ObservedTile& tile) override { copy(tile, tile.scores, scores); }
  void weights(const ObservedTile& tile) override { copy(tile, tile.weights, weights_); }

  std::vector<float> scores;
  const std::vector<float>& weights() const { return weights_; }

 private:
  void copy(const ObservedTile& tile, const float* from, std::vector<float>& to) const {
    for (std::int64_t i = 0; i < tile.queries; ++i) {
      const std::int64_t row =
          (tile.batch * v_.query_heads() + tile.head) * v_.queries() + tile.first_query + i;
      for (std::int64_t j = 0; j < tile.keys; ++j)
        to[index_of(row * v_.keys() + tile.first_key + j)] = from[i + 64 * j];
    }
  }

  std::vector<float> weights_;
  const ValidAttention& v_;
};

bool is_near(double actual, double expected, double bound) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= bound;
}

/// Reports the first number that is farther off than `bound` of its place.
template <typename Bound>
void expect_near(const std::string& what, const Tensor& actual, const Tensor& exact,
                 const Bound& bound) {
  ASSERT_EQ(to_string(actual.shape()), to_string(exact.shape())) << what;
  if (actual.element_count() == 0) return;
  for (std::int64_t at = 0; at < exact.element_count(); ++at) {
    const auto number = static_cast<double>(actual.values<float>()[index_of(at)]);
    const double expected = exact.values<double>()[index_of(at)];
    if (is_near(number, expected, bound(at))) continue;
    ADD_FAILURE() << fmt::format("{}: number {} of {} is {:.9g}, exactly {:.9g}, may be {:.3g} off",
                                 what, at, to_string(exact.shape()), number, expected, bound(at));
    return;
  }
}

void expect_near_totals(const Observed& seen, const Truth& truth, const std::string& what) {
  const ValidAttention& v = truth.v;
  // Rows of several heads lie side by side in blocks of 64: one more may begin.
  const auto blocks = static_cast<double>(v.queries() / 64 + 2);
  const auto tiles = blocks * static_cast<double>(v.keys() / 128 + 2);
  const auto bound = [](const Tensor& exact, const std::vector<double>& weights, double fixed) {
    return [&exact, &weights, fixed](std::int64_t at) {
      return weights[index_of(at)] + kTotal * exact.values<double>()[index_of(at)] + fixed;
    };
  };
  const Observed& exact = truth.exact;
  expect_near(what + " received", seen.received, exact.received,
              bound(exact.received, truth.totals.received, kFixed * blocks));
  expect_near(what + " pooled_map", seen.pooled_map, exact.pooled_map,
              bound(exact.pooled_map, truth.totals.pooled_map, kFixed * tiles));
  expect_near(what + " distance", seen.distance, exact.distance,
              bound(exact.distance, truth.totals.distance, kFixed * tiles));
}

void expect_near_rows(const Observed& seen, const Truth& truth, const std::string& what) {
  const std::int64_t keys = truth.v.keys();
  const std::int64_t queries = truth.v.queries();
  const Observed& exact = truth.exact;
  expect_near(what + " entropy", seen.entropy, exact.entropy,
              [&](std::int64_t row) { return truth.of_entropy(row); });
  expect_near(what + " rows", seen.rows, exact.rows,
              [&](std::int64_t at) { return truth.of_weight(at / keys, at % keys); });
  expect_near(what + " columns", seen.columns, exact.columns, [&](std::int64_t at) {
    const std::int64_t head = at / queries / seen.columns.size(2);
    const std::array<std::int64_t, 3> columns{0, keys / 2, keys - 1};
    const std::int64_t key = columns[index_of(at / queries % seen.columns.size(2))];
    return truth.of_weight(head * queries + at % queries, key);
  });
  expect_near(what + " mass_first", seen.mass_first, exact.mass_first,
              [&](std::int64_t row) { return kSumOfRow + truth.of_first_keys(row, 5); });
  expect_near(what + " mass_match", seen.mass_match, exact.mass_match,
              [&](std::int64_t row) { return kSumOfRow + truth.of_first_keys(row, keys); });
  expect_near(what + " mass_self", seen.mass_self, exact.mass_self,
              [&](std::int64_t row) { return truth.of_weight(row, truth.diagonal_of(row)); });
  expect_near(what + " mass_previous", seen.mass_previous, exact.mass_previous,
              [&](std::int64_t row) { return truth.of_weight(row, truth.diagonal_of(row) - 1); });
  expect_near(what + " mass_sink", seen.mass_sink, exact.mass_sink, [&](std::int64_t row) {
    if (truth.is_useless(row)) return 1.0;
    return truth.share(row) * exact.mass_sink.values<double>()[index_of(row)] + kDropped;
  });
  Tensor log2_max(DType::f64, exact.log2_max.shape());
  for (std::int64_t row = 0; row < log2_max.element_count(); ++row) {
    log2_max.values<double>()[index_of(row)] =
        conformance::within_log2_units(truth.row_max(row)) * std::numbers::log2e;
  }
  expect_near(what + " log2_max", seen.log2_max, log2_max,
              [&](std::int64_t row) { return truth.log_bound(row) * std::numbers::log2e; });
}

/// One row of what was seen, with its fused scores.
struct SeenRow {
  std::span<const float> scores;
  std::span<const float> weights;
  std::span<const float> top_weights;
  std::span<const std::int32_t> top_indices;
};

std::string fault_of_top(const SeenRow& row) {
  const auto visible =
      index_of(std::ranges::count_if(row.scores, [](float score) { return score > -kInfinity; }));
  const std::size_t valid = std::min(row.top_indices.size(), visible);
  std::set<std::int32_t> listed;
  for (std::size_t n = 0; n < row.top_indices.size(); ++n) {
    const std::int32_t key = row.top_indices[n];
    if (n >= valid) {
      if (key != -1 || row.top_weights[n] != 0) return fmt::format("place {} is not empty", n);
      continue;
    }
    if (key < 0 || index_of(key) >= row.weights.size() || !listed.insert(key).second)
      return fmt::format("place {} has key {}, no key or one again", n, key);
    if (std::bit_cast<std::uint32_t>(row.top_weights[n]) !=
        std::bit_cast<std::uint32_t>(row.weights[index_of(key)]))
      return fmt::format("place {}: key {} has another weight in rows", n, key);
    if (n == 0) continue;
    if (row.scores[index_of(key)] > row.scores[index_of(row.top_indices[n - 1])])
      return fmt::format("place {} has a larger score than the one before", n);
    if (row.top_weights[n] > row.top_weights[n - 1] * kNotRising)
      return fmt::format("place {} has a larger weight than the one before", n);
  }
  for (std::size_t key = 0; key < row.scores.size() && valid > 0; ++key) {
    if (listed.contains(static_cast<std::int32_t>(key))) continue;
    const bool larger = row.scores[key] > row.scores[index_of(row.top_indices[valid - 1])] ||
                        row.weights[key] > row.top_weights[valid - 1] * kNotRising;
    if (larger) return fmt::format("key {} is larger than the last one listed", key);
  }
  return "";
}

// A tile's weights are p · (exp2(m_b - m) / l): another exp2, and another subtraction that rounds,
// than those of rows have.
std::string fault_of_tiles(const SeenRow& row, std::span<const float> tiles) {
  for (std::size_t key = 0; key < tiles.size(); ++key) {
    const float w = row.weights[key];
    // Three exp2 of 4 units, subtractions below 70, and a few products; on both sides.
    if (std::abs(tiles[key] - w) > w * (3 * 70 + 20) * 0x1p-24F + 0x1p-90F)
      return fmt::format("key {} has weight {} in a tile, {} in rows", key, tiles[key], w);
  }
  return "";
}

std::string fault_of_row(const SeenRow& row, double sink_share, bool has_sink) {
  if (std::ranges::any_of(row.top_weights, [](float w) { return std::isnan(w); }))
    return "top_weights has NaN";
  const bool sees_none = std::ranges::all_of(row.scores, [](float s) { return s == -kInfinity; });
  const double sum = std::accumulate(row.weights.begin(), row.weights.end(), sink_share);
  const double expected = sees_none && !has_sink ? 0 : 1;
  if (!(std::abs(sum - expected) <= kSumsToOne))
    return fmt::format("weights and the sink's share add to {}", sum);
  return fault_of_top(row);
}

std::string fault_of_nan_row(const SeenRow& row) {
  if (!std::ranges::all_of(row.top_weights, [](float w) { return std::isnan(w); }))
    return "a top weight is not NaN";
  if (!std::ranges::all_of(row.top_indices, [](std::int32_t key) { return key == -1; }))
    return "a top index is not -1";
  return "";
}

void expect_consistent(const Attended& actual, const Truth& truth, const Tiles& tiles,
                       const std::string& what) {
  const Observed& seen = actual.observed;
  const ValidAttention& v = truth.v;
  const auto part = [](auto all, std::int64_t row, std::int64_t count) {
    return all.subspan(index_of(row * count), index_of(count));
  };
  const std::span<const float> scores(tiles.scores);
  const std::span<const float> weights(tiles.weights());
  const std::int64_t k = seen.top_weights.size(3);
  for (std::int64_t row = 0; row < v.rows(); ++row) {
    const SeenRow of{part(scores, row, v.keys()), part(seen.rows.values<float>(), row, v.keys()),
                     part(seen.top_weights.values<float>(), row, k),
                     part(seen.top_indices.values<std::int32_t>(), row, k)};
    std::string fault;
    if (truth.is_nan(row)) {
      fault = fault_of_nan_row(of);
    } else {
      const std::int64_t head = row / v.queries() % v.query_heads();
      const bool has_sink = v.sinks.given() && std::isfinite(v.sinks.number_at(head));
      const float sink_share =
          v.sinks.given() ? seen.mass_sink.values<float>()[index_of(row)] : 0.0F;
      fault = fault_of_row(of, static_cast<double>(sink_share), has_sink);
      if (fault.empty()) fault = fault_of_tiles(of, part(weights, row, v.keys()));
    }
    ASSERT_EQ(fault, "") << what << ": row " << row;
  }
}

constexpr std::array kTensors{
    &Observed::top_weights, &Observed::top_indices, &Observed::entropy,       &Observed::received,
    &Observed::pooled_map,  &Observed::distance,    &Observed::rows,          &Observed::columns,
    &Observed::mass_first,  &Observed::mass_self,   &Observed::mass_previous, &Observed::mass_match,
    &Observed::mass_sink,   &Observed::log2_max,    &Observed::row_sum};

/// Some heads, rows and columns of what Everything asks for have the bits that they have there.
void expect_same_part(const Attention& attention, const Observe& all, const Observed& seen,
                      const Execution& execution, const std::string& what) {
  Observe some = all;
  some.own = nullptr;
  some.heads.clear();
  for (const std::int64_t head : seen.heads)
    if (head % 2 == 1 || head + 1 == std::ssize(seen.heads)) some.heads.push_back(head);
  std::erase_if(some.rows, [](std::int64_t row) { return row % 3 != 2; });
  if (!some.columns.empty()) some.columns = {all.columns[1]};
  const Observed part = attend(attention, some, execution).observed;
  EXPECT_EQ(part.heads, some.heads) << what;
  for (const auto tensor : kTensors) {
    const bool asked = tensor != &Observed::rows || !some.rows.empty();
    if ((seen.*tensor).element_count() == 0 || !asked) continue;
    for (std::size_t n = 0; n < some.heads.size(); ++n) {
      TensorView of_all = (seen.*tensor).view().sliced(1, some.heads[n], 1);
      TensorView of_part = (part.*tensor).view().sliced(1, static_cast<std::int64_t>(n), 1);
      if (tensor == &Observed::rows) {
        of_all = of_all.sliced(2, some.rows.front(), 1);
        of_part = of_part.sliced(2, 0, 1);
      } else if (tensor == &Observed::columns) {
        of_all = of_all.sliced(2, 1, 1);
      }
      EXPECT_TRUE(same_bits::same(Tensor::copy_of(of_all).view(), Tensor::copy_of(of_part).view()))
          << what << ": tensor " << &tensor - kTensors.data() << " of head " << some.heads[n];
    }
  }
}

/// Columns and the masses of single keys have the bits of rows.
void expect_one_weight(const Observed& seen, const Truth& truth, const std::string& what) {
  const std::int64_t keys = truth.v.keys();
  const auto expect = [&](float actual, std::int64_t row, std::int64_t key) {
    const bool there = key >= 0 && key < keys;
    const float w = there ? seen.rows.values<float>()[index_of(row * keys + key)] : 0.0F;
    if (truth.is_nan(row) ? std::isnan(actual) : actual == w) return;
    ADD_FAILURE() << what << ": row " << row << " key " << key << " is " << actual << ", not " << w;
  };
  for (std::int64_t row = 0; row < truth.v.rows(); ++row) {
    expect(seen.mass_self.values<float>()[index_of(row)], row, truth.diagonal_of(row));
    expect(seen.mass_previous.values<float>()[index_of(row)], row, truth.diagonal_of(row) - 1);
    if (keys == 0 || (truth.is_nan(row) && !truth.is_visible(row, keys / 2))) continue;
    const std::int64_t head = row / truth.v.queries();
    expect(seen.columns.values<float>()[index_of(row + (2 * head + 1) * truth.v.queries())], row,
           keys / 2);
  }
}

void expect_observes(const Attention& attention, const Settings& settings,
                     const Execution& execution, const std::string& what) {
  const ValidAttention valid = validate(attention, execution);
  const bool fused = kernels::target_in_use().starts_with("AVX");
  Everything asked(valid, settings);
  Tiles tiles(valid);
  // The reference, which answers f64, shows no tiles.
  if (valid.query.dtype() != DType::f64) asked.observe.own = &tiles;
  const Attended actual = attend(attention, asked.observe, execution);
  if (fused && valid.query.dtype() != DType::f64) {
    EXPECT_STREQ(same_bits::difference(actual, attend(attention, execution)), "") << what;
  }
  const Observed& seen = actual.observed;
  const Truth truth(valid, asked.observe, fused);
  EXPECT_EQ(seen.nan_rows, truth.exact.nan_rows) << what;
  EXPECT_EQ(seen.heads, truth.exact.heads) << what;
  EXPECT_TRUE(same_bits::same(seen.row_sum, actual.row_sum)) << what << ": row_sum";
  expect_near_rows(seen, truth, what);
  expect_near_totals(seen, truth, what);
  if (valid.rows() == 0 || ::testing::Test::HasFailure()) return;
  expect_one_weight(seen, truth, what);
  if (valid.query.dtype() != DType::f64) expect_consistent(actual, truth, tiles, what);
  expect_same_part(attention, asked.observe, seen, execution, what);
}

TEST(ObserveConformance, EveryCaseIsWithinRoundingOfTheReference) {
  std::size_t n = 0;
  for (const conformance::Case& each : conformance::cases()) {
    if (each.sizes.head_size > 512 || each.sizes.value_size > 512) continue;  // refused
    const conformance::Problem problem(each);
    expect_observes(problem.attention, settings_of(n++), {.output_type = each.output_type},
                    each.name());
    if (HasFailure()) break;  // one case tells enough
  }
  EXPECT_GT(n, 400U);
}

// Past 16,384 keys weights are computed a second time where single ones are needed.
TEST(ObserveConformance, MoreKeysThanAreKeptAreWithinRoundingOfTheReference) {
  const conformance::Sizes sizes{
      .query_heads = 2, .queries = 3, .keys = 16500, .head_size = 8, .value_size = 8};
  std::size_t n = 0;
  for (const conformance::Rule& rule : conformance::rules()) {
    const conformance::Case each{.sizes = sizes, .rules = {rule}};
    const conformance::Problem problem(each);
    expect_observes(problem.attention, settings_of(n++), {}, each.name());
    if (HasFailure()) break;
  }
}

// Ten parts, so that cores share them.
class RandomObservations : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomObservations, AreWithinRoundingOfTheReference) {
  const bool is_long = std::getenv("FOVEA_LONG") != nullptr;
  const std::uint32_t count = is_long ? 100 : 6;
  const char* const given = std::getenv("FOVEA_SEED");
  const std::uint32_t first = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given))
                                               : (is_long ? std::random_device()() : 30000);
  for (std::uint32_t n = 0; n < count && !HasFailure(); ++n) {
    const std::uint32_t seed = first + GetParam() * count + n;
    const same_bits::RandomProblem problem(seed);
    expect_observes(problem.attention, settings_of(seed), {.output_type = problem.output_type},
                    problem.name);
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, RandomObservations, ::testing::Range(0U, 10U));

}  // namespace
}  // namespace fovea
