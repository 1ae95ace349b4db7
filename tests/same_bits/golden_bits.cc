// Prints the hashes of tests/golden/bits.json: `golden_bits > tests/golden/bits.json` writes them anew, after a change of
// the pinned arithmetic that CHANGELOG.md tells of.
#include <fmt/core.h>

#include <exception>

#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace {

constexpr std::uint32_t kProblems = 200;

void print_problem(std::uint32_t seed) {
  const fovea::same_bits::RandomProblem problem(seed);
  const fovea::Attended answer =
      fovea::attend(problem.attention, {.output_type = problem.output_type});
  fovea::same_bits::Hash output;
  output.add(answer.output);
  fovea::same_bits::Hash statistics;
  statistics.add(answer.log_sum_exp);
  statistics.add(answer.row_max);
  statistics.add(answer.row_sum);
  statistics.add(static_cast<std::uint32_t>(answer.empty_rows));
  fmt::print("  {{\"output\": \"{:016x}\", \"statistics\": \"{:016x}\", \"problem\": \"{}\"}}{}\n",
             output.value(), statistics.value(), problem.name, seed + 1 < kProblems ? "," : "");
}

}  // namespace

int main() {
  try {
    fmt::print("[\n");
    for (std::uint32_t seed = 0; seed < kProblems; ++seed) print_problem(seed);
    fmt::print("]\n");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "golden_bits: {}\n", error.what());
    return 1;
  }
}
