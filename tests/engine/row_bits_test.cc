// A row's bits depend on its query and its visible keys and values alone.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine/conformance.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::Problem;
using conformance::Sizes;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.bytes().size() == b.bytes().size() &&
         std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin());
}

void expect_same_bits(const Attended& a, const Attended& b, const std::string& what) {
  EXPECT_TRUE(same_bits(a.output, b.output)) << what << ": output";
  EXPECT_TRUE(same_bits(a.log_sum_exp, b.log_sum_exp)) << what << ": log-sum-exp";
  EXPECT_TRUE(same_bits(a.row_max, b.row_max)) << what << ": max";
  EXPECT_TRUE(same_bits(a.row_sum, b.row_sum)) << what << ": sum";
}

// Keep and bias that say what `visible` says, [queries, keys].
struct Masks {
  Tensor keep;
  Tensor bias;

  template <typename Visible>
  Masks(std::int64_t queries, std::int64_t keys, Visible visible)
      : keep(DType::boolean, {queries, keys}), bias(DType::f32, {queries, keys}) {
    for (std::int64_t i = 0; i < queries; ++i) {
      for (std::int64_t j = 0; j < keys; ++j) {
        const auto at = static_cast<std::size_t>(i * keys + j);
        keep.values<bool>()[at] = visible(i, j);
        bias.values<float>()[at] = visible(i, j) ? 0 : -kInfinity;
      }
    }
  }
};

TEST(RowBits, HoweverAPrefixIsStated) {
  constexpr std::int64_t kKeys = 300;
  for (std::int64_t length : {1, 100, 127, 128, 129, 256, 299}) {
    const Problem problem({.sizes = {.queries = 3, .keys = kKeys}});
    const Masks masks(3, kKeys, [&](std::int64_t, std::int64_t j) { return j < length; });
    Attention fewer = problem.attention;
    fewer.key = fewer.key.sliced(2, 0, length);
    fewer.value = fewer.value.sliced(2, 0, length);
    const Attended expected = attend(fewer);

    const std::string what = std::to_string(length) + " keys by ";
    Attention by_keep = problem.attention;
    by_keep.keep = masks.keep;
    expect_same_bits(attend(by_keep), expected, what + "keep");
    Attention by_bias = problem.attention;
    by_bias.bias = masks.bias;
    expect_same_bits(attend(by_bias), expected, what + "bias");
    const Tensor lengths = Tensor::of<std::int64_t>({1}, {length});
    Attention by_length = problem.attention;
    by_length.key_lengths = lengths;
    expect_same_bits(attend(by_length), expected, what + "length");
  }
}

TEST(RowBits, HoweverACausalTriangleIsStated) {
  constexpr std::int64_t kTokens = 150;
  const Problem problem({.sizes = {.queries = kTokens, .keys = kTokens}});
  const Masks masks(kTokens, kTokens, [](std::int64_t i, std::int64_t j) { return j <= i; });
  Attention causal = problem.attention;
  causal.causal = true;
  const Attended expected = attend(causal);
  Attention by_window = problem.attention;
  by_window.window.right = 0;
  expect_same_bits(attend(by_window), expected, "window");
  Attention by_keep = problem.attention;
  by_keep.keep = masks.keep;
  expect_same_bits(attend(by_keep), expected, "keep");
  Attention by_bias = problem.attention;
  by_bias.bias = masks.bias;
  expect_same_bits(attend(by_bias), expected, "bias");
}

TEST(RowBits, HoweverABandIsStated) {
  constexpr std::int64_t kKeys = 400;
  const Problem problem({.sizes = {.queries = 40, .keys = kKeys}});
  const Masks masks(40, kKeys, [](std::int64_t i, std::int64_t j) {
    return j >= i + 360 - 200 && j <= i + 360 - 3;
  });
  Attention by_window = problem.attention;
  by_window.window = {.left = 200, .right = 0};
  by_window.diagonal = Diagonal::at(357);
  by_window.window.left = 197;
  const Attended expected = attend(by_window);
  Attention by_keep = problem.attention;
  by_keep.keep = masks.keep;
  expect_same_bits(attend(by_keep), expected, "keep");
  Attention by_bias = problem.attention;
  by_bias.bias = masks.bias;
  expect_same_bits(attend(by_bias), expected, "bias");
}

TEST(RowBits, ForEachQueryAloneAsAmongOthers) {
  const Problem problem({.sizes = {.queries = 37, .keys = 300}});
  Attention attention = problem.attention;
  attention.causal = true;
  const Attended all = attend(attention);
  for (std::int64_t i = 0; i < 37; ++i) {
    Attention one = attention;
    one.query = one.query.sliced(2, i, 1);
    one.diagonal = Diagonal::at(300 - 37 + i);
    const Attended alone = attend(one);
    EXPECT_EQ(0, std::memcmp(alone.output.bytes().data(),
                             all.output.values<float>().data() + i * 16, 16 * sizeof(float)))
        << i;
    EXPECT_EQ(alone.log_sum_exp.values<float>()[0],
              all.log_sum_exp.values<float>()[static_cast<std::size_t>(i)]);
  }
}

