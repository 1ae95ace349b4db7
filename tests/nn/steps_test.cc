// The notebooks' operations: shapes, orders of operations, special values, refusals.
#include "fovea/nn/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error_text.h"
#include "fovea/core/random.h"

namespace fovea::nn {
namespace {

using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Dot, FusesEveryProductIntoTheSum) {
  // (1 + e)² = 1 + 2e + e²: the last term survives only when the product is not rounded by itself.
  const float e = 0x1p-12f;
  const Tensor a = Tensor::of<float>({2}, {-1, 1 + e});
  const Tensor b = Tensor::of<float>({2}, {1 + 2 * e, 1 + e});
  EXPECT_EQ(dot(a, b), e * e);
}

TEST(Dot, OfNothingIsZero) {
  const Tensor empty(DType::f32, {0});
  EXPECT_EQ(dot(empty, empty), 0);
}

TEST(Dot, RefusesOtherLengthsAndMatrices) {
  const Tensor two(DType::f32, {2});
  const Tensor three(DType::f32, {3});
  EXPECT_EQ(invalid_argument_text([&] { dot(two, three); }),
            "dot: [2] and [3] given; two vectors of one length are wanted");
  const Tensor matrix(DType::f32, {2, 2});
  EXPECT_EQ(invalid_argument_text([&] { dot(matrix, matrix); }),
            "dot: [2, 2] and [2, 2] given; two vectors of one length are wanted");
}

TEST(Sum, GoesThroughFourRunningSums) {
  // In order, the ones would vanish beside 2^24; in pairs of the third and fourth sum they do not.
  const Tensor six = Tensor::of<float>({6}, {0x1p24f, 0, 1, 0, 1, -0x1p24f});
  // p0 = 2^24 + 1 - 2^24 = 0 (the 1 is lost), then + 0 + 1 + 0.
  EXPECT_EQ(sum(six), 1);
  const Tensor three = Tensor::of<float>({3}, {0x1p24f, 1, -0x1p24f});
  EXPECT_EQ(sum(three), 0);
}

TEST(Sum, GoesThroughEightLanesFromEightValuesOn) {
  // Lane 0 holds 2^24 and -2^24, lanes 1 to 7 a one each twice; in one chain every one would be
  // lost.
  std::array<float, 16> values;
  values.fill(1);
  values[0] = 0x1p24f;
  values[8] = -0x1p24f;
  EXPECT_EQ(sum(TensorView(values.data(), Shape{16})), 14);
}

TEST(SumRows, DropsTheLastAxis) {
  const Tensor x = Tensor::of<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor sums = sum_rows(x);
  EXPECT_EQ(sums.shape(), (Shape{2, 2}));
  EXPECT_THAT(sums.values<float>(), ElementsAre(3, 7, 11, 15));
  EXPECT_THAT(sum_rows(Tensor(DType::f32, {2, 0}).view()).values<float>(), ElementsAre(0, 0));
}

TEST(Matmul, MultipliesMatricesVectorsAndBatches) {
  const Tensor a = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor v = Tensor::of<float>({3}, {1, 0, -1});
  const Tensor w = Tensor::of<float>({2}, {1, 10});
  EXPECT_THAT(matmul(a, a.view().permuted({1, 0})).values<float>(), ElementsAre(14, 32, 32, 77));
  const Tensor column = matmul(a, v);
  EXPECT_EQ(column.shape(), (Shape{2}));
  EXPECT_THAT(column.values<float>(), ElementsAre(-2, -2));
  const Tensor row = matmul(w, a);
  EXPECT_EQ(row.shape(), (Shape{3}));
  EXPECT_THAT(row.values<float>(), ElementsAre(41, 52, 63));
  const Tensor number = matmul(v, v);
  EXPECT_EQ(number.rank(), 0);
  EXPECT_THAT(number.values<float>(), ElementsAre(2));
  const Tensor batch = matmul(a.view().broadcast_to({4, 1, 2, 3}),
                              a.view().permuted({1, 0}).broadcast_to({5, 3, 2}));
  EXPECT_EQ(batch.shape(), (Shape{4, 5, 2, 2}));
  EXPECT_THAT(batch.values<float>().last(4), ElementsAre(14, 32, 32, 77));
}

TEST(Matmul, HasTheBitsOfDot) {
  Generator generator(1);
  const Tensor a = randn({7, 33}, generator);
  const Tensor b = randn({5, 33}, generator);
  const Tensor product = matmul(a, b.view().permuted({1, 0}));
  for (std::int64_t i = 0; i < 7; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const TensorView row(a.values<float>().data() + i * 33, Shape{33});
      const TensorView other(b.values<float>().data() + j * 33, Shape{33});
      EXPECT_EQ(product.view().at<float>(i, j), dot(row, other));
    }
  }
}

TEST(Matmul, OverNoInnerSizeIsZero) {
  const Tensor a(DType::f32, {2, 0});
  const Tensor b(DType::f32, {0, 3});
  EXPECT_THAT(matmul(a, b).values<float>(), testing::Each(0.0f));
}

TEST(Matmul, RefusesShapesThatDoNotFit) {
  const Tensor a(DType::f32, {2, 3});
  EXPECT_EQ(invalid_argument_text([&] { matmul(a, a); }),
            "matmul: [2, 3] and [2, 3] given; [..., n, k] and [..., k, m] are wanted");
  const Tensor two(DType::f32, {2, 2, 2});
  const Tensor three(DType::f32, {3, 2, 2});
  EXPECT_EQ(invalid_argument_text([&] { matmul(two, three); }),
            "matmul: [2, 2, 2] and [3, 2, 2] given; leading axes that are equal or 1 are wanted");
}

