// Every implementation, on every target, against the reference in double, on every case of one
// list.
#include "engine/conformance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/error_bounds.h"
#include "engine/every_implementation.h"
#include "fovea/core/error.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::Problem;

class EveryImplementation : public WithImplementation {};

void expect_near(double actual, double expected, double bound, const std::string& what) {
  if (std::isfinite(expected)) {
    EXPECT_NEAR(actual, expected, bound) << what;
  } else {
    EXPECT_EQ(actual, expected) << what;
  }
}

void expect_conforms(const Attended& actual, const ValidAttention& valid, bool fused,
                     const std::string& name) {
  const reference::Steps steps = reference::attend(valid, {.scores = true, .weights = true});
  EXPECT_EQ(actual.empty_rows, steps.empty_rows) << name;
  const TensorView output = actual.output;
  for (std::int64_t row = 0; row < valid.rows(); ++row) {
    const conformance::RowBounds bounds = conformance::row_bounds(valid, steps, row, fused);
    const auto at = static_cast<std::size_t>(row);
    const std::string where = fmt::format("{}: row {}", name, row);
    expect_near(static_cast<double>(actual.log_sum_exp.values<float>()[at]),
                steps.log_sum_exp.values<double>()[at], bounds.log_sum_exp, where + " lse");
    expect_near(static_cast<double>(actual.row_max.values<float>()[at]),
                steps.row_max.values<double>()[at], bounds.log_sum_exp, where + " max");
    const double sum = steps.row_sum.values<double>()[at];
    expect_near(static_cast<double>(actual.row_sum.values<float>()[at]), sum,
                2 * bounds.log_sum_exp * sum, where + " sum");
    const std::int64_t i = row % valid.queries();
    const std::int64_t h = row / valid.queries() % valid.query_heads();
    const std::int64_t b = row / valid.queries() / valid.query_heads();
    for (std::int64_t c = 0; c < valid.value_size(); ++c) {
      const double expected = steps.output.view().at<double>(b, h, i, c);
      const double bound = bounds.output[static_cast<std::size_t>(c)];
      expect_near(output.number_at(b, h, i, c), expected,
                  bound + conformance::rounding_of(valid.output_type, expected),
                  fmt::format("{} column {}", where, c));
    }
  }
}

TEST_P(EveryImplementation, IsWithinRoundingOfTheReference) {
  const auto& [implementation, target] = GetParam();
  const bool fused = target.starts_with("AVX");
  int computed = 0;
  for (const Case& each : conformance::cases()) {
    const Problem problem(each);
    const Execution execution{.implementation = implementation, .output_type = each.output_type};
    const ValidAttention valid = validate(problem.attention, execution);
    try {
      expect_conforms(attend(problem.attention, execution), valid, fused, each.name());
      ++computed;
    } catch (const Error& refused) {
      ASSERT_EQ(refused.kind(), ErrorKind::unsupported) << each.name() << ": " << refused.what();
    }
    if (HasFailure()) break;  // one case tells enough
  }
  EXPECT_GT(computed, 0);
  RecordProperty("cases", computed);
}

INSTANTIATE_TEST_SUITE_P(All, EveryImplementation,
                         ::testing::ValuesIn(implementations_and_targets()), test_name);

}  // namespace
}  // namespace fovea
