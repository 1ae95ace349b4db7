// What is kept of a run: 16-bit steps, weights computed again from them, and which heads there is room for.
#include "report/kept_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error_text.h"
#include "report/random_run.h"

namespace fovea::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

KeepOptions all_heads() {
  return {.all_heads = true};
}

double number(const SteppedVectors& vectors, std::int64_t row, std::int64_t i) {
  const auto place = static_cast<std::size_t>(row * vectors.values.size(1) + i);
  return static_cast<double>(vectors.values.values<std::int16_t>()[place]) *
         static_cast<double>(vectors.steps.values<float>()[static_cast<std::size_t>(row)]);
}

TEST(Stepped, IsWithinHalfAStepOfEachNumber) {
  Generator generator(3);
  const Tensor rows = randn({5, 33}, generator);
  const SteppedVectors made = stepped(rows);
  for (std::int64_t row = 0; row < 5; ++row) {
    const double step =
        static_cast<double>(made.steps.values<float>()[static_cast<std::size_t>(row)]);
    for (std::int64_t i = 0; i < 33; ++i) {
      const auto exact = static_cast<double>(rows.view().at<float>(row, i));
      // Quotient and product are rounded in float64: a millionth of a step.
      EXPECT_LE(std::abs(number(made, row, i) - exact), step * 0.500001);
    }
  }
}

TEST(Stepped, LargestNumberOfARowIsNoMoreThanAllSteps) {
  const Tensor rows = Tensor::of<float>({3, 2}, {3.4e38F, -1.0F, 1e-44F, 0.0F, 0.0F, -0.0F});
  const SteppedVectors made = stepped(rows);
  EXPECT_EQ(made.values.values<std::int16_t>()[0], 32767);
  EXPECT_EQ(made.values.values<std::int16_t>()[4], 0);
  EXPECT_EQ(made.steps.values<float>()[2], 0.0F);
}

TEST(Stepped, WhatIsNotFiniteBecomesZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor rows = Tensor::of<float>({1, 4}, {infinity, std::nanf(""), -infinity, 2.0F});
  const SteppedVectors made = stepped(rows);
  EXPECT_EQ(made.values.values<std::int16_t>()[0], 0);
  EXPECT_EQ(made.values.values<std::int16_t>()[1], 0);
  EXPECT_EQ(made.values.values<std::int16_t>()[3], 32767);
}

// A kept head's softmax by its numbers and rules alone.
struct Again {
  const KeptHead& head;
  const KeptKeys& keys;

  std::int64_t size() const { return head.query.values.size(1); }
  // scale · q · k, and how far it may be from the float32 question's: half a step in each number, and the fused sum's
  // own rounding (a chain of size() products).
  std::pair<double, double> score(std::int64_t i, std::int64_t j) const {
    const auto row = static_cast<std::size_t>(i);
    const auto column = static_cast<std::size_t>(j);
    const double of_query = static_cast<double>(head.query.steps.values<float>()[row]) / 2;
    const double of_key = static_cast<double>(keys.key.steps.values<float>()[column]) / 2;
    double sum = 0;
    double bound = 0;
    for (std::int64_t c = 0; c < size(); ++c) {
      const double q = number(head.query, i, c);
      const double k = number(keys.key, j, c);
      sum += q * k;
      bound += std::abs(q) * of_key + std::abs(k) * of_query + of_query * of_key;
      bound += std::abs(q * k) * static_cast<double>(size() + 4) * 0x1p-24;
    }
    return {sum * head.rules.scale, bound * std::abs(head.rules.scale)};
  }
};

void expect_top_weights(const Explanation& explanation) {
  const KeptNumbers& kept = explanation.kept;
  const auto tokens = std::ssize(explanation.tokens);
  for (const KeptHead& head : kept.heads) {
    const auto keys = std::ranges::find_if(kept.keys, [&](const KeptKeys& other) {
      return other.layer == head.layer && other.key_head == head.key_head;
    });
    ASSERT_NE(keys, kept.keys.end());
    const Again again{head, *keys};
    for (std::int64_t place = 0; place < tokens * kKeptWeights; ++place) {
      const auto at = static_cast<std::size_t>(place);
      const std::int64_t row = place / kKeptWeights;
      const std::int32_t key = head.top_keys.values<std::int32_t>()[at];
      const auto fused = static_cast<double>(head.top_weights.values<float>()[at]);
      if (key < 0) {
        EXPECT_EQ(fused, 0);
        continue;
      }
      auto [score, bound] = again.score(row, key);
      const double cap = head.rules.softcap;  // tanh brings scores no farther apart
      if (cap > 0) score = cap * std::tanh(score / cap);
      const auto in_row = static_cast<std::size_t>(row);
      const auto most = static_cast<double>(head.row_max.values<float>()[in_row]);
      const auto sum = static_cast<double>(head.row_sum.values<float>()[in_row]);
      // row_max is rounded to a float, and so are the sum and the weight, some ulp each.
      const double factor = std::exp(bound + std::abs(most) * 0x1p-23 + 16 * 0x1p-23) - 1;
      const double weight = std::exp(score - most) / sum;
      EXPECT_NEAR(weight, fused, fused * factor) << "row " << row << ", key " << key;
    }
  }
}

