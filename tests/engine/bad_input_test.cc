// What calls that contradict themselves, or hardly ask anything, get: rows A01 to A21 of the list
// of bad input that the project keeps. Each test says what must happen; nothing may be written when
// there is an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUntouched = 12345;

// Two queries and three keys of size 4, one head, and memory for the answer that shows whether it
// was written.
class BadInput : public ::testing::Test {
 protected:
  std::string refused(const Attention& attention, const Execution& execution = {}) {
    const std::string by_attend = invalid_argument_text([&] { attend(attention, execution); });
    const std::string by_plan = invalid_argument_text([&] { plan(attention, execution); });
    EXPECT_EQ(by_attend, by_plan);
    const std::string text =
        invalid_argument_text([&] { attend_into(attention, into(), execution); });
    EXPECT_THAT(output_.values<float>(), Each(kUntouched));
    EXPECT_THAT(text, HasSubstr("attend: "));
    return text;
  }

  AttendInto into() {
    for (float& number : output_.values<float>()) number = kUntouched;
    return {.output = output_.mutable_view()};
  }

  Attention with_keys(const Shape& key, const Shape& value) {
    Attention attention = attention_;
    attention.query = TensorView(numbers_.data(), {1, 1, 2, 4});
    attention.key = TensorView(numbers_.data(), key);
    attention.value = TensorView(numbers_.data(), value);
    return attention;
  }

  std::vector<float> numbers_ = std::vector<float>(4096, 0.5F);
  Tensor query_ = Tensor::of<float>({2, 4}, {1, 2, 3, 4, 0, -1, 0, 1});
  Tensor key_ = Tensor::of<float>({3, 4}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0});
  Tensor value_ = Tensor::of<float>({3, 4}, {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 9});
  Tensor output_{DType::f32, {2, 4}};
  Attention attention_{.query = query_, .key = key_, .value = value_};
  const float* null_ = nullptr;
};

TEST_F(BadInput, A01NullPointersAreNamed) {
  const auto null_of = [&](TensorView Attention::*argument, const Shape& shape) {
    Attention attention = attention_;
    attention.*argument = TensorView(null_, shape);
    return refused(attention);
  };
  EXPECT_THAT(null_of(&Attention::query, {2, 4}), HasSubstr("query [2, 4] is a null pointer"));
  EXPECT_THAT(null_of(&Attention::key, {3, 4}), HasSubstr("key [3, 4] is a null pointer"));
  EXPECT_THAT(null_of(&Attention::value, {3, 4}), HasSubstr("value [3, 4] is a null pointer"));
  EXPECT_THAT(null_of(&Attention::bias, {2, 3}), HasSubstr("bias [2, 3] is a null pointer"));
  EXPECT_THAT(null_of(&Attention::sinks, {1}), HasSubstr("sinks [1] is a null pointer"));
  Attention attention = attention_;
  attention.keep = TensorView(static_cast<const bool*>(nullptr), {2, 3});
  EXPECT_THAT(refused(attention), HasSubstr("keep [2, 3] is a null pointer"));
  const MutableTensorView no_output(static_cast<float*>(nullptr), {2, 4});
  EXPECT_THAT(invalid_argument_text([&] { attend_into(attention_, {.output = no_output}); }),
              HasSubstr("output [2, 4] is a null pointer"));
}

TEST_F(BadInput, A01ArgumentsThatAreNotGivenAreNamed) {
  EXPECT_THAT(invalid_argument_text([] { attend({}); }), HasSubstr("query is not given"));
  Attention without = attention_;
  without.key = {};
  EXPECT_THAT(refused(without), HasSubstr("key is not given"));
  without = attention_;
  without.value = {};
  EXPECT_THAT(refused(without), HasSubstr("value is not given"));
  EXPECT_THAT(invalid_argument_text([&] { attend_into(attention_, {}); }),
              HasSubstr("output is not given"));
}

TEST_F(BadInput, A02HeadSizesMustBeEqual) {
  EXPECT_THAT(refused(with_keys({1, 1, 3, 5}, {1, 1, 3, 4})),
              HasSubstr("query has head size 4, key has 5"));
}

TEST_F(BadInput, A03KeysAndValuesMustBeAsMany) {
  EXPECT_THAT(refused(with_keys({1, 1, 3, 4}, {1, 1, 2, 4})),
              AllOf(HasSubstr("[1, 1, 3, 4]"), HasSubstr("[1, 1, 2, 4]")));
}

