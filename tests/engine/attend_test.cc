// What attend promises, on cases small enough to work out.
#include "fovea/engine/attend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "core/error_text.h"
#include "fovea/reference/attend.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One query against keys whose scores are `scores`: [1, 1] · [keys, 1], with values 0, 1, 2, ...
struct Scores {
  explicit Scores(const std::vector<float>& scores)
      : query(Tensor::of<float>({1, 1}, {1})),
        key(Tensor::of<float>({static_cast<std::int64_t>(scores.size()), 1}, scores)),
        value(DType::f32, {static_cast<std::int64_t>(scores.size()), 1}) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      value.values<float>()[j] = static_cast<float>(j);
    }
  }
  Attention attention() const { return {.query = query, .key = key, .value = value, .scale = 1}; }
  Tensor query;
  Tensor key;
  Tensor value;
};

TEST(Attend, TakesTwoThreeAndFourAxes) {
  const Tensor numbers(DType::f32, {6});
  for (const Shape& shape : {Shape{3, 2}, Shape{1, 3, 2}, Shape{1, 1, 3, 2}}) {
    const TensorView view(numbers.values<float>().data(), shape);
    const Attended result = attend({.query = view, .key = view, .value = view});
    EXPECT_EQ(result.output.shape(), shape);
    EXPECT_EQ(result.log_sum_exp.shape(), Shape(std::span(shape.begin(), shape.end() - 1)));
  }
}

TEST(Attend, OutputHasTheQuerysTypeOrFloat32) {
  const Tensor half = Tensor::of<BFloat16>({1, 1}, {to_bfloat16(1)});
  const Attention attention{.query = half, .key = half, .value = half};
  EXPECT_EQ(attend(attention).output.dtype(), DType::bf16);
  EXPECT_EQ(attend(attention, {.output_type = DType::f32}).output.dtype(), DType::f32);
  EXPECT_THAT(invalid_argument_text([&] { attend(attention, {.output_type = DType::f16}); }),
              HasSubstr("output type f16 asked for"));
}

TEST(Attend, StatisticsAreInNaturalUnits) {
  const Scores scores({0, 1, 2});
  const Attended result = attend(scores.attention());
  const double sum = 1 + std::exp(-1) + std::exp(-2);
  EXPECT_NEAR(result.row_max.values<float>()[0], 2, 2 * 0x1p-22);
  EXPECT_NEAR(result.row_sum.values<float>()[0], sum, 4 * 0x1p-23);
  EXPECT_NEAR(result.log_sum_exp.values<float>()[0], 2 + std::log(sum), 2 * 0x1p-22);
}

TEST(Attend, LogSumExpIsWithinTwoUlpsOfItsLargestPart) {
  // One key: the sum is 1, so that the logarithm is the score itself; 64 equal keys add log(64).
  for (float score : {0.0F, 1e-6F, 0.3F, -7.0F, 1000.0F, -1e30F, 1e38F}) {
    for (std::size_t keys : {1U, 64U}) {
      const Scores scores(std::vector<float>(keys, score));
      const double expected = static_cast<double>(score) + std::log(static_cast<double>(keys));
      const double largest = std::max(
          {std::abs(static_cast<double>(score)), std::log(static_cast<double>(keys)), 1.0});
      const double ulp = std::ldexp(1.0, std::ilogb(largest) - 23);
      // Folding log2(e) into the query rounds once more: half an ulp.
      EXPECT_NEAR(static_cast<double>(attend(scores.attention()).log_sum_exp.values<float>()[0]),
                  expected, 2.5 * ulp);
    }
  }
}

TEST(Attend, ScoresOfAnySizeGiveFiniteWeights) {
  const Attended one_wins = attend(Scores({1e30F, 2e30F, -3e38F}).attention());
  EXPECT_THAT(one_wins.output.values<float>(), ElementsAre(1));
  const Attended tie = attend(Scores({2e38F, 2e38F}).attention());
  EXPECT_THAT(tie.output.values<float>(), ElementsAre(0.5F));
}

TEST(Attend, AScaleThatOverflowsTheQueryIsAppliedToTheScores) {
  const Tensor query = Tensor::of<float>({2, 1}, {1e38F, 1});
  const Tensor key = Tensor::of<float>({2, 1}, {1e-38F, 2e-38F});
  const Tensor value = Tensor::of<float>({2, 1}, {0, 1});
  const Attended result =
      attend({.query = query, .key = key, .value = value, .scale = 10});  // scores 10 and 20
  const double weight = 1 / (1 + std::exp(-10.0));
  EXPECT_NEAR(result.output.values<float>()[0], weight, 1e-6);
  EXPECT_NEAR(result.row_max.values<float>()[0], 20, 20 * 4 * 0x1p-24);
  EXPECT_NEAR(result.output.values<float>()[1], 0.5, 0x1p-23);  // the other row: scores near 0
}

TEST(Attend, WeightsBelowTheirBlockBy100BitsAreExactlyZero) {
  const float above = -100 / 1.4427F;  // natural units
  const float below = above * 1.01F;
  Scores scores({0, above, below});
  scores.value = Tensor::of<float>({3, 1}, {0, 1, 0x1p126F});
  const float output = attend(scores.attention()).output.values<float>()[0];
  EXPECT_GT(output, 0x1p-101F);
  EXPECT_LT(output, 0x1p-99F);  // 2^126 times 2^-101 is not in it
}

