// What position lets a query see, and the checks that bad_input_test.cc leaves out.
#include "fovea/attention/valid_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error_text.h"
#include "fovea/core/tensor.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

// Four queries, ten keys.
class Visible : public ::testing::Test {
 protected:
  // "first-last" of each query, "-" for none.
  std::string ranges(std::int64_t batch_entry = 0) const {
    const ValidAttention valid = validate(attention_, {});
    std::string text;
    for (std::int64_t row = 0; row < valid.queries(); ++row) {
      const KeyRange range = valid.visible_keys(batch_entry, row);
      if (row > 0) text += " ";
      text += range.last <= range.first
                  ? "-"
                  : std::to_string(range.first) + "-" + std::to_string(range.last - 1);
    }
    return text;
  }

  Tensor query_{DType::f32, {2, 1, 4, 2}};
  Tensor key_{DType::f32, {2, 1, 10, 2}};
  Tensor lengths_ = Tensor::of<std::int32_t>({2}, {6, 2});
  Attention attention_{.query = query_, .key = key_, .value = key_};
};

TEST_F(Visible, EverythingWithoutRules) {
  EXPECT_EQ(ranges(), "0-9 0-9 0-9 0-9");
}

TEST_F(Visible, CausalEndsAtTheDiagonal) {
  attention_.causal = true;
  EXPECT_EQ(ranges(), "0-6 0-7 0-8 0-9");
  attention_.diagonal = Diagonal::top_left();
  EXPECT_EQ(ranges(), "0-0 0-1 0-2 0-3");
  attention_.diagonal = Diagonal::at(-2);
  EXPECT_EQ(ranges(), "- - 0-0 0-1");
}

TEST_F(Visible, LengthsMoveTheBottomRightDiagonal) {
  attention_.key_lengths = lengths_;
  EXPECT_EQ(ranges(0), "0-5 0-5 0-5 0-5");
  attention_.causal = true;
  EXPECT_EQ(ranges(0), "0-2 0-3 0-4 0-5");
  EXPECT_EQ(ranges(1), "- - 0-0 0-1");  // more queries than keys: the first ones see none
  attention_.diagonal = Diagonal::at(4);
  EXPECT_EQ(ranges(0), "0-4 0-5 0-5 0-5");
}

TEST_F(Visible, WindowsAreAroundTheDiagonal) {
  attention_.diagonal = Diagonal::top_left();
  attention_.window = {.left = 1, .right = 2};
  EXPECT_EQ(ranges(), "0-2 0-3 1-4 2-5");
  attention_.causal = true;
  EXPECT_EQ(ranges(), "0-0 0-1 1-2 2-3");
  attention_.window = {.left = Window::kUnbounded, .right = 0};
  EXPECT_EQ(ranges(), "0-0 0-1 0-2 0-3");
}

TEST_F(Visible, PositionsFarOutsideDoNotOverflow) {
  attention_.causal = true;
  attention_.diagonal = Diagonal::at(kMost);
  EXPECT_EQ(ranges(), "0-9 0-9 0-9 0-9");
  attention_.diagonal = Diagonal::at(kLeast);
  EXPECT_EQ(ranges(), "- - - -");
  attention_.window = {.left = kMost - 1, .right = kMost - 1};
  EXPECT_EQ(ranges(), "- - - -");
  attention_.diagonal = Diagonal::at(kMost);
  EXPECT_EQ(ranges(), "1-9 1-9 1-9 1-9");  // the diagonal is held at the last position there is
}

TEST_F(Visible, NegativeWindowsAreErrors) {
  attention_.window.left = -1;
  EXPECT_THAT(invalid_argument_text([&] { validate(attention_, {}); }),
              HasSubstr("window is -1, "));
}

TEST_F(Visible, LengthsOutsideTheKeysAreErrors) {
  for (std::int64_t wrong : {std::int64_t{-1}, std::int64_t{11}, kMost}) {
    const Tensor lengths = Tensor::of<std::int64_t>({2}, {6, wrong});
    attention_.key_lengths = lengths;
    EXPECT_THAT(invalid_argument_text([&] { validate(attention_, {}); }),
                HasSubstr("key length of batch entry 1 is " + std::to_string(wrong)));
  }
}

TEST_F(Visible, PerHeadNumbersMustBeOneAHead) {
  const Tensor three(DType::f32, {3});
  attention_.alibi_slopes = three;
  EXPECT_THAT(invalid_argument_text([&] { validate(attention_, {}); }),
              HasSubstr("alibi_slopes have shape [3]"));
}

TEST(Validate, TypesMustFit) {
  const Tensor f32(DType::f32, {2, 2});
  const Tensor f64(DType::f64, {2, 2});
  const Tensor f16(DType::f16, {2, 2});
  const Tensor i32(DType::i32, {2, 2});
  const auto text = [](const Tensor& query, const Tensor& key, const Tensor& value) {
    return invalid_argument_text(
        [&] { validate({.query = query, .key = key, .value = value}, {}); });
  };
  EXPECT_THAT(text(i32, i32, i32), HasSubstr("query is i32"));
  EXPECT_THAT(text(f32, f32, f16), HasSubstr("key is f32, value is f16"));
  EXPECT_THAT(text(f64, f32, f32), HasSubstr("query is f64, key is f32"));
  EXPECT_THAT(text(f16, f32, f32), HasSubstr("query is f16, key is f32"));
  EXPECT_NO_THROW(validate({.query = f32, .key = f16, .value = f16}, {}));
}

TEST(Validate, MasksHaveTheirTypes) {
  const Tensor x(DType::f32, {2, 2});
  const Tensor bytes(DType::u8, {2, 2});
  EXPECT_THAT(invalid_argument_text(
                  [&] { validate({.query = x, .key = x, .value = x, .keep = bytes}, {}); }),
              HasSubstr("keep is u8; it must be bool, true = may attend"));
  const Tensor flags(DType::boolean, {2, 2});
  EXPECT_THAT(invalid_argument_text(
                  [&] { validate({.query = x, .key = x, .value = x, .bias = flags}, {}); }),
              HasSubstr("bias is bool; it must be f32"));
}

}  // namespace
}  // namespace fovea