TEST(RowBits, ForGroupedHeadsAsForRepeatedKeys) {
  const Problem problem({.sizes = {.batch = 2, .query_heads = 6, .key_heads = 2}});
  Attention repeated = problem.attention;
  // [B, 2, keys, size] seen as [B, 2, 3, keys, size] and then as 6 heads would need a copy: one
  // head at a time.
  const Attended grouped = attend(problem.attention);
  for (std::int64_t h = 0; h < 6; ++h) {
    repeated.query = problem.attention.query.sliced(1, h, 1);
    repeated.key = problem.attention.key.sliced(1, h / 3, 1);
    repeated.value = problem.attention.value.sliced(1, h / 3, 1);
    const Attended one = attend(repeated);
    for (std::int64_t b = 0; b < 2; ++b) {
      const float* in_group = grouped.output.values<float>().data() + (b * 6 + h) * 7 * 16;
      const float* alone = one.output.values<float>().data() + b * 7 * 16;
      EXPECT_EQ(0, std::memcmp(in_group, alone, 7 * 16 * sizeof(float))) << b << h;
    }
  }
}

TEST(RowBits, ForAnyStridesAndAlignment) {
  const Sizes sizes{.batch = 2, .query_heads = 4, .key_heads = 2};
  const Problem problem({.sizes = sizes});
  const Attended expected = attend(problem.attention);
  std::vector<Tensor> copies;
  // The same numbers, one float further (aligned to 4 bytes only), rows 5 numbers apart from their
  // end.
  const auto moved = [&](const TensorView& view) {
    Tensor& tensor = copies.emplace_back(DType::f32, Shape{view.element_count() * 3 + 1});
    const std::int64_t row = view.size(3) + 5;
    const Shape strides{view.size(1) * view.size(2) * row, view.size(2) * row, row, 1};
    float* data = tensor.values<float>().data() + 1;
    for (std::int64_t b = 0; b < view.size(0); ++b)
      for (std::int64_t h = 0; h < view.size(1); ++h)
        for (std::int64_t t = 0; t < view.size(2); ++t)
          for (std::int64_t d = 0; d < view.size(3); ++d)
            data[b * strides[0] + h * strides[1] + t * row + d] = view.at<float>(b, h, t, d);
    return TensorView(data, view.shape(), strides);
  };
  Attention elsewhere;
  elsewhere.query = moved(problem.attention.query);
  elsewhere.key = moved(problem.attention.key);
  elsewhere.value = moved(problem.attention.value);
  expect_same_bits(attend(elsewhere), expected, "strided");
}

TEST(RowBits, IntoStridedMemoryAsIntoOwn) {
  const Problem problem({.sizes = {.batch = 2, .query_heads = 3, .key_heads = 3}});
  const Attended expected = attend(problem.attention);
  Tensor memory(DType::f32, {2, 7, 3, 16});  // [batch, tokens, heads, size]
  const MutableTensorView output(memory.values<float>().data(), {2, 3, 7, 16},
                                 {7 * 3 * 16, 16, 3 * 16, 1});
  attend_into(problem.attention, {.output = output});
  for (std::int64_t b = 0; b < 2; ++b)
    for (std::int64_t h = 0; h < 3; ++h)
      for (std::int64_t t = 0; t < 7; ++t)
        for (std::int64_t c = 0; c < 16; ++c)
          ASSERT_EQ(output.at<float>(b, h, t, c), expected.output.view().at<float>(b, h, t, c));
}

TEST(RowBits, WithAnyFloatModeOfTheCallerAndItIsGivenBack) {
#if defined(__SSE__)
  const Problem problem({.sizes = {.queries = 17, .keys = 129}});
  const Attended expected = attend(problem.attention);
  const unsigned before = __builtin_ia32_stmxcsr();
  const unsigned odd =
      0x1F80 | 0x8000 | 0x0040 | 0x6000;  // flush to zero, subnormals as zero, round to zero
  __builtin_ia32_ldmxcsr(odd);
  const Attended actual = attend(problem.attention);
  const unsigned after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before);
  EXPECT_EQ(after & ~0x3FU, odd);  // but for the flags of what has happened
  expect_same_bits(actual, expected, "float mode");
#else
  GTEST_SKIP() << "no MXCSR here";
#endif
}

}  // namespace
}  // namespace fovea
