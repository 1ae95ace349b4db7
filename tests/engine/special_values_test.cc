// NaN and infinities, in every place where they can stand: whom they reach and whom they must not.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "engine/every_implementation.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<float, 3> kSpecial = {kNaN, kInfinity, -kInfinity};

constexpr std::int64_t kQueries = 5;
constexpr std::int64_t kKeys = 6;
constexpr std::int64_t kSize = 3;
constexpr std::int64_t kKey = 4;  // the key that the special number belongs to

// Five queries and six keys. Column 0 of the queries is positive in rows 0, 1, 2 and negative in 3,
// 4; key 4 times an infinity is therefore an infinity of known sign.
struct Inputs {
  std::vector<float> query = {1, 2, -1, 2, -1, 1, 0.5F, 1, 1, -1, 1, 2, -2, 0.5F, -1};
  std::vector<float> key = {1, 0, 1, -1, 2, 0, 0.5F, 1, -1, 2, -1, 1, 1, 1, 0.5F, -1, 0, 2};
  std::vector<float> value = {1, 2, 3, -1, 0, 1, 2, -2, 0.5F, 1, 1, -1, 3, 1, 2, -2, 1, 0};
  std::vector<float> bias = std::vector<float>(kQueries * kKeys, 0.25F);
  std::vector<std::uint8_t> keep = std::vector<std::uint8_t>(kQueries * kKeys, 1);
  std::int32_t length = kKeys;
  Attention rules;

  void hide_by_keep() {
    for (std::size_t row = 0; row < kQueries; ++row) keep[row * kKeys + kKey] = 0;
  }
  void set_bias(float number) {
    for (std::size_t row = 0; row < kQueries; ++row) bias[row * kKeys + kKey] = number;
  }
  Attention attention() const {
    Attention a = rules;
    a.query = TensorView(query.data(), {kQueries, kSize});
    a.key = TensorView(key.data(), {kKeys, kSize});
    a.value = TensorView(value.data(), {kKeys, kSize});
    a.bias = TensorView(bias.data(), {kQueries, kKeys});
    a.keep = TensorView(keep.data(), DType::boolean, {kQueries, kKeys}, {kKeys, 1});
    a.key_lengths = TensorView(&length, {1});
    return a;
  }
  float& key_number() { return key[kKey * kSize]; }
  float& value_number() { return value[kKey * kSize]; }
};

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

class SpecialValues : public WithImplementation {
 protected:
  static Attended run(const Inputs& inputs) {
    return attend(inputs.attention(), {.implementation = GetParam().implementation});
  }
  static float output(const Attended& a, std::int64_t row, std::int64_t column) {
    return a.output.view().at<float>(row, column);
  }

  static void expect_nan(const Attended& actual, std::int64_t row) {
    for (std::int64_t c = 0; c < kSize; ++c) EXPECT_TRUE(std::isnan(output(actual, row, c)));
    EXPECT_TRUE(std::isnan(actual.log_sum_exp.view().at<float>(row)));
    EXPECT_TRUE(std::isnan(actual.row_max.view().at<float>(row)));
    EXPECT_TRUE(std::isnan(actual.row_sum.view().at<float>(row)));
  }

  static void expect_same(const Attended& actual, const Attended& expected, std::int64_t row) {
    for (std::int64_t c = 0; c < kSize; ++c) {
      EXPECT_TRUE(same(output(actual, row, c), output(expected, row, c))) << row << " " << c;
    }
    EXPECT_TRUE(
        same(actual.log_sum_exp.view().at<float>(row), expected.log_sum_exp.view().at<float>(row)));
    EXPECT_TRUE(same(actual.row_max.view().at<float>(row), expected.row_max.view().at<float>(row)));
    EXPECT_TRUE(same(actual.row_sum.view().at<float>(row), expected.row_sum.view().at<float>(row)));
  }

  // `place` puts a number where no query may notice it.
  static void expect_no_effect(Inputs inputs, float& (Inputs::*place)(), std::int64_t rows) {
    const Attended expected = run(inputs);
    for (float special : kSpecial) {
      (inputs.*place)() = special;
      const Attended actual = run(inputs);
      for (std::int64_t row = 0; row < rows; ++row) expect_same(actual, expected, row);
    }
  }
};

TEST_P(SpecialValues, InAQueryMakeItsRowNaNAndNoOther) {
  const Inputs plain;
  const Attended expected = run(plain);
  for (float special : kSpecial) {
    Inputs inputs;
    inputs.query[2 * kSize + 1] = special;
    const Attended actual = run(inputs);
    for (std::int64_t row = 0; row < kQueries; ++row) {
      row == 2 ? expect_nan(actual, row) : expect_same(actual, expected, row);
    }
  }
}

TEST_P(SpecialValues, NaNInAVisibleKeyMakesAllRowsNaN) {
  Inputs inputs;
  inputs.key_number() = kNaN;
  const Attended actual = run(inputs);
  for (std::int64_t row = 0; row < kQueries; ++row) expect_nan(actual, row);
}

TEST_P(SpecialValues, InfinityInAVisibleKeyIsNaNOrHidesByItsSign) {
  Inputs hidden;
  hidden.hide_by_keep();
  const Attended without = run(hidden);
  for (float special : {kInfinity, -kInfinity}) {
    Inputs inputs;
    inputs.key_number() = special;
    const Attended actual = run(inputs);
    for (std::int64_t row = 0; row < kQueries; ++row) {
      const bool positive = (row < 3) == (special > 0);
      positive ? expect_nan(actual, row) : expect_same(actual, without, row);
    }
  }
}

