// Dropout: what it keeps, draws and refuses. Its drawn masks are in golden_test.cc.
#include "fovea/nn/dropout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error_text.h"

namespace fovea::nn {
namespace {

TEST(Dropout, DrawsNothingForProbabilitiesZeroAndOne) {
  Generator generator(1);
  const Tensor x = Tensor::of<float>({2}, {3, 4});
  EXPECT_THAT(Dropout(0).forward(x, generator).values<float>(), testing::ElementsAre(3, 4));
  EXPECT_THAT(Dropout(1).forward(x, generator).values<float>(), testing::ElementsAre(0, 0));
  EXPECT_EQ(generator.bits32(), Generator(1).bits32());
}

TEST(Dropout, KeepsTheExpectedShare) {
  Generator generator(5);
  const Tensor ones = Tensor::copy_of(Tensor::of<float>({1}, {1}).view().broadcast_to({100000}));
  std::int64_t kept = 0;
  const Tensor dropped = Dropout(0.3).forward(ones, generator);
  for (float value : dropped.values<float>()) kept += value != 0 ? 1 : 0;
  // The deviation of the count is sqrt(1e5 · 0.3 · 0.7) = 145; five of them are allowed.
  EXPECT_NEAR(static_cast<double>(kept), 70000, 725);
}

TEST(Dropout, MultipliesByTheRoundedReciprocal) {
  // 1/0.9f times 3 and 3/0.9f differ in the last bit; torch multiplies.
  Generator generator(0);
  const Tensor x = Tensor::copy_of(Tensor::of<float>({1}, {1.3f}).view().broadcast_to({50}));
  const float kept = 1.3f * (1 / 0.9f);
  const Tensor dropped = Dropout(0.1).forward(x, generator);
  for (float value : dropped.values<float>()) EXPECT_TRUE(value == 0 || value == kept);
}

TEST(Dropout, MakesADroppedInfinityNaN) {
  Generator generator(1);
  const Tensor x = Tensor::of<float>({1}, {std::numeric_limits<float>::infinity()});
  EXPECT_TRUE(std::isnan(Dropout(1).forward(x, generator).values<float>()[0]));
}

TEST(Dropout, RefusesWhatIsNoProbability) {
  EXPECT_EQ(invalid_argument_text([] { Dropout(1.5); }),
            "Dropout: probability 1.5 given; 0 to 1 is wanted");
  EXPECT_EQ(invalid_argument_text([] { Dropout(-0.1); }),
            "Dropout: probability -0.1 given; 0 to 1 is wanted");
  EXPECT_EQ(invalid_argument_text([] { Dropout(std::nan("")); }),
            "Dropout: probability nan given; 0 to 1 is wanted");
}

TEST(Dropout, RefusesOtherTypes) {
  Generator generator;
  EXPECT_EQ(invalid_argument_text(
                [&] { Dropout(0.5).forward(Tensor(DType::i32, {1}).view(), generator); }),
            "Dropout: the input is i32; f32 is wanted");
}

TEST(Dropout, NamesItself) {
  EXPECT_EQ(Dropout(0.5).repr(), "Dropout(p=0.5, inplace=False)");
}

}  // namespace
}  // namespace fovea::nn
