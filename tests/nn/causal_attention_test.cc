// Causal attention: what a token sees, and what training drops. Its figures are in golden_test.cc.
#include "fovea/nn/causal_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "core/error_text.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

constexpr CausalAttentionOptions kSmall{.d_in = 3, .d_out = 4, .context_length = 8};

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

// The printed figures come step by step; attend must agree on the same projections. Outputs are
// means of values below 1: 6 weights and 6 products of them, each rounded once or twice, stay well
// within 1e-6.
TEST(CausalAttention, AgreesWithAttend) {
  Generator generator(123);
  const CausalAttention module({.d_in = 3, .d_out = 2, .context_length = 6}, generator);
  const Tensor x = rand({2, 6, 3}, generator);
  const AttentionSteps steps = module.steps(x);
  const Attended attended =
      attend({.query = steps.query, .key = steps.key, .value = steps.value, .causal = true},
             {.implementation = "reference"});
  expect_within(steps.context, attended.output, 1e-6);
}

// One token past the border `forward` goes through attend, the steps do not. Both sides are means
// of values below 2: 65 weights of up to 3 roundings each and 65 fused products.
TEST(CausalAttention, AgreesWithItsStepsPastTheBorder) {
  constexpr std::int64_t kTokens = kStepTokens + 1;
  Generator generator(9);
  const CausalAttention module({.d_in = 3, .d_out = 4, .context_length = kTokens}, generator);
  const Tensor x = rand({2, kTokens, 3}, generator);
  expect_within(module.forward(x), module.steps(x).context, 2 * 4 * kTokens * 0x1p-24);
}

}  // namespace
}  // namespace fovea::nn
