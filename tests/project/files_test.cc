// Files stay small, say what they are, and are named for what they hold.
#include <gtest/gtest.h>

#include <set>

#include "project/source_tree.h"

namespace fovea::project {
namespace {

std::size_t most_lines(const SourceFile& file) {
  return is_under(file, "include/") ? 300 : 500;
}

/// What is wrong with a file, "" when nothing is.
std::string fault_of(const SourceFile& file) {
  static const std::set<std::string> vague = {"util",    "utils", "common", "helper",
                                              "helpers", "misc",  "old"};
  if (file.lines.size() > most_lines(file)) {
    return "has " + std::to_string(file.lines.size()) + " lines, at most " +
           std::to_string(most_lines(file));
  }
  if (vague.contains(std::filesystem::path(file.path).stem().string()))
    return "has a name that says nothing";
  if (file.lines.empty() ||
      !(file.lines[0].starts_with("// ") || file.lines[0].starts_with("/* "))) {
    return "does not begin with a comment that says what it is";
  }
  if (!is_under(file, "include/")) return "";
  for (const std::string& line : file.lines) {
    if (line.starts_with("#define")) return "defines a macro in a public header";
  }
  return "";
}

TEST(Files, FollowTheRules) {
  for (const SourceFile& file : read_source_tree()) {
    EXPECT_EQ(fault_of(file), "") << file.path;
  }
}

TEST(Files, OfThePageFollowTheRules) {
  const std::vector<SourceFile> files = read_page_sources();
  EXPECT_GT(files.size(), 10U);
  for (const SourceFile& file : files) EXPECT_EQ(fault_of(file), "") << file.path;
}

TEST(Files, FaultsAreFound) {
  const std::string comment = "// What it is.";
  EXPECT_EQ(fault_of({"src/core/a.cc", {comment}}), "");
  EXPECT_NE(fault_of({"src/core/a.cc", {}}), "");
  EXPECT_NE(fault_of({"src/core/a.cc", {"#pragma once"}}), "");
  EXPECT_NE(fault_of({"src/core/utils.cc", {comment}}), "");
  EXPECT_EQ(fault_of({"src/core/a.h", std::vector<std::string>(500, comment)}), "");
  EXPECT_NE(fault_of({"src/core/a.h", std::vector<std::string>(501, comment)}), "");
  EXPECT_NE(fault_of({"include/fovea/core/a.h", std::vector<std::string>(301, comment)}), "");
  EXPECT_NE(fault_of({"include/fovea/core/a.h", {comment, "#define A 1"}}), "");
  EXPECT_EQ(fault_of({"src/kernels/a.h", {comment, "#define A 1"}}), "");
}

TEST(DesignNotes, AreAtMost60Lines) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs" / "design")) {
    EXPECT_LE(read_source(root, entry.path()).lines.size(), 60U) << entry.path();
  }
}

}  // namespace
}  // namespace fovea::project
