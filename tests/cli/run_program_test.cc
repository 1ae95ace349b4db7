// The launcher of the other tests: what it reports is what happened.
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace fovea::cli {
namespace {

TEST(RunProgram, ReportsExitCodeAndBothStreams) {
  const Finished version = run({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.output.starts_with("fovea ")) << version.output;
  EXPECT_EQ(version.error, "");
  const Finished wrong = run({"--verzion"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.error, "");
}

TEST(RunProgram, GivesStandardInput) {
  const Finished table = run({.words = {"walk", "--vectors", "-", "--json"}, .input = "dog,1,2\n"});
  EXPECT_EQ(table.exit_code, 0) << table.error;
  EXPECT_NE(table.output.find("\"dog\""), std::string::npos);
}

}  // namespace
}  // namespace fovea::cli