TEST_P(SpecialValues, InAKeyHiddenByKeepHaveNoEffect) {
  Inputs inputs;
  inputs.hide_by_keep();
  expect_no_effect(inputs, &Inputs::key_number, kQueries);
}

TEST_P(SpecialValues, InAKeyOfTheCausalFutureHaveNoEffect) {
  Inputs inputs;
  inputs.rules.causal = true;
  inputs.rules.diagonal = Diagonal::top_left();
  expect_no_effect(inputs, &Inputs::key_number, kKey);  // rows 0 to 3 stand before key 4
}

TEST_P(SpecialValues, InAKeyBeyondTheLengthHaveNoEffect) {
  Inputs inputs;
  inputs.length = kKey;
  expect_no_effect(inputs, &Inputs::key_number, kQueries);
}

TEST_P(SpecialValues, InAKeyOutsideTheWindowHaveNoEffect) {
  Inputs inputs;
  inputs.rules.window = {.left = 1, .right = 0};
  inputs.rules.diagonal = Diagonal::top_left();
  expect_no_effect(inputs, &Inputs::key_number, kKey);
}

TEST_P(SpecialValues, InAVisibleValueReachTheirColumnOnly) {
  const Attended expected = run(Inputs());
  for (float special : kSpecial) {
    Inputs inputs;
    inputs.value_number() = special;
    const Attended actual = run(inputs);
    for (std::int64_t row = 0; row < kQueries; ++row) {
      const float reached = output(actual, row, 0);
      EXPECT_TRUE(std::isnan(special) ? std::isnan(reached) : reached == special) << reached;
      EXPECT_TRUE(same(output(actual, row, 1), output(expected, row, 1)));
      EXPECT_TRUE(same(actual.log_sum_exp.view().at<float>(row),
                       expected.log_sum_exp.view().at<float>(row)));
    }
  }
}

TEST_P(SpecialValues, InAValueHiddenByKeepHaveNoEffect) {
  Inputs inputs;
  inputs.hide_by_keep();
  expect_no_effect(inputs, &Inputs::value_number, kQueries);
}

TEST_P(SpecialValues, InAValueOfTheCausalFutureHaveNoEffect) {
  Inputs inputs;
  inputs.rules.causal = true;
  inputs.rules.diagonal = Diagonal::top_left();
  expect_no_effect(inputs, &Inputs::value_number, kKey);
}

TEST_P(SpecialValues, InAValueHiddenByBiasHaveNoEffect) {
  Inputs inputs;
  inputs.set_bias(-kInfinity);
  expect_no_effect(inputs, &Inputs::value_number, kQueries);
}

TEST_P(SpecialValues, InAKeyHiddenByBiasHaveNoEffect) {
  Inputs inputs;
  inputs.set_bias(-kInfinity);
  expect_no_effect(inputs, &Inputs::key_number, kQueries);
}

TEST_P(SpecialValues, NaNAndPositiveInfinityInTheBiasMakeTheirRowsNaN) {
  const Attended expected = run(Inputs());
  for (float special : {kNaN, kInfinity}) {
    Inputs inputs;
    inputs.bias[1 * kKeys + kKey] = special;
    const Attended actual = run(inputs);
    for (std::int64_t row = 0; row < kQueries; ++row) {
      row == 1 ? expect_nan(actual, row) : expect_same(actual, expected, row);
    }
  }
}

TEST_P(SpecialValues, NegativeInfinityInTheBiasHides) {
  Inputs by_keep;
  by_keep.hide_by_keep();
  Inputs by_bias;
  by_bias.set_bias(-kInfinity);
  const Attended expected = run(by_keep);
  const Attended actual = run(by_bias);
  for (std::int64_t row = 0; row < kQueries; ++row) expect_same(actual, expected, row);
}

TEST_P(SpecialValues, InTheBiasOfAHiddenKeyHaveNoEffect) {
  Inputs inputs;
  inputs.hide_by_keep();
  const Attended expected = run(inputs);
  for (float special : kSpecial) {
    inputs.set_bias(special);
    const Attended actual = run(inputs);
    for (std::int64_t row = 0; row < kQueries; ++row) expect_same(actual, expected, row);
  }
}

TEST_P(SpecialValues, OfASinkAreErrorsButForNone) {
  Inputs inputs;
  for (float special : {kNaN, kInfinity}) {
    const Tensor sinks = Tensor::of<float>({1}, {special});
    inputs.rules.sinks = sinks;
    EXPECT_NE(invalid_argument_text([&] { run(inputs); }).find("sink of head 0"),
              std::string::npos);
  }
  const Tensor none = Tensor::of<float>({1}, {-kInfinity});
  inputs.rules.sinks = none;
  const Attended actual = run(inputs);
  const Attended expected = run(Inputs());
  for (std::int64_t row = 0; row < kQueries; ++row) expect_same(actual, expected, row);
}

TEST_P(SpecialValues, InfiniteScoresAreCappedBySoftcap) {
  Inputs inputs;
  inputs.rules.softcap = 2;
  inputs.bias.assign(inputs.bias.size(), 0);
  inputs.key_number() = kInfinity;
  const Attended actual = run(inputs);
  for (std::int64_t row = 0; row < kQueries; ++row) {
    EXPECT_TRUE(std::isfinite(output(actual, row, 0)));
  }
  EXPECT_NEAR(actual.row_max.view().at<float>(0), 2, 2 * 0x1p-23);  // the cap, through log2 units
}

INSTANTIATE_TEST_SUITE_P(All, SpecialValues, ::testing::ValuesIn(implementations_and_targets()),
                         test_name);

}  // namespace
}  // namespace fovea
