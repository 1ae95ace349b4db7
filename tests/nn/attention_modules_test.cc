// The notebooks' attention modules: what holds between them, and what they refuse. Their figures
// are in golden_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error_text.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/multi_head_attention.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"

namespace fovea::nn {
namespace {

constexpr CausalAttentionOptions kSmall{.d_in = 3, .d_out = 4, .context_length = 8};

void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes()));
}

void expect_within(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
    ASSERT_NEAR(a.values<float>()[i], b.values<float>()[i], tolerance) << i;
  }
}

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

TEST(CausalAttention, DoesNotLookAhead) {
  Generator generator(3);
  const CausalAttention module(kSmall, generator);
  Tensor x = randn({6, 3}, generator);
  const Tensor before = module.forward(x);
  x.values<float>().last(3)[0] = 100;
  const Tensor after = module.forward(x);
  EXPECT_TRUE(
      std::ranges::equal(before.values<float>().first(20), after.values<float>().first(20)));
  EXPECT_FALSE(std::ranges::equal(before.values<float>().last(4), after.values<float>().last(4)));
}

TEST(CausalAttention, TreatsEveryBatchEntryAlone) {
  Generator generator(3);
  const CausalAttention module(kSmall, generator);
  const Tensor x = randn({2, 6, 3}, generator);
  const Tensor both = module.forward(x);
  const Tensor second = module.forward(Tensor::copy_of(x.view().sliced(0, 1, 1)).view());
  EXPECT_TRUE(std::ranges::equal(both.values<float>().last(24), second.values<float>()));
}

TEST(CausalAttention, RefusesMoreTokensThanItsContext) {
  Generator generator(3);
  const CausalAttention module(kSmall, generator);
  const Tensor x(DType::f32, {9, 3});
  EXPECT_EQ(invalid_argument_text([&] { module.forward(x); }),
            "CausalAttention: 9 tokens given; at most 8 (the context length) are wanted");
}

TEST(CausalAttention, DropsWeightsInTrainingOnly) {
  CausalAttentionOptions options = kSmall;
  options.dropout = 0.5;
  Generator generator(3);
  const CausalAttention module(options, generator);
  const Tensor x = randn({6, 3}, generator);
  const AttentionSteps evaluated = module.steps(x);
  generator.manual_seed(7);
  const AttentionSteps trained = module.steps(x, generator);
  generator.manual_seed(7);
  const Tensor wanted = Dropout(0.5).forward(evaluated.weights, generator);
  expect_same_bits(trained.weights, wanted);
  expect_same_bits(trained.context, matmul(wanted, trained.value));
}

TEST(MultiHeadAttentionWrapper, PutsItsHeadsSideBySide) {
  Generator generator(5);
  const MultiHeadAttentionWrapper module(kSmall, 3, generator);
  const Tensor x = randn({2, 6, 3}, generator);
  const Tensor joined = module.forward(x);
  ASSERT_EQ(joined.shape(), (Shape{2, 6, 12}));
  for (int head = 0; head < 3; ++head) {
    const Tensor part = Tensor::copy_of(joined.view().sliced(2, head * 4, 4));
    expect_same_bits(part, module.heads()[static_cast<std::size_t>(head)].forward(x));
  }
}

TEST(MultiHeadAttentionWrapper, WantsAHead) {
  Generator generator(5);
  EXPECT_EQ(invalid_argument_text([&] { MultiHeadAttentionWrapper(kSmall, 0, generator); }),
            "MultiHeadAttentionWrapper: 0 heads given; at least 1 is wanted");
}

TEST(MultiHeadAttention, WithOneHeadIsCausalAttentionThroughItsOutputProjection) {
  Generator generator(5);
  const MultiHeadAttention module(kSmall, 1, generator);
  Generator same(5);
  const CausalAttention single(kSmall, same);
  Generator inputs(6);
  const Tensor x = randn({2, 6, 3}, inputs);
  expect_same_bits(module.forward(x), module.out_proj().forward(single.forward(x).view()));
}

