// A Lens says what the observers said, to the bit, and what the reference says, within rounding.
#include "fovea/insight/lens.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error_text.h"
#include "engine/conformance.h"
#include "engine/error_bounds.h"
#include "fovea/attention/kv_cache.h"
#include "fovea/core/random.h"
#include "fovea/reference/attend.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::Problem;
using conformance::Rule;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const conformance::Sizes kGrouped = {.batch = 2,
                                     .query_heads = 4,
                                     .key_heads = 2,
                                     .queries = 7,
                                     .keys = 150,
                                     .head_size = 20,
                                     .value_size = 8};

/// Each modifier and mask alone, and all that go together at once.
std::vector<std::vector<Rule>> rule_sets() {
  std::vector<std::vector<Rule>> sets = {{}};
  for (const Rule& rule : conformance::rules()) sets.push_back({rule});
  std::vector<Rule> together;
  for (const Rule& rule : conformance::rules()) {
    const std::string name = rule.name;
    if (name == "keep" || name == "bias" || name == "causal" || name == "lengths" ||
        name == "softcap" || name == "alibi" || name == "sinks") {
      together.push_back(rule);
    }
  }
  sets.push_back(together);
  return sets;
}

std::uint32_t bits(float number) {
  return std::bit_cast<std::uint32_t>(number);
}

/// Equal bits, any NaN being equal to any other.
bool same(float a, float b) {
  return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b));
}

std::string same_numbers(const Tensor& of_lens, const TensorView& expected) {
  const TensorView actual = of_lens;
  if (actual.shape() != expected.shape())
    return to_string(actual.shape()) + " is not " + to_string(expected.shape());
  for (std::int64_t j = 0; j < actual.size(0); ++j) {
    if (same(actual.at<float>(j), expected.at<float>(j))) continue;
    return fmt::format("number {} is {}, not {}", j, actual.at<float>(j), expected.at<float>(j));
  }
  return "";
}

std::string same_numbers(const Tensor& actual, const Tensor& expected) {
  return same_numbers(actual, expected.view());
}

/// Part [b, h, n] of what was observed, [batch, heads, n, count].
TensorView part(const Tensor& observed, std::int64_t b, std::int64_t h, std::int64_t n) {
  const TensorView view = observed.view().sliced(0, b, 1).sliced(1, h, 1).sliced(2, n, 1);
  return {view.data(), view.dtype(), {view.size(3)}, {view.stride(3)}};
}

Observe everything(const Attention& attention) {
  Observe observe{.top_weights = 5, .row_statistics = true};
  for (std::int64_t i = 0; i < attention.query.size(2); ++i) observe.rows.push_back(i);
  const std::int64_t keys = attention.value.size(2);
  for (std::int64_t j : {std::int64_t{0}, keys / 3, keys - 1}) observe.columns.push_back(j);
  return observe;
}

/// Every row, some columns and the largest weights, held against `seen`, of observed head `slot`.
void expect_observed(const Lens& lens, const Observed& seen, const Observe& asked,
                     const std::string& what) {
  for (std::int64_t b = 0; b < lens.batch(); ++b) {
    for (std::size_t slot = 0; slot < seen.heads.size(); ++slot) {
      const HeadAt at{.head = seen.heads[slot], .batch = b};
      const auto h = static_cast<std::int64_t>(slot);
      for (std::int64_t n = 0; n < static_cast<std::int64_t>(asked.rows.size()); ++n) {
        const std::int64_t query = asked.rows[static_cast<std::size_t>(n)];
        ASSERT_EQ(same_numbers(lens.row(at, query), part(seen.rows, b, h, n)), "")
            << what << ": batch " << b << ", head " << at.head << ", row " << query;
        const std::vector<KeyWeight> top = lens.top(at, query, asked.top_weights);
        for (std::size_t k = 0; k < top.size(); ++k) {
          const auto weight = part(seen.top_weights, b, h, query).at<float>(k);
          ASSERT_EQ(bits(top[k].weight), bits(weight)) << what << ": row " << query << ", " << k;
        }
      }
      for (std::int64_t n = 0; n < static_cast<std::int64_t>(asked.columns.size()); ++n) {
        const std::int64_t key = asked.columns[static_cast<std::size_t>(n)];
        ASSERT_EQ(same_numbers(lens.column(at, key), part(seen.columns, b, h, n)), "")
            << what << ": batch " << b << ", head " << at.head << ", column " << key;
      }
    }
  }
}

