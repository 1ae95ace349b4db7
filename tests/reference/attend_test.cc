// The textbook against numbers worked out by hand.
#include "fovea/reference/attend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fovea {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

// Every case below is a handful of additions and one exp or log in double: two ulps of numbers
// below 4.
constexpr double kTolerance = 9e-16;

reference::Steps attend_in_full(const Attention& attention) {
  return reference::attend(validate(attention, {}), {.scores = true, .weights = true});
}

// Two queries, three keys, with scores that are logarithms: softmax weights become fractions.
class Fractions : public ::testing::Test {
 protected:
  Tensor query_ = Tensor::of<double>({2, 1}, {1, 1});
  Tensor key_ = Tensor::of<double>({3, 1}, {std::log(1), std::log(2), std::log(5)});
  Tensor value_ = Tensor::of<double>({3, 2}, {8, 0, 16, 0, 24, 8});
  Attention attention_{.query = query_, .key = key_, .value = value_, .scale = 1};
};

TEST_F(Fractions, WeightsAreSharesOfTheSum) {
  const reference::Steps steps = attend_in_full(attention_);
  EXPECT_THAT(steps.weights.values<double>(),
              Pointwise(DoubleNear(kTolerance), {1 / 8., 2 / 8., 5 / 8., 1 / 8., 2 / 8., 5 / 8.}));
  EXPECT_THAT(steps.output.values<double>(), Pointwise(DoubleNear(1e-14), {20., 5., 20., 5.}));
  EXPECT_NEAR(steps.log_sum_exp.values<double>()[0], std::log(8), kTolerance);
  EXPECT_NEAR(steps.row_max.values<double>()[0], std::log(5), 0);
  EXPECT_NEAR(steps.row_sum.values<double>()[0], 8 / 5., kTolerance);
}

TEST_F(Fractions, CausalStopsAtTheDiagonal) {
  attention_.causal = true;  // bottom right: query 0 stands at key 1, query 1 at key 2
  const reference::Steps steps = attend_in_full(attention_);
  EXPECT_THAT(steps.weights.values<double>(),
              Pointwise(DoubleNear(kTolerance), {1 / 3., 2 / 3., 0., 1 / 8., 2 / 8., 5 / 8.}));
  attention_.diagonal = Diagonal::top_left();
  EXPECT_THAT(attend_in_full(attention_).weights.values<double>(),
              Pointwise(DoubleNear(kTolerance), {1., 0., 0., 1 / 3., 2 / 3., 0.}));
}

TEST_F(Fractions, WindowCountsFromTheDiagonal) {
  attention_.window = {.left = 0, .right = 1};
  EXPECT_THAT(attend_in_full(attention_).weights.values<double>(),
              Pointwise(DoubleNear(kTolerance), {0., 2 / 7., 5 / 7., 0., 0., 1.}));
}

TEST_F(Fractions, SinkTakesItsShareAndGivesNothing) {
  const Tensor sinks = Tensor::of<float>({1}, {0});  // exp(0) = 1, a ninth of the sum
  attention_.sinks = sinks;
  const reference::Steps steps = attend_in_full(attention_);
  EXPECT_THAT(std::vector<double>(steps.weights.values<double>().begin(),
                                  steps.weights.values<double>().begin() + 3),
              Pointwise(DoubleNear(kTolerance), {1 / 9., 2 / 9., 5 / 9.}));
  EXPECT_NEAR(steps.log_sum_exp.values<double>()[0], std::log(9), kTolerance);
  EXPECT_NEAR(steps.output.values<double>()[0], 160 / 9., 1e-14);
}

TEST_F(Fractions, StagesFollowInTheirOrder) {
  const Tensor bias = Tensor::of<double>({3}, {1, -kInfinity, 3});
  const Tensor slopes = Tensor::of<double>({1}, {0.5});
  attention_.scale = 2;
  attention_.softcap = 3;
  attention_.bias = bias;
  attention_.alibi_slopes = slopes;
  const reference::Steps steps = attend_in_full(attention_);
  const double scaled = 2 * std::log(5);
  const double capped = 3 * std::tanh(scaled / 3);
  EXPECT_NEAR(steps.scaled.values<double>()[2], scaled, 1e-15);
  EXPECT_NEAR(steps.capped.values<double>()[2], capped, 1e-15);
  EXPECT_NEAR(steps.biased.values<double>()[2], capped + 3 - 0.5, 1e-15);  // key 2 is 1 from key 1
  EXPECT_EQ(steps.biased.values<double>()[1], -kInfinity);
}

TEST_F(Fractions, RowWithoutKeysIsZero) {
  const Tensor lengths = Tensor::of<std::int32_t>({1}, {0});
  attention_.key_lengths = lengths;
  const reference::Steps steps = attend_in_full(attention_);
  EXPECT_THAT(steps.output.values<double>(), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(steps.log_sum_exp.values<double>(), ElementsAre(-kInfinity, -kInfinity));
  EXPECT_THAT(steps.row_sum.values<double>(), ElementsAre(0, 0));
  EXPECT_EQ(steps.empty_rows, 2);
}

TEST_F(Fractions, ComeARowAtATimeToo) {
  attention_.causal = true;
  const reference::Steps steps = attend_in_full(attention_);
  std::vector<double> weights;
  std::vector<double> sums;
  reference::attend_by_rows(validate(attention_, {}), [&](const reference::RowSteps& row) {
    EXPECT_EQ(row.row, static_cast<std::int64_t>(sums.size()));
    weights.insert(weights.end(), row.weights.begin(), row.weights.end());
    sums.push_back(row.log_sum_exp);
    EXPECT_EQ(row.biased.size(), 3U);
    EXPECT_EQ(row.output.size(), 2U);
  });
  EXPECT_THAT(weights, Pointwise(testing::Eq(), steps.weights.values<double>()));
  EXPECT_THAT(sums, Pointwise(testing::Eq(), steps.log_sum_exp.values<double>()));
}

TEST(Reference, SharesKeyHeadsAmongQueryHeads) {
  const Tensor query = Tensor::of<float>({4, 1, 1}, {1, 1, 1, 1});
  const Tensor key = Tensor::of<float>({2, 1, 1}, {1, 1});
  const Tensor value = Tensor::of<float>({2, 1, 1}, {7, 9});
  const reference::Steps steps = attend_in_full({.query = query, .key = key, .value = value});
  EXPECT_THAT(steps.output.values<double>(), ElementsAre(7, 7, 9, 9));
}

}  // namespace
}  // namespace fovea