TEST(KeptHead, WeightsComputedAgainAreTheFusedOnes) {
  const Explanation e =
      explain_random({.layers = 2, .heads = 4, .key_heads = 2, .keep = all_heads()});
  ASSERT_EQ(e.kept.heads.size(), 8U);
  ASSERT_EQ(e.kept.keys.size(), 4U);
  expect_top_weights(e);
}

TEST(KeptHead, WeightsComputedAgainAreTheFusedOnesWithEveryRule) {
  const Tensor sinks = Tensor::of<float>({2}, {0.5F, -std::numeric_limits<float>::infinity()});
  const Explanation e = explain_random({.keep = all_heads(), .change = [&](Attention& question) {
                                          question.scale = 1.7;
                                          question.softcap = 2.5;
                                          question.window = {.left = 4, .right = 0};
                                          question.sinks = sinks;
                                        }});
  ASSERT_EQ(e.kept.heads.size(), 2U);
  EXPECT_EQ(e.kept.heads[0].rules.softcap, 2.5);
  EXPECT_EQ(e.kept.heads[0].rules.window.left, 4);
  EXPECT_EQ(e.kept.heads[0].rules.sink, 0.5);
  EXPECT_FALSE(e.kept.heads[1].rules.sink.has_value());
  expect_top_weights(e);
}

TEST(KeptHead, DeviationIsThatOfTheTopWeightsFromFloat64) {
  Tensor query;
  Tensor key;
  const Explanation e = explain_random({.heads = 1, .keep = all_heads()}, [&](const auto& layer) {
    query = Tensor::copy_of(layer.question.query);
    key = Tensor::copy_of(layer.question.key);
  });
  const KeptHead& head = e.kept.heads.at(0);
  ASSERT_EQ(head.deviation.element_count(), 12);
  for (std::int64_t i = 0; i < 12; ++i) {
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t j = 0; j <= i; ++j) {
      double score = 0;
      for (std::int64_t c = 0; c < 8; ++c) {
        score += query.view().number_at(std::int64_t{0}, std::int64_t{0}, i, c) *
                 key.view().number_at(std::int64_t{0}, std::int64_t{0}, j, c);
      }
      weights.push_back(std::exp(score * head.rules.scale));
      sum += weights.back();
    }
    double most = 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(kKeptWeights); ++at) {
      const std::size_t place = static_cast<std::size_t>(i * kKeptWeights) + at;
      const std::int32_t j = head.top_keys.values<std::int32_t>()[place];
      if (j < 0) break;
      most = std::max(most, std::abs(weights[static_cast<std::size_t>(j)] / sum -
                                     static_cast<double>(head.top_weights.values<float>()[place])));
    }
    // Both are sums in float64 of a few terms; the result is a float.
    EXPECT_NEAR(static_cast<double>(head.deviation.values<float>()[static_cast<std::size_t>(i)]),
                most, 1e-13);
  }
}

TEST(HeadKeeper, PassesOverHeadsWhoseWeightsHaveAnotherPart) {
  const Tensor bias = Tensor(DType::f32, {12, 12});
  const Explanation e = explain_random(
      {.keep = all_heads(), .change = [&](Attention& question) { question.bias = bias; }});
  EXPECT_TRUE(e.kept.heads.empty());
  EXPECT_EQ(e.kept.passed_over, "layer 0 adds a bias to its scores");
  EXPECT_EQ(e.heads.size(), 2U);
}

TEST(HeadKeeper, KeepsNothingUnlessAsked) {
  const Explanation e = explain_random({});
  EXPECT_TRUE(e.kept.heads.empty());
  EXPECT_TRUE(e.kept.keys.empty());
}

