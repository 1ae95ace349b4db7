// Every implementation, on every target, against the reference in double, on every case of one
// list.
#include "engine/conformance.h"

#include <gtest/gtest.h>

#include "engine/every_implementation.h"
#include "engine/expect_conforms.h"
#include "fovea/core/error.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::expect_conforms;
using conformance::Problem;

class EveryImplementation : public WithImplementation {};

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
