// One arithmetic: every implementation, target with FMA, number of threads and layout gives the
// bits that small gives.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/conformance.h"
#include "fovea/core/error.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"

namespace fovea {
namespace {

using conformance::Case;
using conformance::Problem;
using conformance::Sizes;

class SameBits : public ::testing::Test {
 protected:
  void TearDown() override { kernels::force_target(""); }
};

std::vector<std::string> targets_with_fma() {
  std::vector<std::string> targets = kernels::targets_available();
  std::erase_if(targets, [](const std::string& target) { return !target.starts_with("AVX"); });
  return targets;
}

// Equal bytes; f32 NaNs are equal to each other.
bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != DType::f32) return std::ranges::equal(a.bytes(), b.bytes());
  return std::ranges::equal(a.values<float>(), b.values<float>(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

void expect_same(const Attended& a, const Attended& b, const std::string& what) {
  EXPECT_TRUE(same(a.output, b.output)) << what << ": output";
  EXPECT_TRUE(same(a.log_sum_exp, b.log_sum_exp)) << what << ": log_sum_exp";
  EXPECT_TRUE(same(a.row_max, b.row_max)) << what << ": row_max";
  EXPECT_TRUE(same(a.row_sum, b.row_sum)) << what << ": row_sum";
  EXPECT_EQ(a.empty_rows, b.empty_rows) << what;
}

// Small on the first target against all implementations, targets and numbers of threads.
void expect_one_answer(const Attention& attention, DType output_type, const std::string& name) {
  if (targets_with_fma().empty()) GTEST_SKIP() << "no target with FMA";
  kernels::force_target(targets_with_fma().front());
  const Attended expected =
      attend(attention, {.implementation = "small", .output_type = output_type});
  for (const std::string& target : targets_with_fma()) {
    kernels::force_target(target);
    for (const ImplementationInfo& each : list_implementations()) {
      if (each.name == "reference") continue;
      for (const int threads : {1, 2, 3, 8, 16}) {
        const Execution execution{
            .threads = threads, .implementation = each.name, .output_type = output_type};
        try {
          expect_same(attend(attention, execution), expected,
                      fmt::format("{}: {} on {}, {} threads", name, each.name, target, threads));
        } catch (const Error& refused) {
          ASSERT_EQ(refused.kind(), ErrorKind::unsupported) << refused.what();
        }
        if (each.name == "small" || ::testing::Test::HasFailure()) break;  // small has no threads
      }
    }
  }
}

TEST_F(SameBits, OnEveryConformanceCase) {
  for (const Case& each : conformance::cases()) {
    if (each.query_type == DType::f64) continue;
    const Problem problem(each);
    expect_one_answer(problem.attention, each.output_type, each.name());
    if (HasFailure()) break;  // one case tells enough
  }
}

// Sizes with several tasks, row blocks, key blocks and tails, under each rule.
TEST_F(SameBits, OnProblemsOfManyBlocks) {
  const Sizes even{.query_heads = 2,
                   .key_heads = 2,
                   .queries = 320,
                   .keys = 320,
                   .head_size = 64,
                   .value_size = 64};
  const Sizes grouped{.batch = 2,
                      .query_heads = 6,
                      .key_heads = 2,
                      .queries = 75,
                      .keys = 411,
                      .head_size = 33,
                      .value_size = 47};
  for (const Sizes& sizes : {even, grouped}) {
    expect_one_answer(Problem({.sizes = sizes}).attention, DType::f32, "plain");
    for (const conformance::Rule& rule : conformance::rules()) {
      const Case each{.sizes = sizes, .rules = {rule}};
      const Problem problem(each);
      expect_one_answer(problem.attention, DType::f32, each.name());
      if (HasFailure()) return;
    }
  }
}

// One number that is not finite, at one place of query, key or value.
TEST_F(SameBits, AroundNumbersThatAreNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const bool causal : {false, true}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 3e38F, -3e38F}) {
      for (const int where : {0, 1, 2}) {
        for (const std::int64_t token : {0, 70, 150, 199}) {
          const Problem problem({.sizes = {.queries = 200, .keys = 200}});
          Attention attention = problem.attention;
          attention.causal = causal;
          const std::array<TensorView*, 3> views{&attention.query, &attention.key,
                                                 &attention.value};
          Tensor changed = Tensor::copy_of(*views[static_cast<std::size_t>(where)]);
          changed.values<float>()[static_cast<std::size_t>(token * 16 + 5)] = bad;
          *views[static_cast<std::size_t>(where)] = changed.view();
          expect_one_answer(
              attention, DType::f32,
              fmt::format("{} in tensor {} at token {}, causal {}", bad, where, token, causal));
          if (HasFailure()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace fovea