TEST(Lens, HasTheBitsOfTheObserversUnderEveryRule) {
  for (const std::vector<Rule>& rules : rule_sets()) {
    const Case one{.sizes = kGrouped, .rules = rules};
    const Problem problem(one);
    const Observe observe = everything(problem.attention);
    const Attended answer = attend(problem.attention, observe);
    expect_observed(Lens(problem.attention, answer), answer.observed, observe, one.name());
  }
}

TEST(Lens, HasTheBitsOfTheObserversForEveryTypeAndLayout) {
  for (const auto& [query, key] : {std::pair{DType::f32, DType::bf16},
                                   {DType::f32, DType::f16},
                                   {DType::bf16, DType::bf16},
                                   {DType::f16, DType::f16}}) {
    for (const auto layout : {conformance::Layout::heads_first, conformance::Layout::tokens_first,
                              conformance::Layout::gaps, conformance::Layout::reversed}) {
      const Case one{.sizes = kGrouped,
                     .query_type = query,
                     .key_type = key,
                     .output_type = query,
                     .layout = layout};
      const Problem problem(one);
      const Observe observe = everything(problem.attention);
      const Attended answer = attend(problem.attention, observe);
      expect_observed(Lens(problem.attention, answer), answer.observed, observe, one.name());
    }
  }
}

/// How far a weight may be from the reference, as a share of it: row_bounds' of_weights.
double weight_bound(const ValidAttention& v, const reference::Steps& steps, std::int64_t row) {
  const double* biased = steps.biased.values<double>().data() + row * v.keys();
  const double max = steps.row_max.values<double>()[static_cast<std::size_t>(row)];
  const std::int64_t head = row / v.queries() % v.query_heads();
  double score = v.sinks.given() ? 2 * std::abs(v.sinks.number_at(head)) : 0;
  double subtraction = 0;
  for (std::int64_t j = 0; j < v.keys(); ++j) {
    if (std::isinf(biased[j])) continue;
    score = std::max(score, conformance::score_units(v, steps, row, j, false));
    subtraction = std::max(subtraction, std::min(max - biased[j], 70.0));
  }
  const double blocks = static_cast<double>((v.keys() + 127) / 128);
  const double sums = std::min<double>(static_cast<double>(v.keys()), 128) + 4 * blocks;
  const double units = 2 * score + subtraction + sums + 6;
  return std::expm1(1.1 * conformance::kUnit * 2 * units);
}

TEST(Lens, IsWithinRoundingOfTheReferenceUnderEveryRule) {
  for (const std::vector<Rule>& rules : rule_sets()) {
    const Case one{.sizes = kGrouped, .rules = rules};
    const Problem problem(one);
    const Attended answer = attend(problem.attention, Observe{.row_statistics = true});
    const Lens lens(problem.attention, answer);
    const ValidAttention valid = validate(problem.attention, {});
    const reference::Steps steps = reference::attend(valid, {.scores = true, .weights = true});
    for (std::int64_t b = 0; b < valid.batch(); ++b) {
      const Tensor dense = lens.dense(b);
      for (std::int64_t n = 0; n < dense.element_count(); ++n) {
        const std::int64_t row = b * valid.query_heads() * valid.queries() + n / valid.keys();
        const double expected =
            steps.weights
                .values<double>()[static_cast<std::size_t>(row * valid.keys() + n % valid.keys())];
        const auto actual = static_cast<double>(dense.values<float>()[static_cast<std::size_t>(n)]);
        // Weights below 2^-100 are dropped.
        ASSERT_NEAR(actual, expected, weight_bound(valid, steps, row) * expected + 0x1p-90)
            << one.name() << ": row " << row << ", key " << n % valid.keys();
      }
    }
  }
}

