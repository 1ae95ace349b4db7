// Rotary positions against complex multiplication in float64, and what they are made for.
#include "fovea/nn/rope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error_text.h"
#include "fovea/core/random.h"
#include "nn/nn_goldens.h"
#include "nn/same_numbers.h"

namespace fovea::nn {
namespace {

constexpr auto kLayouts = {RopeLayout::half_split, RopeLayout::interleaved};

TEST(Rope, MatchesComplexMultiplication) {
  for (const nlohmann::json& golden : nn_goldens().at("ropes")) {
    const auto size = golden.at("size").get<std::int64_t>();
    const Tensor x = floats(golden.at("x"), {9, size});
    for (const RopeLayout layout : kLayouts) {
      const bool halves = layout == RopeLayout::half_split;
      const Tensor y = Rope(size, golden.at("base").get<double>(), layout, 9).forward(x);
      const std::vector<double> want = doubles(golden.at(halves ? "half_split" : "interleaved"));
      for (std::size_t i = 0; i < want.size(); ++i) {
        // Two products and a sum of numbers below 4.
        EXPECT_NEAR(static_cast<double>(y.values<float>()[i]), want[i], 5 * 4 * 0x1p-24) << i;
      }
    }
  }
}

TEST(Rope, LeavesPositionZeroAsItIs) {
  Generator generator(1);
  const Tensor x = randn({3, 1, 8}, generator);
  for (const RopeLayout layout : kLayouts) {
    expect_same_bits(Rope(8, 10000, layout, 4).forward(x), x);
  }
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
    sum += static_cast<double>(a.values<float>()[i]) * static_cast<double>(b.values<float>()[i]);
  }
  return sum;
}

TEST(Rope, MakesProductsDependOnTheDistanceAlone) {
  Generator generator(2);
  const Tensor query = randn({1, 64}, generator);
  const Tensor key = randn({1, 64}, generator);
  for (const RopeLayout layout : kLayouts) {
    const Rope rope(64, 1e5, layout, 2048);
    const double near = dot(rope.forward(query, 7), rope.forward(key, 3));
    const double far = dot(rope.forward(query, 2007), rope.forward(key, 2003));
    // Each of 64 products below 16 has five roundings.
    EXPECT_NEAR(near, far, 64 * 5 * 16 * 0x1p-24);
    EXPECT_GT(std::abs(near - dot(rope.forward(query, 8), rope.forward(key, 3))), 0.01);
  }
}

TEST(Rope, TurnsATokenTheSameWayWhateverCallItComesIn) {
  Generator generator(3);
  const Tensor x = randn({2, 6, 4}, generator);
  for (const RopeLayout layout : kLayouts) {
    const Rope rope(4, 10000, layout, 10);
    const Tensor all = rope.forward(x, 3);
    for (std::int64_t token = 0; token < 6; ++token) {
      expect_same_bits(rope.forward(x.view().sliced(1, token, 1), 3 + token),
                       Tensor::copy_of(all.view().sliced(1, token, 1)));
    }
  }
}

TEST(Rope, TakesAnyStrides) {
  Generator generator(4);
  const Tensor x = randn({5, 3, 8}, generator);
  const Tensor turned = randn({8, 5}, generator);
  const Rope rope(8, 10000, RopeLayout::half_split, 5);
  const TensorView heads_first = x.view().permuted({1, 0, 2});
  expect_same_bits(rope.forward(heads_first), rope.forward(Tensor::copy_of(heads_first).view()));
  const TensorView columns = turned.view().permuted({1, 0});
  expect_same_bits(rope.forward(columns), rope.forward(Tensor::copy_of(columns).view()));
}

TEST(Rope, RefusesWhatDoesNotFit) {
  const auto refusal = [](std::int64_t size, double base, std::int64_t positions) {
    return invalid_argument_text([&] { Rope(size, base, RopeLayout::half_split, positions); });
  };
  const std::string wanted =
      "; an even size above 0, a finite base above 0 and positions of at least 0 are wanted";
  EXPECT_EQ(refusal(3, 1e4, 1), "Rope: size 3, base 10000.0, positions 1 given" + wanted);
  EXPECT_EQ(refusal(0, 1e4, 1), "Rope: size 0, base 10000.0, positions 1 given" + wanted);
  EXPECT_EQ(refusal(2, 0, 1), "Rope: size 2, base 0.0, positions 1 given" + wanted);
  EXPECT_EQ(refusal(2, 1e4, -1), "Rope: size 2, base 10000.0, positions -1 given" + wanted);
  const Rope rope(2, 1e4, RopeLayout::interleaved, 4);
  const Tensor x(DType::f32, {3, 2});
  EXPECT_EQ(invalid_argument_text([&] { rope.forward(x, 2); }),
            "Rope: 3 tokens from position 2 given; positions 0 to 3 are wanted");
  EXPECT_EQ(invalid_argument_text([&] { rope.forward(x, -1); }),
            "Rope: 3 tokens from position -1 given; positions 0 to 3 are wanted");
  EXPECT_EQ(
      invalid_argument_text([&] { rope.forward(x, std::numeric_limits<std::int64_t>::max()); }),
      "Rope: 3 tokens from position 9223372036854775807 given; positions 0 to 3 are wanted");
  EXPECT_EQ(invalid_argument_text([&] {
              rope.forward(Tensor(DType::f32, {3, 4}).view());
            }),
            "Rope: input is f32 [3, 4]; f32 [..., 2] is wanted");
}

}  // namespace
}  // namespace fovea::nn