TEST_F(BadInput, A04QueryHeadsMustBeAMultipleOfKeyHeads) {
  Attention attention = with_keys({1, 6, 3, 4}, {1, 6, 3, 4});
  attention.query = TensorView(numbers_.data(), {1, 8, 2, 4});
  EXPECT_THAT(refused(attention),
              HasSubstr("key has 6 heads, query has 8; query heads must be a multiple"));
  EXPECT_THAT(refused(with_keys({1, 0, 3, 4}, {1, 0, 3, 4})),
              HasSubstr("key has 0 heads, query has 1"));
}

TEST_F(BadInput, A05MasksMustBroadcast) {
  Attention attention = attention_;
  attention.bias = TensorView(numbers_.data(), {2, 4});
  EXPECT_THAT(refused(attention), AllOf(HasSubstr("bias [2, 4]"), HasSubstr("[1, 1, 2, 3]")));
  attention.bias = TensorView(numbers_.data(), {1, 1, 1, 2, 3});
  EXPECT_THAT(refused(attention), HasSubstr("bias [1, 1, 1, 2, 3] cannot be broadcast"));
  attention.bias = {};
  const Tensor keep(DType::boolean, {3, 3});
  attention.keep = keep;
  EXPECT_THAT(refused(attention), AllOf(HasSubstr("keep [3, 3]"), HasSubstr("[1, 1, 2, 3]")));
}

TEST_F(BadInput, A06OutputMayNotOverlapAnInput) {
  float* data = numbers_.data();
  const auto overlapping = [&](float* output, const char* name) {
    EXPECT_THAT(invalid_argument_text([&] {
                  attend_into({.query = TensorView(data, {2, 4}),
                               .key = TensorView(data + 100, {3, 4}),
                               .value = TensorView(data + 200, {3, 4}),
                               .bias = TensorView(data + 300, {2, 3})},
                              {.output = MutableTensorView(output, {2, 4})});
                }),
                HasSubstr(std::string("output overlaps ") + name));
    EXPECT_THAT(numbers_, Each(0.5F));
  };
  overlapping(data, "query");  // in place
  overlapping(data + 7, "query");
  overlapping(data + 111, "key");
  overlapping(data + 193, "value");
  overlapping(data + 305, "bias");
}

TEST_F(BadInput, A06TargetsMayNotOverlapEachOther) {
  float* data = numbers_.data();
  EXPECT_THAT(invalid_argument_text([&] {
                attend_into(attention_, {.output = MutableTensorView(data, {2, 4}),
                                         .row_sum = MutableTensorView(data + 7, {2})});
              }),
              HasSubstr("row_sum overlaps output"));
  EXPECT_THAT(invalid_argument_text([&] {
                attend_into(attention_, {.output = MutableTensorView(data, {2, 4}, {0, 1})});
              }),
              HasSubstr("share memory"));
}

TEST_F(BadInput, A06InterleavedMemoryIsNoOverlap) {
  // One buffer [tokens, 4, size]: query, key, value and output of each token side by side.
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t c = 0; c < 4; ++c) {
      numbers_[i * 16 + 4 + c] = key_.values<float>()[i * 4 + c];
      numbers_[i * 16 + 8 + c] = value_.values<float>()[i * 4 + c];
      if (i < 2) numbers_[i * 16 + c] = query_.values<float>()[i * 4 + c];
    }
  }
  float* data = numbers_.data();
  attend_into({.query = TensorView(data, {2, 4}, {16, 1}),
               .key = TensorView(data + 4, {3, 4}, {16, 1}),
               .value = TensorView(data + 8, {3, 4}, {16, 1})},
              {.output = MutableTensorView(data + 12, {2, 4}, {16, 1})});
  const Attended expected = attend(attention_);
  for (std::int64_t i = 0; i < 2; ++i) {
    for (std::int64_t c = 0; c < 4; ++c) {
      EXPECT_EQ(data[i * 16 + 12 + c], expected.output.view().at<float>(i, c));
    }
  }
}

TEST_F(BadInput, A07ScaleMustBeFinite) {
  for (double scale : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    attention_.scale = scale;
    EXPECT_THAT(refused(attention_), HasSubstr("it must be finite"));
  }
  attention_.scale = 1e39;  // infinite in float32
  EXPECT_THAT(refused(attention_), HasSubstr("scale is 1e+39"));
}

TEST_F(BadInput, A07ScaleZeroAndNegativeAreComputed) {
  attention_.scale = 0;  // uniform: means of 1, 2, 3 and of 1, 2, 9
  const Attended uniform = attend(attention_);
  EXPECT_NEAR(uniform.output.view().at<float>(0, 0), 2, 1e-6);
  EXPECT_NEAR(uniform.output.view().at<float>(1, 3), 4, 1e-6);
  attention_.scale = -1;
  const Attended negative = attend(attention_);
  EXPECT_LT(negative.output.view().at<float>(0, 0), 2);  // the smallest score now weighs most
}