/// Random numbers: 3 heads of 9 queries and 40 keys, without a batch axis, causal.
struct Small {
  Small()
      : query(randn({3, 9, 16}, generator)),
        key(randn({3, 40, 16}, generator)),
        value(randn({3, 40, 16}, generator)) {}
  Attention question() const {
    return {.query = query, .key = key, .value = value, .causal = true};
  }
  Attended answer() const { return attend(question(), Observe{.row_statistics = true}); }
  Generator generator{7};
  Tensor query;
  Tensor key;
  Tensor value;
};

TEST(Lens, SaysTheSameByCellRowColumnBlockAndDense) {
  const Small small;
  const Lens lens(small.question(), small.answer());
  const Tensor dense = lens.dense(0);
  ASSERT_EQ(dense.shape(), (Shape{3, 9, 40}));
  const Tensor block = lens.block({.head = 1}, {.first = 2, .count = 5}, {.first = 30, .count = 7});
  ASSERT_EQ(block.shape(), (Shape{5, 7}));
  for (std::int64_t i = 2; i < 7; ++i) {
    const Tensor row = lens.row({.head = 1}, i);
    for (std::int64_t j = 30; j < 37; ++j) {
      const float expected = dense.view().at<float>(1, i, j);
      EXPECT_EQ(bits(block.view().at<float>(i - 2, j - 30)), bits(expected));
      EXPECT_EQ(bits(row.view().at<float>(j)), bits(expected));
      EXPECT_EQ(bits(lens.column({.head = 1}, j).view().at<float>(i)), bits(expected));
      EXPECT_EQ(bits(lens.cell({.head = 1}, i, j)), bits(expected));
    }
  }
}

TEST(Lens, TakesQuestionsOfOneHead) {
  const Small small;
  const Attention question{.query = TensorView(small.query.values<float>().data(), {9, 16}),
                           .key = TensorView(small.key.values<float>().data(), {40, 16}),
                           .value = TensorView(small.value.values<float>().data(), {40, 16}),
                           .causal = true};
  const Lens one(question, attend(question, Observe{.row_statistics = true}));
  const Lens all(small.question(), small.answer());
  EXPECT_EQ(same_numbers(one.row({}, 4), all.row({.head = 0}, 4)), "");
}

TEST(Lens, OutlivesTheAnswer) {
  const Small small;
  std::optional<Attended> answer = small.answer();
  const Lens lens(small.question(), *answer);
  const float before = lens.cell({.head = 2}, 5, 3);
  answer.reset();
  EXPECT_EQ(bits(lens.cell({.head = 2}, 5, 3)), bits(before));
}

TEST(Lens, TakesTheStatisticsAsViews) {
  const Small small;
  const Attended answer = small.answer();
  const Lens by_views(small.question(), RowStatistics{.log2_max = answer.observed.log2_max,
                                                      .row_sum = answer.observed.row_sum});
  const Lens by_answer(small.question(), answer);
  EXPECT_EQ(same_numbers(by_views.row({.head = 2}, 8), by_answer.row({.head = 2}, 8)), "");
}

TEST(Lens, AnswersForTheHeadsThatWereObserved) {
  const Case one{.sizes = kGrouped};
  const Problem problem(one);
  Observe observe = everything(problem.attention);
  observe.heads = {1, 3};
  const Attended answer = attend(problem.attention, observe);
  const Lens lens(problem.attention, answer);
  EXPECT_THAT(lens.heads(), ElementsAre(1, 3));
  expect_observed(lens, answer.observed, observe, "heads 1 and 3");
  EXPECT_EQ(invalid_argument_text([&] { lens.row({.head = 2}, 0); }),
            "lens: head 2 was not observed; the answer has heads 1, 3");
  EXPECT_THAT(invalid_argument_text([&] { lens.dense(0); }), HasSubstr("head 0 was not observed"));
}

