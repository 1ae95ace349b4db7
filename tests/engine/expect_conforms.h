// An answer held against the reference, row by row, within what rounding may do.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "engine/error_bounds.h"
#include "fovea/engine/attend.h"
#include "fovea/reference/attend.h"

namespace fovea::conformance {

/// Scores stay finite in log2 units; those of a row at the type's lowest are there at the end of float32.
inline double within_log2_units(double score) {
  const double end = static_cast<double>(std::numeric_limits<float>::max()) / std::numbers::log2e;
  return std::isfinite(score) ? std::clamp(score, -end, end) : score;
}

inline void expect_near(double actual, double expected, double bound, const std::string& what) {
  if (std::isfinite(expected)) {
    EXPECT_NEAR(actual, expected, bound) << what;
  } else if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << what << " is " << actual << "; it must be NaN";
  } else {
    EXPECT_EQ(actual, expected) << what;
  }
}

inline void expect_conforms(const Attended& actual, const ValidAttention& valid, bool fused,
                            const std::string& name) {
  const reference::Steps steps = reference::attend(valid, {.scores = true, .weights = true});
  EXPECT_EQ(actual.empty_rows, steps.empty_rows) << name;
  const TensorView output = actual.output;
  for (std::int64_t row = 0; row < valid.rows(); ++row) {
    const RowBounds bounds = row_bounds(valid, steps, row, fused);
    const auto at = static_cast<std::size_t>(row);
    const std::string where = fmt::format("{}: row {}", name, row);
    expect_near(static_cast<double>(actual.log_sum_exp.values<float>()[at]),
                within_log2_units(steps.log_sum_exp.values<double>()[at]), bounds.log_sum_exp,
                where + " lse");
    expect_near(static_cast<double>(actual.row_max.values<float>()[at]),
                within_log2_units(steps.row_max.values<double>()[at]), bounds.log_sum_exp,
                where + " max");
    const double sum = steps.row_sum.values<double>()[at];
    expect_near(static_cast<double>(actual.row_sum.values<float>()[at]), sum,
                bounds.row_sum * sum, where + " sum");
    const std::int64_t i = row % valid.queries();
    const std::int64_t h = row / valid.queries() % valid.query_heads();
    const std::int64_t b = row / valid.queries() / valid.query_heads();
    for (std::int64_t c = 0; c < valid.value_size(); ++c) {
      const double expected = steps.output.view().at<double>(b, h, i, c);
      const double bound = bounds.output[static_cast<std::size_t>(c)];
      expect_near(output.number_at(b, h, i, c), expected,
                  bound + rounding_of(valid.output_type, expected),
                  fmt::format("{} column {}", where, c));
    }
  }
}

}  // namespace fovea::conformance
