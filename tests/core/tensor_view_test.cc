// Views: the same elements in other orders, parts and shapes, and what is refused.
#include "fovea/core/tensor_view.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "core/error_text.h"

namespace fovea {
namespace {

class TensorViewOf24 : public testing::Test {
 protected:
  TensorViewOf24() { std::iota(data_.begin(), data_.end(), 0.0f); }

  std::array<float, 24> data_;
  TensorView view_{data_.data(), {2, 3, 4}};
};

TEST_F(TensorViewOf24, FindsElementsByTheirStrides) {
  EXPECT_EQ(view_.at<float>(0, 0, 0), 0);
  EXPECT_EQ(view_.at<float>(1, 2, 3), 23);
  EXPECT_EQ(TensorView(data_.data(), {4, 3}, {1, 4}).at<float>(3, 2), 11);
}

TEST_F(TensorViewOf24, FollowsNegativeStrides) {
  EXPECT_EQ(TensorView(data_.data() + 3, {4}, {-1}).at<float>(3), 0);
}

TEST_F(TensorViewOf24, PermutesAxes) {
  const TensorView turned = view_.permuted({2, 0, 1});
  EXPECT_EQ(turned.shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(turned.at<float>(3, 1, 2), view_.at<float>(1, 2, 3));
  EXPECT_FALSE(turned.is_contiguous());
  EXPECT_TRUE(turned.permuted({1, 2, 0}).is_contiguous());
}

TEST_F(TensorViewOf24, RefusesWhatIsNoPermutation) {
  const auto text = [&](const Shape& order) {
    return invalid_argument_text([&] { view_.permuted(order); });
  };
  EXPECT_EQ(text({0, 1}), "tensor view: [0, 1] is not an order of the 3 axes");
  EXPECT_EQ(text({0, 1, 1}), "tensor view: [0, 1, 1] is not an order of the 3 axes");
  EXPECT_EQ(text({0, 1, 3}), "tensor view: [0, 1, 3] is not an order of the 3 axes");
  EXPECT_EQ(text({-1, 1, 2}), "tensor view: [-1, 1, 2] is not an order of the 3 axes");
}

TEST_F(TensorViewOf24, SlicesAnAxis) {
  const TensorView part = view_.sliced(1, 1, 2);
  EXPECT_EQ(part.shape(), (Shape{2, 2, 4}));
  EXPECT_EQ(part.at<float>(0, 0, 0), 4);
  EXPECT_EQ(part.at<float>(1, 1, 3), 23);
}

TEST_F(TensorViewOf24, SlicesNothingAtTheEnd) {
  EXPECT_EQ(view_.sliced(1, 3, 0).element_count(), 0);
}

TEST_F(TensorViewOf24, RefusesSlicesThatAreNotThere) {
  const auto text = [&](int axis, std::int64_t first, std::int64_t count) {
    return invalid_argument_text([&] { view_.sliced(axis, first, count); });
  };
  EXPECT_EQ(text(1, 2, 2), "tensor view: 2 entries of axis 1 from 2 are not in [2, 3, 4]");
  EXPECT_EQ(text(1, -1, 2), "tensor view: 2 entries of axis 1 from -1 are not in [2, 3, 4]");
  EXPECT_EQ(text(3, 0, 1), "tensor view: 1 entries of axis 3 from 0 are not in [2, 3, 4]");
  EXPECT_EQ(text(0, 1, INT64_MAX),
            "tensor view: 9223372036854775807 entries of axis 0 from 1 are not in [2, 3, 4]");
  EXPECT_EQ(text(0, 0, -1), "tensor view: -1 entries of axis 0 from 0 are not in [2, 3, 4]");
}

TEST_F(TensorViewOf24, BroadcastsByNumpysRule) {
  const TensorView column(data_.data(), {3, 1});
  const TensorView wide = column.broadcast_to({5, 3, 4});
  EXPECT_EQ(wide.shape(), (Shape{5, 3, 4}));
  EXPECT_EQ(wide.strides(), (Shape{0, 1, 0}));
  EXPECT_EQ(wide.at<float>(4, 2, 3), 2);
}

TEST_F(TensorViewOf24, BroadcastsANumberToAnyShape) {
  const TensorView number(data_.data() + 7, Shape{});
  EXPECT_EQ(number.broadcast_to({2, 2}).at<float>(1, 1), 7);
}

TEST_F(TensorViewOf24, BroadcastsASizeOfOneToZero) {
  EXPECT_EQ(TensorView(data_.data(), {1, 4}).broadcast_to({0, 4}).element_count(), 0);
}

TEST_F(TensorViewOf24, RefusesToBroadcastOtherSizesOrFewerAxes) {
  EXPECT_EQ(invalid_argument_text([&] {
              view_.broadcast_to({2, 5, 4});
            }),
            "tensor view: [2, 3, 4] cannot be broadcast to [2, 5, 4]");
  EXPECT_EQ(invalid_argument_text([&] {
              view_.broadcast_to({3, 4});
            }),
            "tensor view: [2, 3, 4] cannot be broadcast to [3, 4]");
}

TEST_F(TensorViewOf24, AddsALeadingAxis) {
  EXPECT_EQ(view_.with_leading_axis().shape(), (Shape{1, 2, 3, 4}));
  EXPECT_EQ(view_.with_leading_axis().at<float>(0, 1, 2, 3), 23);
}

TEST(TensorView, RefusesALeadingAxisBeyondTheLargestRank) {
  const float value = 1;
  const TensorView number(&value, Shape{});
  TensorView full = number;
  while (full.rank() < kMaxRank) full = full.with_leading_axis();
  EXPECT_NE(
      invalid_argument_text([&] { full.with_leading_axis(); }).find("has no room for another axis"),
      std::string::npos);
}

TEST(TensorView, IsContiguousWhateverTheStridesOfAxesOfSizeOne) {
  const float data[3] = {};
  EXPECT_TRUE(TensorView(data, {1, 3}, {99, 1}).is_contiguous());
  EXPECT_FALSE(TensorView(data, {3, 1}, {2, 1}).is_contiguous());
  EXPECT_TRUE(TensorView(data, {0, 3}, {7, 7}).is_contiguous());
}

TEST(TensorView, IsNotGivenByDefault) {
  EXPECT_FALSE(TensorView().given());
  EXPECT_TRUE(TensorView(static_cast<const float*>(nullptr), {0}).given());
}

TEST(TensorView, RefusesNegativeSizesAndStridesOfAnotherRank) {
  const float data[3] = {};
  EXPECT_EQ(invalid_argument_text([&] { TensorView(data, {-3}); }),
            "shape: [-3] has a negative size; sizes are 0 or more");
  EXPECT_EQ(invalid_argument_text([&] {
              TensorView(data, {3}, {1, 1});
            }),
            "tensor view: sizes [3] and strides [1, 1] must have one entry for each axis");
}

}  // namespace
}  // namespace fovea
