// Sizes: products checked for overflow, strides without gaps.
#include "fovea/core/shape.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error_text.h"

namespace fovea {
namespace {

constexpr std::int64_t kTwoTo32 = std::int64_t{1} << 32;

TEST(Shape, MultipliesItsSizes) {
  EXPECT_EQ((Shape{2, 3, 4}).element_count(), 24);
  EXPECT_EQ(Shape{}.element_count(), 1);
  EXPECT_EQ((Shape{kTwoTo32, kTwoTo32 / 2 - 1}).element_count(), (kTwoTo32 / 2 - 1) * kTwoTo32);
}

TEST(Shape, IsEmptyWhenAnySizeIsZeroHoweverLargeTheOthers) {
  EXPECT_EQ((Shape{kTwoTo32, kTwoTo32, 0}).element_count(), 0);
  EXPECT_EQ((Shape{0, kTwoTo32, kTwoTo32}).element_count(), 0);
}

TEST(Shape, RefusesAProductBeyond63Bits) {
  const auto text = [](const Shape& shape) {
    return invalid_argument_text([&] { shape.element_count(); });
  };
  EXPECT_EQ(text({kTwoTo32, kTwoTo32}),
            "shape: [4294967296, 4294967296] has more elements than 63 bits can count");
  EXPECT_EQ(text({kTwoTo32, kTwoTo32 / 2}),
            "shape: [4294967296, 2147483648] has more elements than 63 bits can count");
}

TEST(Shape, RefusesNegativeSizesEvenBesideZero) {
  EXPECT_EQ(invalid_argument_text([] {
              (Shape{0, -1}).element_count();
            }),
            "shape: [0, -1] has a negative size; sizes are 0 or more");
}

TEST(Shape, RefusesMoreThanTheMostAxes) {
  const std::vector<std::int64_t> sizes(kMaxRank + 1, 1);
  EXPECT_EQ(invalid_argument_text([&] { Shape(std::span<const std::int64_t>(sizes)); }),
            "shape: 9 axes given; at most 8 are supported");
  EXPECT_EQ(Shape(std::span(sizes).first(kMaxRank)).rank(), kMaxRank);
}

TEST(Shape, ComparesRankAndSizes) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
}

TEST(Shape, PrintsInBrackets) {
  EXPECT_EQ(to_string(Shape{2, -3}), "[2, -3]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

TEST(ContiguousStrides, CountElementsRowMajor) {
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Shape{12, 4, 1}));
  EXPECT_EQ(contiguous_strides({}), Shape{});
}

TEST(ContiguousStrides, CountASizeOfZeroAsOne) {
  EXPECT_EQ(contiguous_strides({2, 0, 4}), (Shape{4, 4, 1}));
}

TEST(ContiguousStrides, SurviveHugeSizesBesideZero) {
  EXPECT_EQ(contiguous_strides({kTwoTo32, kTwoTo32, 0})[2], 1);
  EXPECT_NO_THROW(contiguous_strides({kTwoTo32, kTwoTo32, kTwoTo32, 0}));
}

}  // namespace
}  // namespace fovea