TEST(Steps, RefuseOtherTypesAndMissingTensors) {
  const Tensor doubles(DType::f64, {2, 2});
  EXPECT_EQ(invalid_argument_text([&] { softmax(doubles); }),
            "softmax: the argument is f64; f32 is wanted");
  EXPECT_EQ(invalid_argument_text([] { transpose(TensorView()); }),
            "transpose: the argument is missing; f32 is wanted");
  const Tensor vector(DType::f32, {2});
  EXPECT_EQ(invalid_argument_text([&] { hide_future(vector); }),
            "hide_future: [2] given; at least 2 axes are wanted");
}

TEST(Exp, IsCorrectlyRounded) {
  const Tensor x = Tensor::of<float>({5}, {0, 1, -1, -kInfinity, 100});
  EXPECT_THAT(exp(x).values<float>(), ElementsAre(1, 2.7182817f, 0.36787945f, 0, kInfinity));
}

TEST(Softmax, HasRowsThatSumToOne) {
  Generator generator(2);
  const Tensor scores = randn({50, 20}, generator);
  // 20 weights, each within 2 roundings of e/sum, and 20 roundings of the sum: 40 · 2^-24.
  const Tensor totals = sum_rows(softmax(scores).view());
  for (float total : totals.values<float>()) EXPECT_NEAR(total, 1, 40 * 0x1p-24);
}

TEST(Softmax, StandsLargeScoresThatNaiveSoftmaxDoesNot) {
  const Tensor scores = Tensor::of<float>({3}, {95.44f, 149.5f, 147.54f});
  const Tensor naive = naive_softmax(scores);
  for (float weight : naive.values<float>()) EXPECT_TRUE(std::isnan(weight) || weight == 0);
  EXPECT_EQ(sum(softmax(scores).view()), 1);
}

TEST(Softmax, GivesHiddenScoresNoWeight) {
  const Tensor scores = Tensor::of<float>({1, 3}, {1, -kInfinity, 1});
  EXPECT_THAT(softmax(scores).values<float>(), ElementsAre(0.5f, 0, 0.5f));
}

TEST(Softmax, OfARowOfMinusInfinityIsNaNAsInTorch) {
  const Tensor scores = Tensor::of<float>({2}, {-kInfinity, -kInfinity});
  const Tensor weights = softmax(scores);
  for (float weight : weights.values<float>()) EXPECT_TRUE(std::isnan(weight));
}

TEST(Softmax, SpreadsANaNOverItsRowOnly) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor scores = Tensor::of<float>({2, 2}, {1, nan, 1, 1});
  const Tensor weights = softmax(scores);
  EXPECT_TRUE(std::isnan(weights.values<float>()[0]) && std::isnan(weights.values<float>()[1]));
  EXPECT_THAT(weights.values<float>().last(2), ElementsAre(0.5f, 0.5f));
}

TEST(NormaliseBySum, GivesNegativeWeightsForNegativeScores) {
  const Tensor scores = Tensor::of<float>({2}, {3, -1});
  EXPECT_THAT(normalise_by_sum(scores).values<float>(), ElementsAre(1.5f, -0.5f));
}

TEST(CausalMask, IsALowerTriangle) {
  EXPECT_THAT(causal_mask(3).values<float>(), ElementsAre(1, 0, 0, 1, 1, 0, 1, 1, 1));
  EXPECT_EQ(causal_mask(0).element_count(), 0);
}

TEST(HideFuture, StartsAnewInEveryMatrixOfABatch) {
  const Tensor scores(DType::f32, {2, 2, 3});
  EXPECT_THAT(hide_future(scores).values<float>(),
              ElementsAre(0, -kInfinity, -kInfinity, 0, 0, -kInfinity, 0, -kInfinity, -kInfinity, 0,
                          0, -kInfinity));
}

TEST(ZeroFuture, RenormalisedIsTheSameAsMinusInfinityBeforeSoftmax) {
  Generator generator(3);
  const Tensor scores = randn({8, 8}, generator);
  const Tensor weights = softmax(scores);
  const Tensor zeroed = zero_future(weights);
  const Tensor renormalised = normalise_by_sum(zeroed);
  const Tensor hidden = hide_future(scores);
  const Tensor masked = softmax(hidden);
  // Each side is e/sum with at most 8 + 2 roundings, the left one twice.
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_NEAR(renormalised.values<float>()[i], masked.values<float>()[i], 30 * 0x1p-24);
  }
}

TEST(ContextVector, IsTheSumOfTheContributions) {
  const Tensor weights = Tensor::of<float>({2}, {0.25f, 0.75f});
  const Tensor values = Tensor::of<float>({2, 2}, {4, 8, 40, 80});
  EXPECT_THAT(contributions(weights, values).values<float>(), ElementsAre(1, 2, 30, 60));
  EXPECT_THAT(context_vector(weights, values).values<float>(), ElementsAre(31, 62));
  EXPECT_EQ(invalid_argument_text([&] { context_vector(values, values); }),
            "contributions: [2, 2] and [2, 2] given; weights [n] and values [n, d] are wanted");
}

TEST(Elementwise, RoundTheNumberToFloat32First) {
  const Tensor one = Tensor::of<float>({1}, {1});
  EXPECT_THAT(divide(one, std::sqrt(2.0)).values<float>(), ElementsAre(1 / 1.41421354f));
  EXPECT_THAT(multiply(one, 0.1).values<float>(), ElementsAre(0.1f));
}

TEST(Add, BroadcastsTheSecondTensor) {
  const Tensor a = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor b = Tensor::of<float>({2}, {10, 20});
  EXPECT_THAT(add(a, b).values<float>(), ElementsAre(11, 22, 13, 24));
}

}  // namespace
}  // namespace fovea::nn
