// The numbers that turn q · k into a score in log2 units, made once a call.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "fovea/attention/valid_attention.h"

namespace fovea::kernels {

inline constexpr float kLog2E = 1.44269502F;
inline constexpr float kFloatMax = std::numeric_limits<float>::max();
inline constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kFloatNaN = std::numeric_limits<float>::quiet_NaN();

/// Keys are folded in by blocks of this many, counted from key 0: part of the pinned arithmetic,
/// not a tuning number.
inline constexpr std::int64_t kKeyBlock = 128;
/// A block's row sum is added up from stretches of so many keys, each a chain: one chain of 128 would
/// be off by up to 3 ulp of the log-sum-exp. Pinned too.
inline constexpr int kSumKeys = 16;

/// The nearest float; a finite number stays finite.
inline float finite_float(double number) noexcept {
  if (!std::isfinite(number)) return static_cast<float>(number);
  return static_cast<float>(std::clamp<double>(number, -kFloatMax, kFloatMax));
}

/// A natural logit in log2 units; a finite one stays finite.
inline float in_log2_units(float logit) noexcept {
  return finite_float(static_cast<double>(logit) * std::numbers::log2e);
}

struct Factors {
  float query;    ///< folded into Q: scale·log2(e), or scale/softcap
  float softcap;  ///< what tanh is multiplied by: softcap·log2(e)

  explicit Factors(const ValidAttention& problem) noexcept
      : query(finite_float(problem.softcap > 0 ? problem.scale / problem.softcap
                                               : problem.scale * std::numbers::log2e)),
        softcap(finite_float(problem.softcap * std::numbers::log2e)) {}
};

}  // namespace fovea::kernels
