// How far a correct float32 implementation may be from the reference: its rounding errors, counted
// for each row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "fovea/reference/attend.h"

namespace fovea::conformance {

/// Half an ulp of 1 in float32: the largest relative error of one operation.
inline constexpr double kUnit = 0x1p-24;

struct RowBounds {
  double log_sum_exp = 0;
  double row_sum = 0;          // as a share of it
  std::vector<double> output;  // of each column, before it is rounded to its type
};

/// What rounding the output to its type adds: half an ulp of the type.
inline double rounding_of(DType type, double number) {
  switch (type) {
    case DType::bf16:
      return std::abs(number) * 0x1p-8;
    case DType::f16:
      return std::abs(number) * 0x1p-11 + 0x1p-25;
    case DType::f64:
      return 0;
    default:
      return std::abs(number) * kUnit + 0x1p-149;
  }
}

/// The largest error of score j, in units: the chain of D fused products and the folded scale round
/// D + 4 times numbers that stay below sum |q k| · scale; without FMA each product rounds too. Soft
/// cap (tanh is within 2 ulp, 4 units, of what it is given), bias and ALiBi round their results a
/// few times more.
inline double score_units(const ValidAttention& v, const reference::Steps& steps, std::int64_t row,
                          std::int64_t j, bool fused) {
  const std::int64_t i = row % v.queries();
  const std::int64_t h = row / v.queries() % v.query_heads();
  const std::int64_t b = row / v.queries() / v.query_heads();
  const auto at = static_cast<std::size_t>(row * v.keys() + j);
  const double capped = std::abs(steps.capped.values<double>()[at]);
  double products = 0;
  for (std::int64_t d = 0; d < v.head_size(); ++d) {
    const double key = v.key.number_at(b, v.key_head_of(h), j, d);
    products += std::abs(v.query.number_at(b, h, i, d) * key);
  }
  const double roundings = (fused ? 1.0 : 2.0) * static_cast<double>(v.head_size()) + 4;
  double units = roundings * products * std::abs(v.scale);
  if (v.softcap > 0) units += 6 * capped;
  if (v.bias.given()) units += 4 * (capped + std::abs(v.bias.number_at(b, h, i, j)));
  if (v.alibi_slopes.given()) {
    const double distance = std::abs(static_cast<double>(v.diagonal_at(b, i) - j));
    units += 4 * (std::abs(steps.biased.values<double>()[at]) +
                  2 * std::abs(v.alibi_slopes.number_at(h)) * distance);
  }
  return units;
}

/// Bounds for row `row` of all rows; `steps` holds the whole problem's scores and weights. A weight
/// exp(s - m) is off by the errors of s and m, 4 units of exp2 and the rounding of s - m (below 70,
/// or the weight is 0). Sums over keys round once a key in a block of 128 and 4 times a block;
/// everything is divided by such a sum. So the logarithm of a weight is off by so many units, 1.1
/// covers their products, and the weight by the exponential of that. Where scores round to
/// thousands, as beside a bias of -1e9, any weights will do: the output is then still a mean of
/// visible values.
inline RowBounds row_bounds(const ValidAttention& v, const reference::Steps& steps,
                            std::int64_t row, bool fused) {
  const std::int64_t h = row / v.queries() % v.query_heads();
  const std::int64_t b = row / v.queries() / v.query_heads();
  const double* biased = steps.biased.values<double>().data() + row * v.keys();
  const double* weights = steps.weights.values<double>().data() + row * v.keys();
  const double max = steps.row_max.values<double>()[static_cast<std::size_t>(row)];
  const double lse = steps.log_sum_exp.values<double>()[static_cast<std::size_t>(row)];
  double score = v.sinks.given() ? 2 * std::abs(v.sinks.number_at(h)) : 0;
  double subtraction = 0;
  for (std::int64_t j = 0; j < v.keys(); ++j) {
    if (std::isinf(biased[j])) continue;
    score = std::max(score, score_units(v, steps, row, j, fused));
    subtraction = std::max(subtraction, std::min(max - biased[j], 70.0));
  }
  const double blocks = static_cast<double>((v.keys() + 127) / 128);
  const double sums = std::min<double>(static_cast<double>(v.keys()), 128) + 4 * blocks;
  const double weight = 2 * score + subtraction + 4;
  const double size = std::isfinite(lse) ? std::max(std::abs(lse), std::abs(max)) : 0;
  RowBounds bounds;
  bounds.log_sum_exp = 1.1 * kUnit * (weight + sums + 4 * std::max(size, 1.0));
  bounds.row_sum = std::expm1(2 * bounds.log_sum_exp);
  const double of_weights = std::expm1(1.1 * kUnit * 2 * (weight + sums + 2));
  for (std::int64_t c = 0; c < v.value_size(); ++c) {
    double carried = 0;
    double largest = 0;
    for (std::int64_t j = 0; j < v.keys(); ++j) {
      if (biased[j] == -std::numeric_limits<double>::infinity()) continue;
      const double value = std::abs(v.value.number_at(b, v.key_head_of(h), j, c));
      largest = std::max(largest, value);
      if (weights[j] != 0) carried += weights[j] * value;
    }
    // Weights below 2^-100 are dropped.
    const double moved = carried > 0 ? of_weights * carried : 0;
    bounds.output.push_back(std::min(moved, 2 * largest) + 0x1p-90);
  }
  return bounds;
}

}  // namespace fovea::conformance