TEST(Lens, HasTheSameBitsOverACache) {
  const Problem problem(Case{.sizes = kGrouped,
                             .rules = {{"causal", [](Problem& p) { p.attention.causal = true; }}}});
  KvCache cache({.batch = 2, .key_heads = 2, .head_size = 20, .value_size = 8});
  cache.append(problem.attention.key, problem.attention.value);
  Attention cached = problem.attention;
  cached.key = {};
  cached.packed_key = cache.packed_key();
  cached.value = cache.value();
  const Observe observe = everything(problem.attention);
  const Attended plain = attend(problem.attention, observe);
  const Attended packed = attend(cached, observe);
  expect_observed(Lens(cached, packed), plain.observed, observe, "packed keys");
}

TEST(Lens, TopFallsAndPutsEqualWeightsInOrderOfKeys) {
  // Four equal keys, and one that is better: key 2.
  const Tensor query = Tensor::of<float>({1, 1}, {1});
  const Tensor key = Tensor::of<float>({5, 1}, {0, 0, 1, 0, 0});
  const Attention question{.query = query, .key = key, .value = key};
  const Lens lens(question, attend(question, Observe{.row_statistics = true}));
  const auto keys = [&](std::int64_t k) {
    std::vector<std::int64_t> list;
    for (const KeyWeight& best : lens.top({}, 0, k)) list.push_back(best.key);
    return list;
  };
  EXPECT_THAT(keys(0), IsEmpty());
  EXPECT_THAT(keys(3), ElementsAre(2, 0, 1));
  EXPECT_THAT(keys(100), ElementsAre(2, 0, 1, 3, 4));
}

TEST(Lens, TopLeavesOutHiddenKeys) {
  const Small small;
  const Lens lens(small.question(), small.answer());
  EXPECT_EQ(lens.top({}, 0, 40).size(), 32U);  // query 0 of 9 stands at key 31 of 40
}

TEST(Lens, GivesNaNAtTheKeysThatANaNRowSees) {
  Small small;
  small.query.values<float>()[16] = std::numeric_limits<float>::quiet_NaN();  // head 0, query 1
  const Lens lens(small.question(), small.answer());
  const Tensor row = lens.row({}, 1);
  EXPECT_TRUE(std::isnan(row.view().at<float>(32)));
  EXPECT_EQ(row.view().at<float>(33), 0);
  EXPECT_THAT(lens.top({}, 1, 5), IsEmpty());
  EXPECT_FALSE(std::isnan(lens.cell({}, 0, 3)));
}

TEST(Lens, GivesNothingForARowWithoutAKey) {
  const Small small;
  Attention question = small.question();
  question.diagonal = Diagonal::at(-2);
  const Lens lens(question, attend(question, Observe{.row_statistics = true}));
  EXPECT_EQ(lens.cell({}, 1, 0), 0);
  EXPECT_EQ(lens.cell({}, 2, 0), 1);
  EXPECT_THAT(lens.top({}, 1, 3), IsEmpty());
}

TEST(Lens, AnswersWithoutKeysAndWithoutQueries) {
  const Tensor query(DType::f32, {2, 4});
  const Tensor nothing(DType::f32, {0, 4});
  const Attention no_keys{.query = query, .key = nothing, .value = nothing};
  const Lens lens(no_keys, attend(no_keys, Observe{.row_statistics = true}));
  EXPECT_EQ(lens.row({}, 1).shape(), (Shape{0}));
  EXPECT_EQ(lens.dense(0).shape(), (Shape{1, 2, 0}));
  const Attention no_queries{.query = nothing, .key = query, .value = query};
  const Lens empty(no_queries, attend(no_queries, Observe{.row_statistics = true}));
  EXPECT_EQ(empty.column({}, 1).shape(), (Shape{0}));
}

TEST(Lens, IsReadBySeveralThreadsAtOnce) {
  const Small small;
  const Lens lens(small.question(), small.answer());
  const Tensor expected = lens.row({.head = 1}, 6);
  std::vector<std::string> faults(4);
  std::vector<std::thread> threads;
  for (std::string& fault : faults) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50 && fault.empty(); ++n)
        fault = same_numbers(lens.row({.head = 1}, 6), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
}

