// exp2, log-sum-exp and tanh of the kernels: their errors, their edges, and the same bits on every target
// with FMA. Every 1009th float is tried; FOVEA_LONG=1 (script/test --long) tries all of them (about a minute a
// function).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "kernels/target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/functions_test.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/exp2-inl.h"
#include "kernels/log-inl.h"
#include "kernels/tanh-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// `count` is a multiple of 16, the most lanes of any target.
void exp2_of(const float* in, float* out, std::size_t count) {
  const hn::ScalableTag<float> d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::StoreU(exp2(d, hn::LoadU(d, in + i)), d, out + i);
  }
}

void log_sum_exp_of(const float* m, const float* l, float* out, std::size_t count) {
  const hn::ScalableTag<float> d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::StoreU(log_sum_exp(hn::LoadU(d, m + i), hn::LoadU(d, l + i)), d, out + i);
  }
}

void tanh_of(const float* in, float* out, std::size_t count) {
  const hn::ScalableTag<float> d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::StoreU(tanh(d, hn::LoadU(d, in + i)), d, out + i);
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {
namespace {

HWY_EXPORT(exp2_of);
HWY_EXPORT(log_sum_exp_of);
HWY_EXPORT(tanh_of);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Function = std::vector<float> (*)(const std::vector<float>& in);

std::vector<float> exp2_all(const std::vector<float>& in) {
  std::vector<float> out(in.size());
  HWY_DYNAMIC_DISPATCH(exp2_of)(in.data(), out.data(), in.size());
  return out;
}

std::vector<float> log_sum_exp_all(const std::vector<float>& m, const std::vector<float>& l) {
  std::vector<float> out(l.size());
  HWY_DYNAMIC_DISPATCH(log_sum_exp_of)(m.data(), l.data(), out.data(), l.size());
  return out;
}

std::vector<float> log_all(const std::vector<float>& l) {
  return log_sum_exp_all(std::vector<float>(l.size()), l);
}

std::vector<float> tanh_all(const std::vector<float>& in) {
  std::vector<float> out(in.size());
  HWY_DYNAMIC_DISPATCH(tanh_of)(in.data(), out.data(), in.size());
  return out;
}

float value_of(Function function, float x) {
  return function(std::vector<float>(16, x)).front();
}

// Calls `visit` with batches of floats from `first` to `last`, both of one sign, by their bits.
template <typename Visit>
void sweep(float first, float last, Visit visit) {
  const std::uint32_t step = std::getenv("FOVEA_LONG") != nullptr ? 1 : 1009;
  constexpr std::size_t kBatch = 4096;
  const auto end = std::bit_cast<std::uint32_t>(last);
  std::vector<float> batch;
  for (std::uint64_t bits = std::bit_cast<std::uint32_t>(first); bits <= end; bits += step) {
    batch.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    if (batch.size() < kBatch && bits + step <= end) continue;
    while (batch.size() % 16 != 0) batch.push_back(batch.back());
    visit(batch);
    batch.clear();
  }
}

double ulps_off(float actual, double expected) {
  const float nearest = static_cast<float>(std::abs(expected));
  const float above = std::nextafter(nearest, kInfinity);
  const double ulp = static_cast<double>(above) - static_cast<double>(nearest);
  return std::abs(static_cast<double>(actual) - expected) / ulp;
}

struct Range {
  float first;
  float last;
};

double most_ulps_off(Function function, double (*exact)(double), const Range& range) {
  double most = 0;
  sweep(range.first, range.last, [&](const std::vector<float>& in) {
    const std::vector<float> out = function(in);
    for (std::size_t i = 0; i < in.size(); ++i) {
      most = std::max(most, ulps_off(out[i], exact(static_cast<double>(in[i]))));
    }
  });
  return most;
}

// The targets whose bits are promised to be equal.
std::vector<std::string> targets_with_fma() {
  std::vector<std::string> list;
  for (const std::string& target : targets_available()) {
    if (target.starts_with("AVX")) list.push_back(target);
  }
  return list;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

void expect_same_bits_on_all_targets(Function function, const Range& range) {
  sweep(range.first, range.last, [&](const std::vector<float>& in) {
    std::vector<float> first;
    for (const std::string& target : targets_with_fma()) {
      force_target(target);
      const std::vector<float> out = function(in);
      if (first.empty()) first = out;
      ASSERT_TRUE(same_bits(out, first)) << target << " from " << in.front();
    }
  });
}

class Functions : public ::testing::Test {
 protected:
  void TearDown() override { force_target(""); }
};

TEST_F(Functions, Exp2IsWithinTwoUlps) {
  const double most = most_ulps_off(exp2_all, std::exp2, {-0.0F, -100.0F});
  EXPECT_LE(most, 2.0);
  RecordProperty("ulps", std::to_string(most));
}

TEST_F(Functions, Exp2IsExactWhereItMustBe) {
  for (const std::string& target : targets_available()) {
    force_target(target);
    EXPECT_EQ(value_of(exp2_all, 0), 1) << target;
    EXPECT_EQ(value_of(exp2_all, -0.0F), 1) << target;
    EXPECT_EQ(value_of(exp2_all, -1), 0.5F) << target;
    EXPECT_EQ(value_of(exp2_all, -100), 0x1p-100F) << target;
    EXPECT_EQ(value_of(exp2_all, std::nextafter(-100.0F, -kInfinity)), 0) << target;
    EXPECT_EQ(value_of(exp2_all, -std::numeric_limits<float>::max()), 0) << target;
    EXPECT_EQ(value_of(exp2_all, -kInfinity), 0) << target;
    // Any payload and sign: the low bits of a NaN must not become an exponent.
    for (std::uint32_t bits : {0x7FC00000U, 0xFFC00000U, 0x7FC00001U, 0x7FFFFFFFU, 0xFFC000FFU}) {
      EXPECT_TRUE(std::isnan(value_of(exp2_all, std::bit_cast<float>(bits)))) << target << bits;
    }
  }
}

TEST_F(Functions, Exp2HasTheSameBitsOnTargetsWithFma) {
  expect_same_bits_on_all_targets(exp2_all, {-0.0F, -kInfinity});
}

TEST_F(Functions, LogSumExpOfSumsIsWithinOneUlp) {
  const double most = most_ulps_off(log_all, std::log, {1, 0x1p64F});
  EXPECT_LE(most, 0.9);
  RecordProperty("ulps", std::to_string(most));
}

TEST_F(Functions, LogSumExpIsWithinAnUlpOfItsLargerTerm) {
  std::minstd_rand random(5);
  std::uniform_real_distribution<float> exponent(-20, 20);
  std::vector<float> m(1 << 16);
  std::vector<float> l(m.size());
  for (float& number : m) {
    number = std::copysign(std::exp2(exponent(random)), exponent(random));
  }
  for (float& number : l) number = std::exp2(std::abs(exponent(random)));
  for (const std::string& target : targets_available()) {
    force_target(target);
    const std::vector<float> actual = log_sum_exp_all(m, l);
    double most = 0;
    for (std::size_t i = 0; i < m.size(); ++i) {
      const double shift = static_cast<double>(m[i]) * std::numbers::ln2;
      const double log = std::log(static_cast<double>(l[i]));
      const double ulp = std::exp2(std::ilogb(std::max({std::abs(shift), log, 1.0})) - 23);
      most = std::max(most, std::abs(static_cast<double>(actual[i]) - shift - log) / ulp);
    }
    // The sum is up to twice the larger term, and so is its ulp; without FMA, head log(2) is
    // rounded too, and that may be twice the sum.
    EXPECT_LE(most, target.starts_with("AVX") ? 1.1 : 2.1) << target;
    RecordProperty(target, std::to_string(most));
  }
}

TEST_F(Functions, LogSumExpOfOneKeyIsItsMaximum) {
  for (const std::string& target : targets_available()) {
    force_target(target);
    EXPECT_EQ(value_of(log_all, 1), 0) << target;
    const std::vector<float> ones(16, 1);
    const std::vector<float> m(16, 1.44269502F);
    EXPECT_EQ(log_sum_exp_all(m, ones)[0], 1) << target;
  }
}

TEST_F(Functions, LogSumExpHasTheSameBitsOnTargetsWithFma) {
  expect_same_bits_on_all_targets(log_all, {0x1p-126F, std::numeric_limits<float>::max()});
}

TEST_F(Functions, TanhIsWithinTwoUlps) {
  const double most = most_ulps_off(tanh_all, std::tanh, {0x1p-126F, 20});
  EXPECT_LE(most, 2.0);
  RecordProperty("ulps", std::to_string(most));
}

TEST_F(Functions, TanhIsOddAndEndsAtOne) {
  for (const std::string& target : targets_available()) {
    force_target(target);
    EXPECT_EQ(value_of(tanh_all, kInfinity), 1) << target;
    EXPECT_EQ(value_of(tanh_all, -kInfinity), -1) << target;
    EXPECT_EQ(value_of(tanh_all, std::numeric_limits<float>::max()), 1) << target;
    EXPECT_EQ(value_of(tanh_all, 0), 0) << target;
    EXPECT_TRUE(std::isnan(value_of(tanh_all, kNaN))) << target;
    EXPECT_TRUE(std::isnan(value_of(tanh_all, -kNaN))) << target;
    for (float x : {1e-30F, 0.3F, 0.75F, 1.0F, 5.0F}) {
      EXPECT_EQ(value_of(tanh_all, -x), -value_of(tanh_all, x)) << target << x;
    }
  }
}

TEST_F(Functions, TanhHasTheSameBitsOnTargetsWithFma) {
  expect_same_bits_on_all_targets(tanh_all, {0.0F, kInfinity});
}

TEST(Target, UnknownNameIsAnErrorThatListsWhatThereIs) {
  const std::string before(target_in_use());
  try {
    force_target("avx9");
    FAIL() << "no error";
  } catch (const std::exception& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.find("avx9") != std::string::npos) << text;
    EXPECT_TRUE(text.find(targets_available().back()) != std::string::npos) << text;
  }
  EXPECT_EQ(target_in_use(), before);
}

TEST(Target, NamesAreTakenInAnyCase) {
  const std::string plainest = targets_available().back();  // SCALAR with GCC, EMU128 with Clang
  std::string lower = plainest;
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  force_target(lower);
  EXPECT_EQ(target_in_use(), plainest);
  force_target("");
}

TEST(Target, EnvironmentNamesIt) {
  setenv("FOVEA_TARGET", "ssse3", 1);
  force_target("");
  EXPECT_EQ(target_in_use(), "SSSE3");
  setenv("FOVEA_TARGET", "nonsense", 1);
  EXPECT_ANY_THROW(force_target(""));
  unsetenv("FOVEA_TARGET");
  force_target("");
}

}  // namespace
}  // namespace fovea::kernels
#endif
