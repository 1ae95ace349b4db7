// Random questions with every modifier, type and layout against the reference: 200, and 10,000 with FOVEA_LONG. Each failure
// names its seed; FOVEA_SEED=n begins with question n, which is otherwise drawn anew for each long run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "engine/expect_conforms.h"
#include "kernels/target.h"
#include "same_bits/random_problem.h"

namespace fovea {
namespace {

using same_bits::RandomProblem;

bool is_long() {
  return std::getenv("FOVEA_LONG") != nullptr;
}

std::uint32_t first_seed() {
  if (const char* const given = std::getenv("FOVEA_SEED"))
    return static_cast<std::uint32_t>(std::stoul(given));
  return is_long() ? std::random_device()() : 20000;
}

// Ten parts, so that cores share them.
class RandomQuestions : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomQuestions, AreAnsweredAsByTheReference) {
  const std::uint32_t count = is_long() ? 1000 : 20;
  const std::uint32_t first = first_seed() + GetParam() * count;
  std::cout << "seeds " << first << " to " << first + count - 1 << "\n";
  const bool fused = kernels::target_in_use().starts_with("AVX");
  for (std::uint32_t seed = first; seed != first + count && !HasFailure(); ++seed) {
    const RandomProblem problem(seed);
    const Execution execution{.output_type = problem.output_type};
    conformance::expect_conforms(attend(problem.attention, execution),
                                 validate(problem.attention, execution), fused, problem.name);
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, RandomQuestions, ::testing::Range(0U, 10U));

}  // namespace
}  // namespace fovea
