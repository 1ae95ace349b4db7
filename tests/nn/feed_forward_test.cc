// The book's feed-forward part against torch's.
#include "fovea/nn/feed_forward.h"

#include <gtest/gtest.h>

#include "core/error_text.h"
#include "nn/nn_goldens.h"

namespace fovea::nn {
namespace {

TEST(FeedForward, DrawsAndComputesWhatTorchDoes) {
  const nlohmann::json& golden = nn_goldens().at("feed_forward");
  Generator generator(123);
  const FeedForward layer(5, generator);
  const Tensor x = rand({3, 5}, generator);
  const Tensor y = layer.forward(x);
  const std::vector<double> want = doubles(golden.at("y"));
  EXPECT_EQ(y.shape(), (Shape{3, 5}));
  for (std::size_t i = 0; i < want.size(); ++i) {
    // Weights, inputs and the middle are below 1: 7 and 22 roundings of numbers below 2 and 4.
    EXPECT_NEAR(static_cast<double>(y.values<float>()[i]), want[i], 30 * 0x1p-24) << i;
  }
}

TEST(FeedForward, IsFourTimesAsWideInside) {
  Generator generator;
  const FeedForward layer(6, generator);
  EXPECT_EQ(layer.in().out_features(), 24);
  EXPECT_EQ(layer.out().in_features(), 24);
  EXPECT_TRUE(layer.in().has_bias() && layer.out().has_bias());
}

TEST(FeedForward, RefusesSizesWhoseFourfoldDoesNotFit) {
  Generator generator;
  EXPECT_EQ(invalid_argument_text([&] { FeedForward(std::int64_t{1} << 62, generator); }),
            "FeedForward: size 4611686018427387904 given; 0 to 536870911 are wanted");
  EXPECT_EQ(invalid_argument_text([&] { FeedForward(-1, generator); }),
            "FeedForward: size -1 given; 0 to 536870911 are wanted");
}

}  // namespace
}  // namespace fovea::nn
