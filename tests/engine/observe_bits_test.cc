// What is observed has the same bits on any number of threads, on every target with FMA, and
// whatever else is asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "engine/conformance.h"
#include "fovea/attention/valid_attention.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::Problem;
using conformance::Rule;
using conformance::Sizes;

struct Named {
  const char* name;
  Tensor Observed::*tensor;
};
// clang-format off
constexpr std::array<Named, 15> kTensors{{
    {"top_weights", &Observed::top_weights}, {"top_indices", &Observed::top_indices},
    {"entropy", &Observed::entropy}, {"received", &Observed::received},
    {"pooled_map", &Observed::pooled_map}, {"distance", &Observed::distance},
    {"rows", &Observed::rows}, {"columns", &Observed::columns},
    {"mass_first", &Observed::mass_first}, {"mass_self", &Observed::mass_self},
    {"mass_previous", &Observed::mass_previous}, {"mass_match", &Observed::mass_match},
    {"mass_sink", &Observed::mass_sink}, {"log2_max", &Observed::log2_max},
    {"row_sum", &Observed::row_sum}}};
// clang-format on

bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != DType::i32) return same_bits::same(a, b);
  return a.shape() == b.shape() &&
         std::ranges::equal(a.values<std::int32_t>(), b.values<std::int32_t>());
}

void expect_same(const Observed& actual, const Observed& expected, const std::string& what) {
  for (const Named& each : kTensors) {
    EXPECT_TRUE(same(actual.*each.tensor, expected.*each.tensor)) << what << ": " << each.name;
  }
  EXPECT_EQ(actual.nan_rows, expected.nan_rows) << what;
}

Tensor labels(std::int64_t tokens, std::int64_t step) {
  Tensor made(DType::i32, {tokens});
  std::int64_t next = 0;
  for (std::int32_t& label : made.values<std::int32_t>())
    label = static_cast<std::int32_t>((next += step) % 7 - 1);
  return made;
}

/// Adds up a number of each score and weight that it is shown, in any order.
class Sums : public TileObserver {
 public:
  void tile(const ObservedTile& tile) override {
    add(tile, tile.scores);
    add(tile, tile.weights);
  }
  void weights(const ObservedTile& tile) override { add(tile, tile.weights); }
  std::uint64_t value() const { return sum_.load(); }

 private:
  void add(const ObservedTile& tile, const float* numbers) {
    std::uint64_t sum = 0;
    for (std::int64_t j = 0; j < tile.keys; ++j) {
      for (std::int64_t i = 0; i < tile.queries; ++i) {
        const float number = numbers[i + 64 * j];
        const std::uint64_t bits =
            std::isnan(number) ? 0x7FC00000 : std::bit_cast<std::uint32_t>(number);
        const auto row = static_cast<std::uint64_t>(tile.head * 100003 + tile.first_query + i);
        const auto key = static_cast<std::uint64_t>(tile.first_key + j);
        sum += (bits + 1) * (row * 0x9E3779B97F4A7C15 + key * 0xC2B2AE3D27D4EB4F + 1);
      }
    }
    sum_ += sum;
  }
  std::atomic<std::uint64_t> sum_{0};
};

class ObserveBits : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernels::targets_available().front().starts_with("AVX"))
      GTEST_SKIP() << "no target with FMA";
  }
  void TearDown() override { kernels::force_target(""); }

  struct Answer {
    Attended attended;
    std::uint64_t own = 0;
  };

  static Observe everything(const Attention& attention, const Tensor& query_labels,
                            const Tensor& key_labels) {
    const std::int64_t queries = query_labels.size(0);
    const std::int64_t keys = key_labels.size(0);
    Observe observe{.top_weights = 8,
                    .entropy = true,
                    .received = true,
                    .pooled_map = true,
                    .distance = true,
                    .rows = {0, queries / 2, queries - 1},
                    .columns = {keys - 1, 0, keys / 2},
                    .mass_first = 4,
                    .mass_self = true,
                    .mass_previous = true,
                    .query_labels = query_labels,
                    .key_labels = key_labels,
                    .row_statistics = true};
    if (attention.query.size(1) > 3) observe.heads = {1, 2, attention.query.size(1) - 1};
    return observe;
  }

  static Answer answer_of(const Attention& attention, const PoolCells& cells,
                          const Execution& execution) {
    const ValidAttention valid = validate(attention, execution);
    const Tensor query_labels = labels(valid.queries(), 3);
    const Tensor key_labels = labels(valid.keys(), 2);
    Observe observe = everything(attention, query_labels, key_labels);
    Sums sums;
    observe.own = &sums;
    observe.pool_cells = cells;
    Answer answer;
    answer.attended = attend(attention, observe, execution);
    answer.own = sums.value();
    return answer;
  }

  static void expect_one_answer(const Attention& attention, const std::string& name) {
    for (const PoolCells& cells : {PoolCells{}, PoolCells{3, 5}, PoolCells{16, 48}}) {
      kernels::force_target(kernels::targets_available().front());
      const Answer expected = answer_of(attention, cells, {.threads = 1});
      for (const std::string& target : kernels::targets_available()) {
        if (!target.starts_with("AVX")) continue;
        kernels::force_target(target);
        for (const int threads : {1, 2, 3, 8}) {
          const std::string what = fmt::format("{}: cells of {} keys, {}, {} threads", name,
                                               cells.keys, target, threads);
          const Answer actual = answer_of(attention, cells, {.threads = threads});
          EXPECT_STREQ(same_bits::difference(actual.attended, expected.attended), "") << what;
          expect_same(actual.attended.observed, expected.attended.observed, what);
          EXPECT_EQ(actual.own, expected.own) << what << ": tiles";
          if (HasFailure()) return;
        }
      }
    }
  }
};

