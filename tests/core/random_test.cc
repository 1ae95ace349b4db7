// The generator: what its state keeps and what it forgets. The drawn numbers themselves are in
// tests/nn/golden_test.cc.
#include "fovea/core/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea {
namespace {

std::vector<float> floats(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

TEST(Generator, IsMt19937) {
  // The 10,000th output from seed 5489, as the C++ standard and the authors state it.
  Generator generator(5489);
  for (int i = 1; i < 10000; ++i) generator.bits32();
  EXPECT_EQ(generator.bits32(), 4123659995u);
}

TEST(Generator, UsesTheLower32BitsOfTheSeed) {
  Generator small(5);
  Generator large((std::uint64_t{7} << 32) + 5);
  EXPECT_EQ(small.bits32(), large.bits32());
}

TEST(Generator, KeepsTheSecondNormalAcrossOtherDraws) {
  Generator together(1);
  const std::vector<float> pair = floats(randn({2}, together));
  Generator apart(1);
  const float first = floats(randn({1}, apart))[0];
  rand({3}, apart);
  const float second = floats(randn({1}, apart))[0];
  EXPECT_EQ(first, pair[0]);
  EXPECT_EQ(second, pair[1]);
}

TEST(Generator, DropsTheKeptNormalWhenSeeded) {
  Generator generator(1);
  const float first = floats(randn({1}, generator))[0];
  generator.manual_seed(1);
  EXPECT_EQ(floats(randn({1}, generator))[0], first);
}

TEST(Generator, KeepsTheSecondNormalAcrossALargeRandn) {
  Generator generator(1);
  const std::vector<float> pair = floats(randn({2}, generator));
  generator.manual_seed(1);
  randn({1}, generator);
  randn({16}, generator);
  EXPECT_EQ(floats(randn({1}, generator))[0], pair[1]);
}

TEST(Generator, GoesOnFromACopy) {
  Generator generator(9);
  randn({3}, generator);
  Generator copy = generator;
  EXPECT_EQ(floats(randn({5}, copy)), floats(randn({5}, generator)));
}

TEST(Rand, LiesInTheHalfOpenUnitInterval) {
  Generator generator(3);
  const std::vector<float> values = floats(rand({100, 100}, generator));
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 0.0f);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 1.0f);
  for (float value : values) ASSERT_EQ(value * 0x1p24f, std::floor(value * 0x1p24f));
}

TEST(Uniform, RoundsOnce) {
  Generator generator(3);
  Generator same(3);
  const std::vector<float> unit = floats(rand({1000}, generator));
  const std::vector<float> values = floats(uniform({1000}, -0.3f, 1.7f, same));
  const float range = 1.7f - -0.3f;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // The product of 24 by 24 bits and its sum with low are exact in double.
    const double exact =
        static_cast<double>(unit[i]) * static_cast<double>(range) + static_cast<double>(-0.3f);
    ASSERT_EQ(values[i], static_cast<float>(exact)) << i;
  }
}

TEST(Randn, DrawsTheLastSixteenAnewWhenTheyAreNotAGroup) {
  Generator generator(4);
  const std::vector<float> whole = floats(randn({32}, generator));
  generator.manual_seed(4);
  const std::vector<float> ragged = floats(randn({33}, generator));
  const auto equal = static_cast<std::size_t>(
      std::mismatch(whole.begin(), whole.end(), ragged.begin()).first - whole.begin());
  EXPECT_EQ(equal, 17u);
}

TEST(Randn, HasMeanZeroAndVarianceOne) {
  // 10^6 draws: the mean's deviation is 0.001, the variance's sqrt(2)/1000; five of each are
  // allowed.
  Generator generator(11);
  double sum = 0;
  double squares = 0;
  for (float value : floats(randn({1000000}, generator))) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_NEAR(sum / 1e6, 0, 0.005);
  EXPECT_NEAR(squares / 1e6, 1, 0.0071);
}

TEST(Draws, TakeNothingForEmptyTensors) {
  Generator generator(6);
  rand({0, 3}, generator);
  randn({0}, generator);
  EXPECT_EQ(generator.bits32(), Generator(6).bits32());
}

}  // namespace
}  // namespace fovea