TEST(HeadKeeper, KeepsTheHeadsThatAreAskedForFirst) {
  // Room for one: 12 rows of 100 bytes and 40 bytes of key and value.
  const RandomRun run{.layers = 3, .keep = {.budget_bytes = 12 * 150, .first = {{1, 1}, {2, 0}}}};
  const Explanation e = explain_random(run);
  ASSERT_EQ(e.kept.heads.size(), 1U);
  EXPECT_EQ(e.kept.heads[0].layer, 1);
  EXPECT_EQ(e.kept.heads[0].head, 1);
  EXPECT_EQ(e.kept.keys.size(), 1U);
}

TEST(HeadKeeper, LaterHeadsThatTellMoreTakeThePlaceOfEarlierOnes) {
  // Layer 2 looks at the token before: its queries are the keys of the row above.
  std::int64_t layer = 0;
  Tensor same;
  RandomRun run{.layers = 3, .heads = 1, .head_size = 32, .tokens = 24};
  run.keep.budget_bytes = 24 * 300;
  run.change = [&](Attention& question) {
    if (layer++ != 2) return;
    same = Tensor(DType::f32, {1, 1, 24, 32});
    const std::span<const float> keys(static_cast<const float*>(question.key.data()), 24 * 32);
    for (std::size_t i = 32; i < 24 * 32; ++i) same.values<float>()[i] = 4 * keys[i - 32];
    question.query = same;
  };
  const Explanation e = explain_random(run);
  ASSERT_EQ(e.kept.heads.size(), 1U);
  EXPECT_EQ(e.kept.heads[0].layer, 2);
}

TEST(PartsWithin, TakesHeadsInOrderAndThenInputs) {
  Explanation e = explain_random({.layers = 2, .heads = 2, .key_heads = 1, .keep = all_heads()});
  Generator generator(5);
  const Tensor input = randn({12, 16}, generator);
  for (std::int64_t layer = 0; layer < 2; ++layer)
    e.kept.inputs.push_back({.layer = layer, .input = stepped(input)});
  constexpr std::int64_t kAll = std::int64_t{1} << 40;
  EXPECT_THAT(parts_within(e.kept, kAll).inputs, ElementsAre(0, 1));
  EXPECT_THAT(parts_within(e.kept, kAll).heads, ElementsAre(0, 1, 2, 3));
  const std::int64_t first = bytes_of(e.kept.heads[0]) + bytes_of(e.kept.keys[0]) + 1200;
  const KeptParts one = parts_within(e.kept, first);
  EXPECT_THAT(one.heads, ElementsAre(0));
  EXPECT_THAT(one.keys, ElementsAre(0));
  EXPECT_TRUE(one.inputs.empty());
  EXPECT_TRUE(parts_within(e.kept, first - 1).heads.empty());
}

std::vector<ExplainedToken> two_tokens() {
  return std::vector<ExplainedToken>(2);
}

TEST(Explainer, RefusesLayersThatAreNotTheOnesObserved) {
  Explainer explainer(facts_of({}), two_tokens());
  const Tensor query(DType::f32, {1, 2, 2, 8});
  const Attention question{.query = query, .key = query, .value = query, .causal = true};
  const Attended answer = attend(question, explainer.observe(0));
  EXPECT_THAT(invalid_argument_text(
                  [&] { explainer.take({.layer = 1, .question = question, .answer = answer}); }),
              HasSubstr("layer 1 is shown; layer 0 was observed last"));
  EXPECT_THAT(invalid_argument_text([&] { explainer.observe(1); }), HasSubstr("no head 1.0"));
  EXPECT_THAT(invalid_argument_text([&] { Explainer(facts_of({}), {}); }), HasSubstr("no token"));
}

TEST(Explainer, RefusesAQuestionOfAnotherLength) {
  Explainer explainer(facts_of({}), two_tokens());
  const Tensor query(DType::f32, {1, 2, 3, 8});
  const Attention question{.query = query, .key = query, .value = query, .causal = true};
  static_cast<void>(explainer.observe(0));
  const Attended answer = attend(question, Observe{});
  EXPECT_THAT(invalid_argument_text(
                  [&] { explainer.take({.layer = 0, .question = question, .answer = answer}); }),
              HasSubstr("[1, 2, 3, 8]; [1, 2, 2, head_size] is wanted"));
}

}  // namespace
}  // namespace fovea::report
