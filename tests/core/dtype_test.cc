// The 16-bit floats: every bit pattern read, every rounding decision taken.
#include "fovea/core/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fovea {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A 16-bit format as its definition has it: the oracle for both.
struct Format {
  int fraction_bits;
  int bias;
};
constexpr Format kFloat16{10, 15};
constexpr Format kBFloat16{7, 127};

double value_by_definition(std::uint16_t bits, Format format) {
  const int fraction_range = 1 << format.fraction_bits;
  const int exponent_mask = (0x8000 >> format.fraction_bits) - 1;
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  const int exponent = (bits >> format.fraction_bits) & exponent_mask;
  const int fraction = bits % fraction_range;
  if (exponent == exponent_mask) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  const double significand =
      static_cast<double>(fraction) / fraction_range + (exponent > 0 ? 1 : 0);
  return sign * std::ldexp(significand, std::max(exponent, 1) - format.bias);
}

template <typename T>
void expect_reads_as_defined(Format format) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const double want = value_by_definition(pattern, format);
    const float value = to_float(T{pattern});
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000u) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), want) << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(want)) << bits;
    }
  }
}

// Between each value and the next larger one: the middle goes to the even one, all else to the
// nearer one.
template <typename T, typename Convert>
void expect_rounds_to_nearest_even(Convert convert, std::uint16_t infinity) {
  for (std::uint16_t lower = 0; lower < infinity; ++lower) {
    const auto upper = static_cast<std::uint16_t>(lower + 1);
    const float low = to_float(T{lower});
    const double exact_low = static_cast<double>(low);
    // In the last gap infinity stands for the value that would come next.
    const double gap =
        exact_low - static_cast<double>(to_float(T{static_cast<std::uint16_t>(lower - 1)}));
    const double high =
        upper == infinity ? exact_low + gap : static_cast<double>(to_float(T{upper}));
    const auto middle = static_cast<float>((exact_low + high) / 2);
    const std::uint16_t even = lower % 2 == 0 ? lower : upper;
    for (std::uint16_t sign : {std::uint16_t{0}, std::uint16_t{0x8000}}) {
      const float side = sign == 0 ? 1.0f : -1.0f;
      const auto signed_bits = [&](std::uint16_t bits) {
        return static_cast<std::uint16_t>(bits | sign);
      };
      ASSERT_EQ(convert(side * low).bits, signed_bits(lower));
      ASSERT_EQ(convert(side * middle).bits, signed_bits(even)) << middle;
      ASSERT_EQ(convert(side * std::nextafter(middle, 0.0f)).bits, signed_bits(lower)) << middle;
      ASSERT_EQ(convert(side * std::nextafter(middle, kInfinity)).bits, signed_bits(upper))
          << middle;
    }
  }
}

TEST(Float16, ReadsAll65536PatternsAsDefined) {
  expect_reads_as_defined<Float16>(kFloat16);
}
TEST(BFloat16, ReadsAll65536PatternsAsDefined) {
  expect_reads_as_defined<BFloat16>(kBFloat16);
}

TEST(Float16, RoundsEveryGapToNearestEven) {
  expect_rounds_to_nearest_even<Float16>(to_float16, 0x7C00);
}
TEST(BFloat16, RoundsEveryGapToNearestEven) {
  expect_rounds_to_nearest_even<BFloat16>(to_bfloat16, 0x7F80);
}

TEST(Float16, RoundsWhatIsTooLargeToInfinity) {
  EXPECT_EQ(to_float16(65519.996f).bits, 0x7BFF);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7C00);
  EXPECT_EQ(to_float16(-1e30f).bits, 0xFC00);
  EXPECT_EQ(to_float16(kInfinity).bits, 0x7C00);
}

TEST(Float16, RoundsWhatIsTooSmallToSignedZero) {
  EXPECT_EQ(to_float16(0x1p-25f).bits, 0x0000);
  EXPECT_EQ(to_float16(0x1.000002p-25f).bits, 0x0001);
  EXPECT_EQ(to_float16(-1e-30f).bits, 0x8000);
}

TEST(BFloat16, RoundsWhatIsTooLargeToInfinity) {
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::max()).bits, 0x7F80);
  EXPECT_EQ(to_bfloat16(-kInfinity).bits, 0xFF80);
}

TEST(SixteenBitFloats, ReturnEveryPatternFromFloat) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float half = to_float(Float16{pattern});
    const float brain = to_float(BFloat16{pattern});
    // A signalling NaN comes back quiet: the top bit of its fraction set.
    ASSERT_EQ(to_float16(half).bits, std::isnan(half) ? pattern | 0x0200 : pattern);
    ASSERT_EQ(to_bfloat16(brain).bits, std::isnan(brain) ? pattern | 0x0040 : pattern);
  }
}

TEST(SixteenBitFloats, KeepANaNWhosePayloadIsInTheLowBits) {
  const float low_payload = std::bit_cast<float>(0x7F800001u);
  EXPECT_TRUE(std::isnan(to_float(to_float16(low_payload))));
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(low_payload))));
}

TEST(DType, HasANameAndASizeForEveryType) {
  EXPECT_EQ(name_of(DType::bf16), "bf16");
  EXPECT_EQ(name_of(DType::boolean), "bool");
  EXPECT_EQ(size_of(DType::boolean), 1);
  EXPECT_EQ(size_of(DType::f16), 2);
  EXPECT_EQ(size_of(DType::u32), 4);
  EXPECT_EQ(size_of(DType::f64), 8);
  EXPECT_EQ(dtype_of<BFloat16>, DType::bf16);
}

TEST(DType, IsFloatingForFourTypesOnly) {
  int floating = 0;
  for (int type = 0; type <= static_cast<int>(DType::u64); ++type) {
    floating += is_floating(static_cast<DType>(type)) ? 1 : 0;
  }
  EXPECT_EQ(floating, 4);
  EXPECT_TRUE(is_floating(DType::f16));
  EXPECT_FALSE(is_floating(DType::boolean));
}

}  // namespace
}  // namespace fovea
