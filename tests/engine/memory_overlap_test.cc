// Strided arrays that share memory, and such that only seem to.
#include "engine/memory_overlap.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::engine {
namespace {

class MemoryOverlap : public ::testing::Test {
 protected:
  TensorView at(std::size_t first, const Shape& sizes, const Shape& strides) const {
    return {memory_.data() + first, sizes, strides};
  }
  std::vector<float> memory_ = std::vector<float>(1000);
};

TEST_F(MemoryOverlap, SeparateRangesDoNot) {
  EXPECT_FALSE(may_overlap(at(0, {4, 4}, {4, 1}), at(16, {4, 4}, {4, 1})));
  EXPECT_TRUE(may_overlap(at(0, {4, 4}, {4, 1}), at(15, {4, 4}, {4, 1})));
  EXPECT_TRUE(may_overlap(at(0, {4, 4}, {4, 1}), at(0, {4, 4}, {4, 1})));
}

TEST_F(MemoryOverlap, EmptyArraysDoNot) {
  EXPECT_FALSE(may_overlap(at(0, {0, 4}, {4, 1}), at(0, {4, 4}, {4, 1})));
}

TEST_F(MemoryOverlap, HeadsSideBySideDoNot) {
  // [tokens, heads, size] = [5, 3, 8]: two heads of one buffer.
  EXPECT_FALSE(may_overlap(at(0, {5, 8}, {24, 1}), at(8, {5, 8}, {24, 1})));
  EXPECT_FALSE(may_overlap(at(16, {5, 8}, {24, 1}), at(8, {5, 8}, {24, 1})));
  EXPECT_TRUE(may_overlap(at(0, {5, 9}, {24, 1}), at(8, {5, 8}, {24, 1})));
  EXPECT_TRUE(may_overlap(at(16, {5, 9}, {24, 1}), at(0, {5, 8}, {24, 1})));  // into the next row
}

TEST_F(MemoryOverlap, SlotsOfPackedTokensDoNot) {
  // [batch, tokens, 4, heads, size] with sizes 2, 5, 4, 3, 8: slots 0 and 3, as [batch, heads,
  // tokens, size].
  const Shape sizes{2, 3, 5, 8};
  const Shape strides{480, 8, 96, 1};
  EXPECT_FALSE(may_overlap(at(0, sizes, strides), at(72, sizes, strides)));
  EXPECT_TRUE(may_overlap(at(0, sizes, strides), at(20, sizes, strides)));
}

TEST_F(MemoryOverlap, NegativeStridesReachDownwards) {
  EXPECT_TRUE(may_overlap(at(100, {4}, {-10}), at(70, {1}, {1})));
  EXPECT_FALSE(may_overlap(at(100, {4}, {-10}), at(60, {5}, {1})));
}

TEST_F(MemoryOverlap, ElementsOfPermutedAndSpacedViewsAreDistinct) {
  EXPECT_TRUE(elements_are_distinct(at(0, {2, 3, 4}, {12, 4, 1})));
  EXPECT_TRUE(elements_are_distinct(at(0, {2, 3, 4}, {4, 8, 1})));
  EXPECT_TRUE(elements_are_distinct(at(20, {3, 4}, {-4, 1})));
  EXPECT_TRUE(elements_are_distinct(at(0, {1, 4}, {0, 1})));  // a stride that is never taken
}

TEST_F(MemoryOverlap, ElementsOfBroadcastAndSlidingViewsAreNot) {
  EXPECT_FALSE(elements_are_distinct(at(0, {2, 4}, {0, 1})));
  EXPECT_FALSE(elements_are_distinct(at(0, {2, 4}, {3, 1})));
  EXPECT_FALSE(elements_are_distinct(at(0, {2, 2}, {1, 1})));
}

}  // namespace
}  // namespace fovea::engine
