// Root-mean-square normalisation against torch in float64, and what it refuses.
#include "fovea/nn/rms_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error_text.h"
#include "fovea/core/random.h"
#include "nn/nn_goldens.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

TEST(RmsNorm, MatchesTorch) {
  for (const nlohmann::json& golden : nn_goldens().at("norms")) {
    const auto size = golden.at("size").get<std::int64_t>();
    const RmsNorm norm(floats(golden.at("scale"), {size}), golden.at("epsilon").get<double>());
    const Tensor y = norm.forward(floats(golden.at("x"), {4, size}).view());
    const std::vector<double> want = doubles(golden.at("rms_norm"));
    for (std::size_t i = 0; i < want.size(); ++i) {
      // Three roundings, and the golden's ninth digit.
      EXPECT_NEAR(static_cast<double>(y.values<float>()[i]), want[i], 2 * ulp_of(want[i]))
          << "size " << size << " element " << i;
    }
  }
}

TEST(RmsNorm, DividesByTheRootOfTheMeanSquareAndScales) {
  const RmsNorm norm(Tensor::of<float>({2}, {1, 10}), 0);
  // (3 4)/sqrt(12.5)
  const Tensor y = norm.forward(Tensor::of<float>({2}, {3, 4}).view());
  EXPECT_FLOAT_EQ(y.values<float>()[0], 3.0F / std::sqrt(12.5F));
  EXPECT_FLOAT_EQ(y.values<float>()[1], 40.0F / std::sqrt(12.5F));
}

TEST(RmsNorm, SquaresLargeNumbersWithoutOverflow) {
  const RmsNorm norm(Tensor::of<float>({2}, {1, 1}), 1e-5);
  EXPECT_THAT(norm.forward(Tensor::of<float>({2}, {3e38F, -3e38F}).view()).values<float>(),
              testing::ElementsAre(testing::FloatEq(1), testing::FloatEq(-1)));
}

TEST(RmsNorm, GivesARowTheSameBitsAmongManyAndFromAnyStrides) {
  Generator generator(4);
  const RmsNorm norm(randn({37}, generator));
  const Tensor turned = randn({37, 5}, generator);
  const Tensor all = norm.forward(turned.view().permuted({1, 0}));
  for (std::int64_t row = 0; row < 5; ++row) {
    const Tensor one = Tensor::copy_of(turned.view().sliced(1, row, 1).permuted({1, 0}));
    expect_same_bits(norm.forward(one), Tensor::copy_of(all.view().sliced(0, row, 1)));
  }
}

TEST(RmsNorm, RefusesWhatDoesNotFit) {
  EXPECT_EQ(invalid_argument_text([] { RmsNorm(Tensor(DType::f32, {0})); }),
            "RmsNorm: scale is f32 [0]; f32 [size], size at least 1, is wanted");
  EXPECT_EQ(invalid_argument_text([] { RmsNorm(Tensor(DType::f16, {2})); }),
            "RmsNorm: scale is f16 [2]; f32 [size], size at least 1, is wanted");
  EXPECT_EQ(invalid_argument_text(
                [] { RmsNorm(Tensor(DType::f32, {2}), std::numeric_limits<double>::quiet_NaN()); }),
            "RmsNorm: epsilon nan given; a finite number, 0 or more, is wanted");
  const RmsNorm norm(Tensor(DType::f32, {3}));
  EXPECT_EQ(invalid_argument_text([&] {
              norm.forward(Tensor(DType::f64, {2, 3}).view());
            }),
            "RmsNorm: input is f64 [2, 3]; f32 [..., 3] is wanted");
}

}  // namespace
}  // namespace fovea::nn