TEST_F(BadInput, A08ProductsOfSizesAreCheckedBeforeAnyAllocation) {
  const std::int64_t huge = std::int64_t{1} << 32;
  const auto sized = [&](const Shape& shape) {
    return TensorView(numbers_.data(), DType::f32, shape, Shape{0, 0, 0, 0});
  };
  EXPECT_THAT(invalid_argument_text([&] { sized({huge, huge, 1, 1}); }), HasSubstr("63 bits"));
  // Each view may be counted, the result may not: a size of 0 hides the product.
  Attention attention = attention_;
  attention.scale = 1;
  attention.query = sized({huge, huge, 1, 0});
  attention.key = sized({huge, huge, 1, 0});
  attention.value = sized({huge, 1, 1, 1});
  EXPECT_THAT(invalid_argument_text([&] { attend(attention); }), HasSubstr("heads"));
  attention.key = sized({huge, 1, 1, 0});
  EXPECT_THAT(invalid_argument_text([&] { attend(attention); }), HasSubstr("63 bits"));
}

TEST_F(BadInput, A08ResultsThatDoNotFitAreOutOfMemory) {
  const std::int64_t huge = std::int64_t{1} << 30;
  Attention attention = attention_;
  attention.query = TensorView(numbers_.data(), {huge, huge / 4, 1, 1}, {0, 0, 0, 0});
  attention.key = TensorView(numbers_.data(), {huge, 1, 1, 1}, {0, 0, 0, 0});
  attention.value = TensorView(numbers_.data(), {huge, 1, 1, 4}, {0, 0, 0, 0});
  EXPECT_THAT(error_text(ErrorKind::out_of_memory, [&] { attend(attention); }),
              HasSubstr("out of memory"));
}

TEST_F(BadInput, A08StridesBeyondAllAddressesAreErrors) {
  Attention attention = attention_;
  attention.key = TensorView(numbers_.data(), {3, 4}, {INT64_MAX / 2, 1});
  EXPECT_THAT(refused(attention), HasSubstr("reaches beyond all addresses"));
  attention.key = TensorView(numbers_.data(), {3, 4}, {INT64_MIN, 1});
  EXPECT_THAT(refused(attention), HasSubstr("reaches beyond all addresses"));
}

TEST_F(BadInput, A09WithoutRowsNothingIsReadOrWritten) {
  for (const Shape& shape : {Shape{0, 2, 3, 4}, Shape{2, 0, 3, 4}, Shape{2, 2, 0, 4}}) {
    const Shape keys{shape[0], shape[1], 5, 4};
    const Attention attention{.query = TensorView(null_, shape),
                              .key = TensorView(null_, keys),
                              .value = TensorView(null_, keys)};
    const Attended result = attend(attention);
    EXPECT_EQ(result.output.shape(), shape);
    EXPECT_EQ(result.output.element_count(), 0);
    const MutableTensorView nowhere(static_cast<float*>(nullptr), shape);
    EXPECT_EQ(attend_into(attention, {.output = nowhere}), 0);
  }
}

TEST_F(BadInput, A10WithoutKeysTheOutputIsZero) {
  for (const char* implementation : {"", "reference"}) {
    const Attended result = attend(
        {.query = query_, .key = TensorView(null_, {0, 4}), .value = TensorView(null_, {0, 4})},
        {.implementation = implementation});
    EXPECT_THAT(result.output.values<float>(), Each(0.0F));
    EXPECT_THAT(result.log_sum_exp.values<float>(), Each(-kInfinity));
    EXPECT_THAT(result.row_max.values<float>(), Each(-kInfinity));
    EXPECT_THAT(result.row_sum.values<float>(), Each(0.0F));
    EXPECT_EQ(result.empty_rows, 2);
  }
}

TEST_F(BadInput, A11HeadSizeZeroTakesTheMean) {
  Attention attention{
      .query = TensorView(null_, {2, 0}), .key = TensorView(null_, {3, 0}), .value = value_};
  EXPECT_THAT(refused(attention), HasSubstr("head size is 0 and no scale is given"));
  attention.scale = 1;
  for (const char* implementation : {"", "reference"}) {
    const Attended result = attend(attention, {.implementation = implementation});
    // Three weights of 1/3: rounded once each, and the sum twice.
    EXPECT_NEAR(result.output.view().at<float>(1, 0), 2, 4 * 0x1p-23);
    EXPECT_NEAR(result.output.view().at<float>(1, 3), 4, 4 * 0x1p-22);
  }
}