TEST(Attend, FiniteBiasNeverHides) {
  Scores scores({-3, 5});
  const float lowest = -std::numeric_limits<float>::max();
  const Tensor bias = Tensor::of<float>({2}, {lowest, lowest});
  Attention attention = scores.attention();
  attention.bias = bias;
  const Attended result = attend(attention);
  EXPECT_THAT(result.output.values<float>(), ElementsAre(0.5F));
  EXPECT_EQ(result.empty_rows, 0);
}

TEST(Attend, FiniteBiasBeyondFloat32StaysFinite) {
  Scores scores({-3, 5});
  const Tensor bias = Tensor::of<double>({2}, {-1e300, -1e300});
  Attention attention = scores.attention();
  attention.bias = bias;
  EXPECT_THAT(attend(attention).output.values<float>(), ElementsAre(0.5F));
}

TEST(Attend, ASinkAloneIsTheLogSumExp) {
  const Tensor sinks = Tensor::of<float>({1}, {-0.7F});
  const Tensor lengths = Tensor::of<std::int32_t>({1}, {0});
  Scores scores({1, 2});
  Attention attention = scores.attention();
  attention.sinks = sinks;
  attention.key_lengths = lengths;
  const Attended result = attend(attention);
  EXPECT_THAT(result.output.values<float>(), ElementsAre(0));
  EXPECT_THAT(result.log_sum_exp.values<float>(), ElementsAre(-0.7F));
  EXPECT_THAT(result.row_max.values<float>(), ElementsAre(-0.7F));
  EXPECT_THAT(result.row_sum.values<float>(), ElementsAre(1));
  EXPECT_EQ(result.empty_rows, 1);
}

TEST(Attend, SoftcapOfInfinityIsOff) {
  const Scores scores({1, 2, 3});
  Attention attention = scores.attention();
  const Attended off = attend(attention);
  attention.softcap = HUGE_VAL;
  EXPECT_EQ(attend(attention).output.values<float>()[0], off.output.values<float>()[0]);
  for (double wrong : {-1.0, std::nan("")}) {
    attention.softcap = wrong;
    EXPECT_THAT(invalid_argument_text([&] { attend(attention); }), HasSubstr("softcap is"));
  }
}

TEST(Attend, ZerosArePositive) {
  Scores scores({0, 0});
  scores.value = Tensor::of<float>({2, 1}, {-0.0F, -1e-45F});
  const float output = attend(scores.attention()).output.values<float>()[0];
  EXPECT_EQ(output, 0);
  EXPECT_FALSE(std::signbit(output));
}

TEST(Attend, DoubleIsComputedInDouble) {
  const Tensor query = Tensor::of<double>({1, 1}, {1});
  const Tensor key = Tensor::of<double>({2, 1}, {0, 1e-12});
  const Tensor value = Tensor::of<double>({2, 1}, {-1, 1});
  const Attended result = attend({.query = query, .key = key, .value = value, .scale = 1});
  EXPECT_EQ(result.output.dtype(), DType::f64);
  EXPECT_EQ(result.plan.implementation, "reference");
  EXPECT_NEAR(result.output.values<double>()[0], 0.5e-12, 1e-15);  // tanh(x / 2)
}

TEST(Attend, IntoWritesTheStatisticsThatAreGiven) {
  const Scores scores({0, 1, 2});
  const Attended expected = attend(scores.attention());
  Tensor output(DType::f32, {1, 1});
  Tensor lse(DType::f32, {1});
  attend_into(scores.attention(),
              {.output = output.mutable_view(), .log_sum_exp = lse.mutable_view()});
  EXPECT_EQ(output.values<float>()[0], expected.output.values<float>()[0]);
  EXPECT_EQ(lse.values<float>()[0], expected.log_sum_exp.values<float>()[0]);
}

TEST(Attend, IntoRefusesTargetsOfAnotherShapeOrType) {
  const Scores scores({0, 1, 2});
  Tensor wide(DType::f32, {1, 2});
  EXPECT_THAT(invalid_argument_text(
                  [&] { attend_into(scores.attention(), {.output = wide.mutable_view()}); }),
              HasSubstr("output is [1, 2]; [1, 1] is wanted"));
  Tensor half(DType::f16, {1, 1});
  EXPECT_THAT(invalid_argument_text(
                  [&] { attend_into(scores.attention(), {.output = half.mutable_view()}); }),
              HasSubstr("output is f16; f32 is wanted"));
}

TEST(Attend, ManyThreadsMayCallAtOnce) {
  const Scores scores({0, 1, 2, 3});
  const float expected = attend(scores.attention()).output.values<float>()[0];
  std::vector<float> results(8);
  {
    std::vector<std::jthread> threads;
    for (float& result : results) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          result = attend(scores.attention()).output.values<float>()[0];
        }
      });
    }
  }
  EXPECT_THAT(results, ::testing::Each(expected));
}

}  // namespace
}  // namespace fovea
