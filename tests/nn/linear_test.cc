// The linear layer: one interface over fma chains and CBLAS.
#include "fovea/nn/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error_text.h"
#include "fovea/nn/steps.h"

namespace fovea::nn {
namespace {

using testing::ElementsAre;

TEST(Linear, MultipliesByTheTransposedWeightAndAddsTheBias) {
  const Linear layer(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
                     Tensor::of<float>({2}, {100, 200}));
  const Tensor x = Tensor::of<float>({3}, {1, 0, -1});
  const Tensor y = layer.forward(x);
  EXPECT_EQ(y.shape(), (Shape{2}));
  EXPECT_THAT(y.values<float>(), ElementsAre(98, 198));
}

TEST(Linear, KeepsTheLeadingAxes) {
  Generator generator;
  const Linear layer(3, 2, Bias::yes, generator);
  const Tensor x(DType::f32, {4, 1, 5, 3});
  EXPECT_EQ(layer.forward(x).shape(), (Shape{4, 1, 5, 2}));
}

// The exact product of one row, and the bound that forward states.
void expect_within_bound(const Linear& layer, const Tensor& x, const Tensor& y) {
  const TensorView weight = layer.weight();
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    for (std::int64_t out = 0; out < layer.out_features(); ++out) {
      double exact = layer.has_bias() ? static_cast<double>(layer.bias().at<float>(out)) : 0.0;
      double magnitude = std::abs(exact);
      for (std::int64_t in = 0; in < layer.in_features(); ++in) {
        const double product = static_cast<double>(x.view().at<float>(row, in)) *
                               static_cast<double>(weight.at<float>(out, in));
        exact += product;
        magnitude += std::abs(product);
      }
      const double bound = static_cast<double>(layer.in_features() + 2) * 0x1p-24 * magnitude;
      ASSERT_NEAR(static_cast<double>(y.view().at<float>(row, out)), exact, bound)
          << row << " " << out;
    }
  }
}

TEST(Linear, StaysWithinItsBoundOnBothSidesOfTheBlasThreshold) {
  Generator generator(8);
  for (const Bias bias : {Bias::no, Bias::yes}) {
    const Linear layer(64, 32, bias, generator);
    for (const std::int64_t rows :
         {Linear::kBlasProducts / (64 * 32) - 1, Linear::kBlasProducts / (64 * 32)}) {
      const Tensor x = randn({rows, 64}, generator);
      expect_within_bound(layer, x, layer.forward(x));
    }
  }
}

TEST(Linear, ReadsStridedInputsOnBothSides) {
  Generator generator(8);
  const Linear layer(64, 32, Bias::yes, generator);
  for (const std::int64_t rows : {3, 100}) {
    const Tensor turned = randn({64, rows}, generator);
    const Tensor straight = transpose(turned);
    const Tensor from_view = layer.forward(turned.view().permuted({1, 0}));
    const Tensor from_copy = layer.forward(straight);
    EXPECT_TRUE(std::ranges::equal(from_view.values<float>(), from_copy.values<float>()));
  }
}

TEST(Linear, TakesEmptyInputs) {
  Generator generator;
  const Linear wide(300, 300, Bias::yes, generator);
  EXPECT_EQ(wide.forward(Tensor(DType::f32, {0, 300}).view()).shape(), (Shape{0, 300}));
  const Linear from_nothing(0, 2, Bias::yes, generator);
  EXPECT_THAT(from_nothing.forward(Tensor(DType::f32, {3, 0}).view()).values<float>(),
              testing::Each(0.0f));
  const Linear to_nothing(2, 0, Bias::no, generator);
  EXPECT_EQ(to_nothing.forward(Tensor(DType::f32, {3, 2}).view()).shape(), (Shape{3, 0}));
}

TEST(Linear, TakesLargeInputsToNoOutputs) {
  Generator generator;
  const Linear layer(2, 0, Bias::yes, generator);
  EXPECT_EQ(layer.forward(Tensor(DType::f32, {Linear::kBlasProducts, 2}).view()).element_count(),
            0);
}

TEST(Linear, RefusesInputsOfAnotherSizeOrType) {
  Generator generator;
  const Linear layer(3, 2, Bias::no, generator);
  const auto text = [&](const TensorView& x) {
    return invalid_argument_text([&] { layer.forward(x); });
  };
  EXPECT_EQ(text(Tensor(DType::f32, {2, 4}).view()),
            "Linear: input is f32 [2, 4]; f32 [..., 3] is wanted");
  EXPECT_EQ(text(Tensor(DType::f64, {2, 3}).view()),
            "Linear: input is f64 [2, 3]; f32 [..., 3] is wanted");
  EXPECT_EQ(text(Tensor(DType::f32, {}).view()), "Linear: input is f32 []; f32 [..., 3] is wanted");
}

TEST(Linear, RefusesImpossibleSizesBeforeItDraws) {
  Generator generator(1);
  EXPECT_EQ(invalid_argument_text([&] { Linear(-1, 2, Bias::no, generator); }),
            "Linear: in_features -1, out_features 2 given; 0 to 2147483647 are wanted");
  EXPECT_EQ(invalid_argument_text([&] { Linear(2, std::int64_t{1} << 31, Bias::no, generator); }),
            "Linear: in_features 2, out_features 2147483648 given; 0 to 2147483647 are wanted");
  EXPECT_EQ(generator.bits32(), Generator(1).bits32());
}

TEST(Linear, RefusesWeightsAndBiasesThatDoNotFit) {
  EXPECT_EQ(invalid_argument_text([] { Linear(Tensor(DType::f32, {6})); }),
            "Linear: weight is f32 [6]; f32 [out_features, in_features] is wanted");
  EXPECT_EQ(invalid_argument_text([] {
              Linear(Tensor(DType::f32, {2, 3}), Tensor(DType::f32, {3}));
            }),
            "Linear: bias is f32 [3]; f32 [2] is wanted");
  Linear layer(Tensor(DType::f32, {2, 3}));
  EXPECT_EQ(invalid_argument_text([&] {
              layer.set_weight(Tensor(DType::f32, {3, 2}).view());
            }),
            "Linear: weight f32 [3, 2] given; f32 [2, 3] is wanted");
}

TEST(Linear, CountsAndNamesItself) {
  Generator generator;
  EXPECT_EQ(Linear(3, 2, Bias::no, generator).parameter_count(), 6);
  EXPECT_EQ(Linear(3, 2, Bias::yes, generator).parameter_count(), 8);
  EXPECT_EQ(Linear(5, 4, Bias::yes, generator).repr(),
            "Linear(in_features=5, out_features=4, bias=True)");
}

}  // namespace
}  // namespace fovea::nn
