// GELU and SiLU against double libm and torch, and at the ends of float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "fovea/nn/feed_forward.h"
#include "nn/nn_goldens.h"

namespace fovea::nn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double exact_gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
}
double exact_gelu_tanh(double x) {
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(u));
}
double exact_silu(double x) {
  return x / (1 + std::exp(-x));
}

void gelu_exact(std::span<float> x) {
  gelu(Gelu::exact, x);
}
void gelu_tanh(std::span<float> x) {
  gelu(Gelu::tanh, x);
}
void silu(std::span<float> x) {
  const std::vector<float> ones(x.size(), 1.0F);
  silu_times(x, ones);
}

// Both signs of a million magnitudes: each 2^-13 of itself apart, from 2^-40 to 2^88.
std::vector<float> sweep() {
  std::vector<float> x;
  for (int exponent = -40; exponent < 88; ++exponent) {
    for (int part = 0; part < 4096; ++part) {
      const float magnitude =
          std::ldexp(1.0F + static_cast<float>(part) / 4096.0F + 0x1p-20F, exponent);
      x.push_back(magnitude);
      x.push_back(-magnitude);
    }
  }
  return x;
}

void expect_within_4_ulp_of_x(void (*function)(std::span<float>), double (*exact)(double)) {
  const std::vector<float> x = sweep();
  std::vector<float> y = x;
  function(y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wide = static_cast<double>(x[i]);
    // The product of the tail's double 0 and infinity: the limit is 0.
    const double want = wide < -100 ? 0 : exact(wide);
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - want), 4 * ulp_of(wide)) << x[i];
  }
}

TEST(Gelu, IsWithin4UlpOfItsArgument) {
  expect_within_4_ulp_of_x(gelu_exact, exact_gelu);
  expect_within_4_ulp_of_x(gelu_tanh, exact_gelu_tanh);
}

TEST(Silu, IsWithin4UlpOfItsArgument) {
  expect_within_4_ulp_of_x(silu, exact_silu);
}

TEST(Silu, IsWithin4UlpOfItselfWhereItIsNotTiny) {
  std::vector<float> x = sweep();
  std::erase_if(x, [](float value) { return value < -80; });
  std::vector<float> y = x;
  silu(y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = exact_silu(static_cast<double>(x[i]));
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - want), 4 * ulp_of(want)) << x[i];
  }
}

TEST(Activations, MatchTorch) {
  const nlohmann::json& golden = nn_goldens().at("activations");
  const std::vector<double> x = doubles(golden.at("x"));
  const auto count = static_cast<std::int64_t>(x.size());
  const auto expect_golden = [&](const char* name, const Tensor& y, double factor) {
    const std::vector<double> want = doubles(golden.at(name));
    for (std::size_t i = 0; i < want.size(); ++i) {
      // 4 ulp of the argument, and half a one of the golden's ninth digit.
      const double bound = 4.5 * factor * ulp_of(x[i]);
      EXPECT_NEAR(static_cast<double>(y.values<float>()[i]), want[i], bound) << name << " " << x[i];
    }
  };
  Tensor y = floats(golden.at("x"), {count});
  gelu(Gelu::exact, y.values<float>());
  expect_golden("gelu_exact", y, 1);
  y = floats(golden.at("x"), {count});
  gelu(Gelu::tanh, y.values<float>());
  expect_golden("gelu_tanh", y, 1);
  y = floats(golden.at("x"), {count});
  const Tensor up = floats(golden.at("up"), {count});
  silu_times(y.values<float>(), up.values<float>());
  const float largest = std::ranges::max(up.values<float>());
  expect_golden("silu_times", y, std::max(2.0, static_cast<double>(largest)));
}

TEST(Activations, KeepNanAndReachTheirLimits) {
  for (const auto function : {gelu_exact, gelu_tanh, silu}) {
    std::vector<float> x = {std::numeric_limits<float>::quiet_NaN(), kInfinity, 3e38F, -3e38F,
                            0.0F};
    function(x);
    EXPECT_TRUE(std::isnan(x[0]));
    EXPECT_THAT(std::span(x).subspan(1), testing::ElementsAre(kInfinity, 3e38F, 0.0F, 0.0F));
  }
}

TEST(Activations, GiveANumberTheSameBitsWhereverItStands) {
  const std::vector<float> x = {-3.1F,  0.2F,  1.7F,  -0.9F, 88.5F,
                                -88.5F, 0.99F, 1.01F, -1.0F, 5e-20F};
  for (const auto function : {gelu_exact, gelu_tanh, silu}) {
    std::vector<float> alone;
    for (const float value : x) {
      alone.push_back(value);
      function(std::span(alone).last(1));
    }
    std::vector<float> many;
    for (int copies = 0; copies < 7; ++copies) many.insert(many.end(), x.begin(), x.end());
    function(many);
    for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ(many[i], alone[i % x.size()]) << i;
  }
}

TEST(SiluTimes, MultipliesByTheOtherPart) {
  std::vector<float> gate = {0.0F, 100.0F, -100.0F};
  const std::vector<float> up = {5.0F, 0.25F, 2.0F};
  silu_times(gate, up);
  EXPECT_THAT(gate, testing::ElementsAre(0.0F, 25.0F, 0.0F));
}

}  // namespace
}  // namespace fovea::nn