TEST_F(BadInput, A12PointersNeedFourBytesOfAlignmentOnly) {
  const Attended expected = attend(attention_);
  std::vector<float> shifted(100);
  const auto moved = [&](const Tensor& tensor, std::size_t at) {
    std::copy_n(tensor.values<float>().data(), tensor.element_count(), shifted.data() + at);
    return TensorView(shifted.data() + at, tensor.shape());
  };
  const Attended actual =
      attend({.query = moved(query_, 1), .key = moved(key_, 31), .value = moved(value_, 67)});
  EXPECT_THAT(actual.output.values<float>(),
              ::testing::ElementsAreArray(expected.output.values<float>()));
}

TEST_F(BadInput, A13ThreadsAreCappedAndNegativeIsAnError) {
  EXPECT_THAT(refused(attention_, {.threads = -1}), HasSubstr("-1 threads asked for"));
  const Attended expected = attend(attention_);
  for (int threads : {0, 1, 1000000, std::numeric_limits<int>::max()}) {
    const Attended result = attend(attention_, {.threads = threads});
    EXPECT_THAT(result.output.values<float>(),
                ::testing::ElementsAreArray(expected.output.values<float>()));
    EXPECT_GE(result.plan.threads, 1);
    EXPECT_LE(result.plan.threads, 1024);
  }
}

TEST_F(BadInput, A17NaNInOneQueryStaysInItsRow) {
  query_.values<float>()[5] = std::nanf("");
  const Attended result = attend(attention_);
  for (std::int64_t c = 0; c < 4; ++c) {
    EXPECT_TRUE(std::isfinite(result.output.view().at<float>(0, c)));
    EXPECT_TRUE(std::isnan(result.output.view().at<float>(1, c)));
  }
  EXPECT_TRUE(std::isnan(result.log_sum_exp.values<float>()[1]));
}

TEST_F(BadInput, A18HiddenKeysAndValuesMayHoldAnything) {
  attention_.causal = true;
  const Attended expected = attend(attention_);
  for (float special : {std::nanf(""), kInfinity, -kInfinity}) {
    key_.values<float>()[8] = special;  // key 2: the future of query 0
    value_.values<float>()[8] = special;
    const Attended result = attend(attention_);
    for (std::int64_t c = 0; c < 4; ++c) {
      EXPECT_EQ(result.output.view().at<float>(0, c), expected.output.view().at<float>(0, c));
    }
  }
}

TEST_F(BadInput, A19NaNOrInfinityInTheBiasStaysInItsRow) {
  for (float special : {std::nanf(""), kInfinity}) {
    const Tensor bias = Tensor::of<float>({2, 3}, {0, 0, 0, 0, special, 0});
    attention_.bias = bias;
    const Attended result = attend(attention_);
    EXPECT_TRUE(std::isfinite(result.output.view().at<float>(0, 0)));
    EXPECT_TRUE(std::isnan(result.output.view().at<float>(1, 0)));
  }
}

TEST_F(BadInput, A20FullyMaskedRowsAreZero) {
  const Tensor keep = Tensor::of<bool>({2, 3}, {true, true, true, false, false, false});
  const Tensor bias = Tensor::of<float>({2, 1}, {0, -kInfinity});
  Attention by_keep = attention_;
  by_keep.keep = keep;
  Attention by_bias = attention_;
  by_bias.bias = bias;
  for (const Attention& attention : {by_keep, by_bias}) {
    const Attended result = attend(attention);
    EXPECT_NE(result.output.view().at<float>(0, 0), 0);
    for (std::int64_t c = 0; c < 4; ++c) EXPECT_EQ(result.output.view().at<float>(1, c), 0);
    EXPECT_EQ(result.log_sum_exp.values<float>()[1], -kInfinity);
    EXPECT_EQ(result.empty_rows, 1);
  }
}

TEST_F(BadInput, A21RowsMaskedByHugeFiniteNumbersAreUniform) {
  for (float masked : {-1e9F, -std::numeric_limits<float>::max()}) {
    const Tensor bias = Tensor::of<float>({1, 1}, {masked});
    attention_.bias = bias;
    const Attended result = attend(attention_);
    EXPECT_NEAR(result.output.view().at<float>(0, 0), 2, 4 * 0x1p-23) << masked;
    EXPECT_NEAR(result.output.view().at<float>(1, 3), 4, 4 * 0x1p-22) << masked;
    EXPECT_EQ(result.empty_rows, 0);
    EXPECT_EQ(result.row_sum.values<float>()[0], 3);
  }
}

}  // namespace
}  // namespace fovea
