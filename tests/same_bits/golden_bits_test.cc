// The hashes of tests/golden/bits.json hold on every instruction set with FMA; the others stay within rounding.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/target.h"

namespace fovea::same_bits {
namespace {

std::vector<std::string> lines_of_golden_file() {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/bits.json");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> lines_printed_on(const std::string& target) {
  const std::string command = "FOVEA_TARGET=" + target + " " + FOVEA_GOLDEN_BITS;
  FILE* const pipe = popen(command.c_str(), "r");
  std::vector<std::string> lines;
  if (pipe == nullptr) return lines;
  std::array<char, 1024> line;
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    lines.emplace_back(line.data());
    lines.back().pop_back();
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return lines;
}

TEST(GoldenBits, HoldOnEveryTargetWithFma) {
  const std::vector<std::string> golden = lines_of_golden_file();
  ASSERT_EQ(golden.size(), 202U);  // 200 problems and the brackets
  int targets = 0;
  for (const std::string& target : kernels::targets_available()) {
    if (!target.starts_with("AVX")) continue;
    const std::vector<std::string> printed = lines_printed_on(target);
    ASSERT_EQ(printed.size(), golden.size()) << target;
    for (std::size_t i = 0; i < golden.size(); ++i) ASSERT_EQ(printed[i], golden[i]) << target;
    ++targets;
  }
  if (targets == 0) GTEST_SKIP() << "no target with FMA";
}

}  // namespace
}  // namespace fovea::same_bits
