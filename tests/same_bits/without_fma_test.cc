// Targets without FMA round each product: their bits may differ, by no more than rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/conformance.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"

namespace fovea::same_bits {
namespace {

using conformance::Problem;

float largest(const Tensor& tensor) {
  float most = 0;
  for (const float number : tensor.values<float>()) most = std::max(most, std::abs(number));
  return most;
}

// A score of D products of size 1/sqrt(D) gains D more roundings without FMA, which wander to about half an ulp of 1; two
// such sums and the weights' own roundings meet in a difference. 4.25 is the most that was seen.
constexpr float kMostUlps = 6;

// In ulps of the largest output.
float largest_difference(const Tensor& a, const Tensor& b) {
  float most = 0;
  for (std::size_t i = 0; i < a.values<float>().size(); ++i)
    most = std::max(most, std::abs(a.values<float>()[i] - b.values<float>()[i]));
  const float size = largest(b);
  return most / (std::nextafter(size, 2 * size) - size);
}

class WithoutFma : public ::testing::Test {
 protected:
  void TearDown() override { kernels::force_target(""); }
};

TEST_F(WithoutFma, OutputsAreWithinSixUlpsOfTheLargest) {
  for (const std::int64_t keys : {17, 129, 1024}) {
    for (const std::int64_t size : {16, 64, 128}) {
      const Problem problem({.sizes = {.query_heads = 2,
                                       .key_heads = 2,
                                       .queries = 40,
                                       .keys = keys,
                                       .head_size = size,
                                       .value_size = size}});
      kernels::force_target("");
      const Attended with_fma = attend(problem.attention);
      for (const std::string& target : kernels::targets_available()) {
        if (target.starts_with("AVX")) continue;
        kernels::force_target(target);
        const float ulps = largest_difference(attend(problem.attention).output, with_fma.output);
        EXPECT_LE(ulps, kMostUlps) << target << ": " << keys << " keys, size " << size;
      }
    }
  }
}

}  // namespace
}  // namespace fovea::same_bits
