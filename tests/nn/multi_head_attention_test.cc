// Heads side by side and split: how they relate to one head. Their figures are in golden_test.cc.
#include "fovea/nn/multi_head_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "core/error_text.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

constexpr CausalAttentionOptions kSmall{.d_in = 3, .d_out = 4, .context_length = 8};

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

// One token past the border `forward` goes through attend, the steps do not. Both sides are means
// of values below 2 (65 weights of up to 3 roundings each, 65 fused products), then projected by
// weights below 1 in size.
TEST(MultiHeadAttention, AgreesWithItsStepsPastTheBorder) {
  constexpr std::int64_t kTokens = kStepTokens + 1;
  Generator generator(9);
  const MultiHeadAttention module({.d_in = 3, .d_out = 4, .context_length = kTokens}, 2, generator);
  const Tensor x = rand({2, kTokens, 3}, generator);
  const AttentionSteps steps = module.steps(x);
  const Tensor joined = Tensor::copy_of(steps.context.view().permuted({0, 2, 1, 3}));
  const TensorView merged(joined.values<float>().data(), Shape{2, kTokens, 4});
  expect_within(module.forward(x), module.out_proj().forward(merged),
                4 * 2 * 4 * kTokens * 0x1p-24);
}

}  // namespace
}  // namespace fovea::nn