constexpr Sizes kGrouped{.batch = 2,
                         .query_heads = 6,
                         .key_heads = 2,
                         .queries = 75,
                         .keys = 411,
                         .head_size = 33,
                         .value_size = 47};

TEST_F(ObserveBits, OfGroupedHeadsUnderEveryRule) {
  expect_one_answer(Problem({.sizes = kGrouped}).attention, "plain");
  for (const Rule& rule : conformance::rules()) {
    const Case each{.sizes = kGrouped, .rules = {rule}};
    const Problem problem(each);
    expect_one_answer(problem.attention, each.name());
    if (HasFailure()) return;
  }
}

TEST_F(ObserveBits, OfManyBlocksOfRows) {
  const Sizes even{.query_heads = 2,
                   .key_heads = 2,
                   .queries = 320,
                   .keys = 320,
                   .head_size = 64,
                   .value_size = 64};
  for (const Rule& rule : conformance::rules()) {
    const Case each{.sizes = even, .rules = {rule}};
    const Problem problem(each);
    expect_one_answer(problem.attention, each.name());
    if (HasFailure()) return;
  }
}

TEST_F(ObserveBits, OfRandomQuestions) {
  for (std::uint32_t seed = 41000; seed < 41030 && !HasFailure(); ++seed) {
    const same_bits::RandomProblem problem(seed);
    expect_one_answer(problem.attention, problem.name);
  }
}

// Past 16,384 keys weights are not kept until a row ends, but computed again.
TEST_F(ObserveBits, OfMoreKeysThanAreKept) {
  const Sizes few{.queries = 3, .keys = 16500, .head_size = 8, .value_size = 8};
  const Sizes two_blocks{
      .query_heads = 2, .queries = 70, .keys = 17001, .head_size = 5, .value_size = 3};
  for (const Sizes& sizes : {few, two_blocks}) {
    for (const char* const name : {"", "causal", "window", "sinks", "keep"}) {
      Case each{.sizes = sizes};
      for (const Rule& rule : conformance::rules())
        if (std::string(name) == rule.name) each.rules = {rule};
      const Problem problem(each);
      expect_one_answer(problem.attention, each.name());
      if (HasFailure()) return;
    }
  }
}

// The weights of the first keys do not know how many follow, hidden ones at that: the same bits
// whether they are kept or computed again.
TEST_F(ObserveBits, OfKeysThatAreKeptAndOfThoseThatAreComputedAgain) {
  constexpr std::int64_t kVisible = 300;
  const Problem problem({.sizes = {.queries = 70, .keys = 16500, .head_size = 16}});
  Tensor lengths = Tensor::of<std::int32_t>({1}, {static_cast<std::int32_t>(kVisible)});
  Attention with_more = problem.attention;
  with_more.key_lengths = lengths;
  Attention alone = problem.attention;
  alone.key = alone.key.sliced(2, 0, kVisible);
  alone.value = alone.value.sliced(2, 0, kVisible);
  const Observe observe{.top_weights = 64,
                        .entropy = true,
                        .received = true,
                        .pooled_map = true,
                        .pool_cells = {.queries = 8, .keys = 10},
                        .distance = true,
                        .rows = {5}};
  const Observed expected = attend(alone, observe).observed;
  const Observed actual = attend(with_more, observe).observed;
  for (const Named& each : kTensors) {
    const Tensor& all = actual.*each.tensor;
    const Tensor& part = expected.*each.tensor;
    if (all.element_count() == 0) continue;
    const std::int64_t last = part.size(part.rank() - 1);
    const Tensor cut = Tensor::copy_of(all.view().sliced(all.rank() - 1, 0, last));
    EXPECT_TRUE(same(cut, part)) << each.name;
  }
}

// Each alone, and all of them together.
TEST_F(ObserveBits, DoNotDependOnWhatElseIsAsked) {
  for (const char* const name : {"causal", "sinks", "bias", "window"}) {
    Case each{.sizes = kGrouped};
    for (const Rule& rule : conformance::rules())
      if (std::string(name) == rule.name) each.rules = {rule};
    const Problem problem(each);
    const Tensor query_labels = labels(kGrouped.queries, 3);
    const Tensor key_labels = labels(kGrouped.keys, 2);
    const Observe all = everything(problem.attention, query_labels, key_labels);
    const Observed expected = attend(problem.attention, all).observed;
    std::vector<Observe> alone(11, Observe{.heads = all.heads});
    alone[0].top_weights = all.top_weights;
    alone[1].entropy = true;
    alone[2].received = true;
    alone[3].pooled_map = true;
    alone[4].distance = true;
    alone[5].rows = all.rows;
    alone[6].columns = all.columns;
    alone[7].mass_first = all.mass_first;
    alone[8].mass_self = alone[8].mass_previous = true;
    alone[9].query_labels = query_labels;
    alone[9].key_labels = key_labels;
    alone[10].row_statistics = true;
    for (const Observe& one : alone) {
      const Observed actual = attend(problem.attention, one).observed;
      int made = 0;
      for (const Named& tensor : kTensors) {
        if ((actual.*tensor.tensor).element_count() == 0) continue;
        ++made;
        EXPECT_TRUE(same(actual.*tensor.tensor, expected.*tensor.tensor))
            << each.name() << ": " << tensor.name;
      }
      EXPECT_GT(made, 0);
    }
  }
}

}  // namespace
}  // namespace fovea
