// The two small modules: what holds between them, and what they refuse. Their figures are in
// golden_test.cc.
#include "fovea/nn/self_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "core/error_text.h"
#include "fovea/nn/steps.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

// At one token past the border `forward` goes through attend, the steps do not. Both sides are
// means of values below 2: 65 weights of up to 3 roundings each and 65 fused products.
constexpr std::int64_t kPastBorder = kStepTokens + 1;
constexpr double kBorderTolerance = 2 * 4 * 65 * 0x1p-24;

TEST(TinySelfAttention, GivesTheSameBitsAfterATransferInEitherDirection) {
  Generator generator(1);
  TinySelfAttentionQKV plain(3, 2, generator);
  TinySelfAttentionQKVLinear linear(3, 2, generator);
  const Tensor x = randn({6, 3}, generator);
  linear.set_weights(plain);
  expect_same_bits(plain.forward(x), linear.forward(x));
  TinySelfAttentionQKV other(3, 2, generator);
  other.set_weights(linear);
  expect_same_bits(plain.forward(x), other.forward(x));
}

TEST(TinySelfAttention, RefusesWeightsOfAnotherSizeAndChangesNothing) {
  Generator generator(1);
  TinySelfAttentionQKV plain(3, 2, generator);
  const TinySelfAttentionQKVLinear wider(3, 4, generator);
  const Tensor before = Tensor::copy_of(plain.key_weight());
  EXPECT_EQ(invalid_argument_text([&] { plain.set_weights(wider); }),
            "set_weights: weights [4, 3] given; [3, 2], transposed, are wanted");
  expect_same_bits(before, Tensor::copy_of(plain.key_weight()));
  const TinySelfAttentionQKVLinear biased(3, 2, generator, Bias::yes);
  EXPECT_EQ(invalid_argument_text([&] { plain.set_weights(biased); }),
            "set_weights: layers with biases given; layers without are wanted");
}

TEST(TinySelfAttention, RefusesInputsOfAnotherSize) {
  Generator generator(1);
  const TinySelfAttentionQKV plain(3, 2, generator);
  const TinySelfAttentionQKVLinear linear(3, 2, generator);
  const Tensor x(DType::f32, {6, 4});
  EXPECT_EQ(invalid_argument_text([&] { plain.forward(x); }),
            "TinySelfAttentionQKV: input is f32 [6, 4]; f32 [..., tokens, 3] is wanted");
  EXPECT_EQ(invalid_argument_text([&] { linear.steps(x.view().sliced(0, 0, 1)); }),
            "TinySelfAttentionQKVLinear: input is f32 [1, 4]; f32 [..., tokens, 3] is wanted");
}

TEST(TinySelfAttention, ShowsTheStepsOfWhatItReturns) {
  Generator generator(2);
  const TinySelfAttentionQKVLinear module(3, 2, generator);
  const Tensor x = randn({5, 3}, generator);
  const AttentionSteps steps = module.steps(x);
  EXPECT_EQ(steps.query.shape(), (Shape{5, 2}));
  EXPECT_EQ(steps.weights.shape(), (Shape{5, 5}));
  expect_same_bits(steps.context, module.forward(x));
  expect_same_bits(steps.context, matmul(steps.weights, steps.value));
}

TEST(TinySelfAttention, TakesNoTokens) {
  Generator generator(2);
  const TinySelfAttentionQKVLinear module(3, 2, generator);
  EXPECT_EQ(module.forward(Tensor(DType::f32, {0, 3}).view()).shape(), (Shape{0, 2}));
}

TEST(TinySelfAttention, AgreesWithItsStepsPastTheBorder) {
  Generator generator(9);
  const TinySelfAttentionQKVLinear module(3, 4, generator);
  const Tensor x = rand({2, kPastBorder, 3}, generator);
  expect_within(module.forward(x), module.steps(x).context, kBorderTolerance);
}

}  // namespace
}  // namespace fovea::nn