TEST(LensErrors, SayWhatIsOutOfRange) {
  const Small small;
  const Lens lens(small.question(), small.answer());
  const auto text = [](auto call) { return invalid_argument_text(call); };
  EXPECT_EQ(text([&] { lens.row({.head = 3}, 0); }), "lens: head is 3; there are 3");
  EXPECT_EQ(text([&] { lens.row({.head = -1}, 0); }), "lens: head is -1; there are 3");
  EXPECT_EQ(text([&] { lens.row({.batch = 1}, 0); }), "lens: batch entry is 1; there are 1");
  EXPECT_EQ(text([&] { lens.row({}, 9); }), "lens: query is 9; there are 9");
  EXPECT_EQ(text([&] { lens.column({}, 40); }), "lens: key is 40; there are 40");
  EXPECT_EQ(text([&] { lens.cell({}, 0, -1); }), "lens: key is -1; there are 40");
  EXPECT_EQ(text([&] {
              lens.block({}, {0, 9}, {35, 6});
            }),
            "lens: 6 keys from 35 asked for; there are 40");
  EXPECT_EQ(text([&] {
              lens.block({}, {1, INT64_MAX}, {0, 1});
            }),
            "lens: 9223372036854775807 queries from 1 asked for; there are 9");
  EXPECT_EQ(text([&] { lens.top({}, 0, -1); }),
            "lens: the -1 largest weights asked for; k must be 0 or more");
  EXPECT_EQ(text([&] { lens.dense(2); }), "lens: batch entry is 2; there are 1");
}

TEST(LensErrors, SayThatTheAnswerIsAnotherOne) {
  const Small small;
  EXPECT_EQ(invalid_argument_text([&] { Lens(small.question(), attend(small.question())); }),
            "lens: the answer has no row statistics; ask attend with Observe::row_statistics");
  Attention fewer = small.question();
  fewer.query = fewer.query.sliced(1, 0, 5);
  const Attended answer = small.answer();
  EXPECT_EQ(invalid_argument_text([&] { Lens(fewer, answer); }),
            "lens: log2_max is [3, 9]; [3, 5] is wanted: one number for each row of the question");
  const Tensor doubles(DType::f64, {3, 9});
  EXPECT_EQ(invalid_argument_text([&] {
              Lens(small.question(), RowStatistics{.log2_max = doubles, .row_sum = doubles});
            }),
            "lens: log2_max is f64; f32 is wanted");
}

TEST(LensErrors, RefuseARaggedBatch) {
  const Small small;
  const Attended answer = small.answer();
  const Tensor offsets = Tensor::of<std::int32_t>({2}, {0, 9});
  Attention ragged = small.question();
  ragged.query_offsets = offsets;
  ragged.key_offsets = offsets;
  EXPECT_THAT(error_text(ErrorKind::unsupported, [&] { Lens(ragged, answer); }),
              HasSubstr("one sequence at a time"));
}

TEST(LensErrors, RefuseDenseAbove256MiBUnlessForced) {
  // One key and value for all, by strides of 0: 8,193 x 8,192 weights are 256 MiB and 32 KiB.
  constexpr std::int64_t kQueries = 8193;
  constexpr std::int64_t kKeys = 8192;
  const std::vector<float> one = {1};
  const Attention question{.query = TensorView(one.data(), {kQueries, 1}, {0, 0}),
                           .key = TensorView(one.data(), {kKeys, 1}, {0, 0}),
                           .value = TensorView(one.data(), {kKeys, 1}, {0, 0}),
                           .causal = true,
                           .window = {.left = 3}};
  const std::vector<float> numbers(kQueries, 1);
  const Lens lens(question, RowStatistics{.log2_max = TensorView(numbers.data(), {kQueries}),
                                          .row_sum = TensorView(numbers.data(), {kQueries})});
  EXPECT_EQ(error_text(ErrorKind::unsupported, [&] { lens.dense(0); }),
            "lens: all weights, [1, 8193, 8192] f32, take 268468224 bytes; above 256 MiB ask for "
            "blocks, or give DenseLimit::none");
  EXPECT_EQ(lens.dense(0, DenseLimit::none).element_count(), kQueries * kKeys);
}

}  // namespace
}  // namespace fovea