TEST(MultiHeadAttention, SplitsItsProjectionsIntoHeads) {
  Generator generator(5);
  const MultiHeadAttention module(kSmall, 2, generator);
  const Tensor x = randn({6, 3}, generator);
  const AttentionSteps steps = module.steps(x);
  EXPECT_EQ(steps.query.shape(), (Shape{2, 6, 2}));
  EXPECT_EQ(steps.weights.shape(), (Shape{2, 6, 6}));
  const Tensor projected = module.query().forward(x);
  EXPECT_EQ(steps.query.view().at<float>(1, 4, 0), projected.view().at<float>(4, 2));
}

TEST(MultiHeadAttention, RefusesHeadsThatDoNotDivideItsSize) {
  Generator generator(5);
  EXPECT_EQ(invalid_argument_text([&] { MultiHeadAttention(kSmall, 3, generator); }),
            "MultiHeadAttention: 3 heads for d_out 4; heads must divide d_out");
  EXPECT_EQ(invalid_argument_text([&] { MultiHeadAttention(kSmall, 0, generator); }),
            "MultiHeadAttention: 0 heads for d_out 4; heads must divide d_out");
}

TEST(MultiHeadAttention, DrawsDropoutOverAllHeads) {
  CausalAttentionOptions options = kSmall;
  options.dropout = 0.5;
  Generator generator(5);
  const MultiHeadAttention module(options, 2, generator);
  const Tensor x = randn({2, 6, 3}, generator);
  const AttentionSteps evaluated = module.steps(x);
  generator.manual_seed(7);
  const AttentionSteps trained = module.steps(x, generator);
  generator.manual_seed(7);
  expect_same_bits(trained.weights, Dropout(0.5).forward(evaluated.weights, generator));
}

// The printed figures come step by step; attend must agree on the same projections. Outputs are
// means of values below 1: 6 weights and 6 products of them, each rounded once or twice, stay well
// within 1e-6.
TEST(AttentionModules, AgreeWithAttend) {
  Generator generator(123);
  const CausalAttention module({.d_in = 3, .d_out = 2, .context_length = 6}, generator);
  const Tensor x = rand({2, 6, 3}, generator);
  const AttentionSteps steps = module.steps(x);
  const Attended attended =
      attend({.query = steps.query, .key = steps.key, .value = steps.value, .causal = true},
             {.implementation = "reference"});
  expect_within(steps.context, attended.output, 1e-6);
}

// One token past the border, `forward` goes through attend; the steps do not.
TEST(AttentionModules, AgreeWithTheirStepsPastTheBorder) {
  constexpr std::int64_t kTokens = kStepTokens + 1;
  Generator generator(9);
  const Tensor x = rand({2, kTokens, 3}, generator);
  const CausalAttentionOptions options{.d_in = 3, .d_out = 4, .context_length = kTokens};
  const TinySelfAttentionQKVLinear plain(3, 4, generator);
  const CausalAttention causal(options, generator);
  const MultiHeadAttention split(options, 2, generator);
  // Both sides are means of values below 2: 65 weights of 3 roundings each and 65 fused products, 2
  // · 4 · 65 · 2^-24 = 3.1e-5 at worst and 100 times less as it falls out.
  constexpr double kTolerance = 2 * 4 * 65 * 0x1p-24;
  expect_within(plain.forward(x), plain.steps(x).context, kTolerance);
  expect_within(causal.forward(x), causal.steps(x).context, kTolerance);
  const AttentionSteps steps = split.steps(x);
  const Tensor joined = Tensor::copy_of(steps.context.view().permuted({0, 2, 1, 3}));
  const TensorView merged(joined.values<float>().data(), Shape{2, kTokens, 4});
  expect_within(split.forward(x), split.out_proj().forward(merged), kTolerance);
}

}  // namespace
}  // namespace fovea::nn
