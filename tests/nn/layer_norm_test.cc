// Layer normalisation against torch in float64, and what it refuses.
#include "fovea/nn/layer_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error_text.h"
#include "fovea/core/random.h"
#include "nn/nn_goldens.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

TEST(LayerNorm, MatchesTorch) {
  for (const nlohmann::json& golden : nn_goldens().at("norms")) {
    const auto size = golden.at("size").get<std::int64_t>();
    const LayerNorm norm(floats(golden.at("scale"), {size}), floats(golden.at("shift"), {size}),
                         golden.at("epsilon").get<double>());
    const Tensor y = norm.forward(floats(golden.at("x"), {4, size}).view());
    const std::vector<double> want = doubles(golden.at("layer_norm"));
    for (std::size_t i = 0; i < want.size(); ++i) {
      // Six roundings of numbers that are below 8 in magnitude, shift included.
      EXPECT_NEAR(static_cast<double>(y.values<float>()[i]), want[i], 6 * 8 * 0x1p-24)
          << "size " << size << " element " << i;
    }
  }
}

TEST(LayerNorm, HasScaleOneAndShiftZeroUnlessGiven) {
  const LayerNorm norm(2, 0);
  EXPECT_THAT(norm.forward(Tensor::of<float>({2, 2}, {3, 5, -1, -2}).view()).values<float>(),
              testing::ElementsAre(-1, 1, 1, -1));
  EXPECT_EQ(norm.epsilon(), 0);
  EXPECT_EQ(LayerNorm(2).epsilon(), 1e-5);
}

TEST(LayerNorm, GivesARowTheSameBitsAmongManyAndFromAnyStrides) {
  Generator generator(4);
  const LayerNorm norm(randn({37}, generator), randn({37}, generator), 1e-5);
  const Tensor turned = randn({37, 5}, generator);
  const Tensor all = norm.forward(turned.view().permuted({1, 0}));
  for (std::int64_t row = 0; row < 5; ++row) {
    const Tensor one = Tensor::copy_of(turned.view().sliced(1, row, 1).permuted({1, 0}));
    expect_same_bits(norm.forward(one), Tensor::copy_of(all.view().sliced(0, row, 1)));
  }
}

TEST(LayerNorm, TakesViewsWithGapsBetweenRows) {
  Generator generator(5);
  const LayerNorm norm(16);
  const Tensor x = randn({3, 4, 32}, generator);
  const TensorView part = x.view().sliced(2, 8, 16).permuted({1, 0, 2});
  expect_same_bits(norm.forward(part), norm.forward(Tensor::copy_of(part).view()));
}

TEST(LayerNorm, KeepsNanInItsRow) {
  Tensor x(DType::f32, {2, 4});
  x.values<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = LayerNorm(4).forward(x);
  EXPECT_THAT(y.values<float>().first(4), testing::Each(testing::IsNan()));
  EXPECT_THAT(y.values<float>().last(4), testing::Each(0.0F));
}

TEST(LayerNorm, TakesNoRows) {
  EXPECT_EQ(LayerNorm(4).forward(Tensor(DType::f32, {0, 4}).view()).shape(), (Shape{0, 4}));
}

TEST(LayerNorm, RefusesWhatDoesNotFit) {
  EXPECT_EQ(invalid_argument_text([] { LayerNorm(0); }),
            "LayerNorm: size 0 given; at least 1 is wanted");
  EXPECT_EQ(invalid_argument_text([] { LayerNorm(3, -1); }),
            "LayerNorm: epsilon -1.0 given; a finite number, 0 or more, is wanted");
  EXPECT_EQ(invalid_argument_text([] { LayerNorm(3, std::numeric_limits<double>::infinity()); }),
            "LayerNorm: epsilon inf given; a finite number, 0 or more, is wanted");
  EXPECT_EQ(
      invalid_argument_text([] { LayerNorm(Tensor(DType::f32, {3}), Tensor(DType::f32, {4})); }),
      "LayerNorm: shift is f32 [4]; f32 [3] is wanted");
  EXPECT_EQ(invalid_argument_text([] {
              LayerNorm(Tensor(DType::f32, {3, 1}), Tensor(DType::f32, {3}));
            }),
            "LayerNorm: scale is f32 [3, 1]; f32 [size], size at least 1, is wanted");
  EXPECT_EQ(invalid_argument_text([] {
              LayerNorm(3).forward(Tensor(DType::f32, {2, 4}).view());
            }),
            "LayerNorm: input is f32 [2, 4]; f32 [..., 3] is wanted");
  EXPECT_EQ(invalid_argument_text([] { LayerNorm(3).forward(TensorView()); }),
            "LayerNorm: input is missing []; f32 [..., 3] is wanted");
}

}  // namespace
}  // namespace fovea::nn
