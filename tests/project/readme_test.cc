// What the documents say is there: the README's example compiles as printed, links and commands
// lead somewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "project/documents.h"
#include "project/source_tree.h"

namespace fovea::project {
namespace {

/// All texts of a document that the pattern's group matches.
Lines all_matches(const SourceFile& document, const char* pattern) {
  const std::regex regex(pattern);
  Lines found;
  for (const std::string& line : document.lines) {
    for (std::sregex_iterator match(line.begin(), line.end(), regex), end; match != end; ++match) {
      found.push_back((*match)[1]);
    }
  }
  return found;
}

class Documents : public testing::TestWithParam<const char*> {
 protected:
  const std::filesystem::path root_ = FOVEA_SOURCE_DIR;
  const SourceFile document_ = read_source(root_, root_ / GetParam());
};

TEST_P(Documents, LinkToFilesThatExist) {
  for (const std::string& target : all_matches(document_, R"(\]\(([^)#:]+)\))")) {
    EXPECT_TRUE(std::filesystem::exists(root_ / target)) << GetParam() << " links to " << target;
  }
}

TEST_P(Documents, NameScriptsThatExist) {
  for (const std::string& script : all_matches(document_, R"(\b(script/[a-z]+))")) {
    EXPECT_TRUE(std::filesystem::exists(root_ / script)) << GetParam() << " names " << script;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Documents,
                         testing::Values("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
                                         "CHANGELOG.md"));

// Links and pictures of the documents in docs/, from where those stand.
TEST(Docs, LinkToFilesThatExist) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "docs")) {
    if (entry.path().extension() != ".md") continue;
    const SourceFile document = read_source(root, entry.path());
    Lines targets = all_matches(document, R"(\]\(([^)#:]+)\))");
    for (std::string& picture : all_matches(document, R"re(src="([^":]+)")re"))
      targets.push_back(std::move(picture));
    for (const std::string& target : targets) {
      EXPECT_TRUE(std::filesystem::exists(entry.path().parent_path() / target))
          << document.path << " links to " << target;
    }
  }
}

TEST(Readme, ShowsTheExampleThatIsTested) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  Lines example = read_source(root, root / "examples" / "readme.cc").lines;
  ASSERT_FALSE(example.empty());
  example.erase(example.begin());  // says what the file is
  EXPECT_EQ(blocks(read_source(root, root / "README.md"), "cpp").at(0), example);
}

TEST(Readme, ShowsWhatWalkPrints) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  const Lines shown = blocks(read_source(root, root / "README.md"), "").at(0);
  ASSERT_GT(shown.size(), 20U);
  const Lines printed = output_lines(FOVEA_BINARY " walk");
  EXPECT_NE(std::search(printed.begin(), printed.end(), shown.begin(), shown.end()), printed.end())
      << testing::PrintToString(shown);
}

// Where the model has been fetched.
TEST(Readme, ShowsWhatExplainPrints) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  const std::vector<Lines> all = blocks(read_source(root, root / "README.md"), "");
  const std::string command = all.at(1).at(1);
  ASSERT_TRUE(command.starts_with("fovea explain ")) << command;
  const Lines& shown = all.at(2);
  ASSERT_GT(shown.size(), 5U);
  const Lines printed =
      output_lines(FOVEA_BINARY + command.substr(5) + " --model smollm2 2>/dev/null || true");
  if (printed.empty()) GTEST_SKIP() << "smollm2 is not here: fovea model get smollm2";
  EXPECT_NE(std::search(printed.begin(), printed.end(), shown.begin(), shown.end()), printed.end())
      << testing::PrintToString(printed);
}

TEST(Architecture, NamesEveryLayer) {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  const Lines layers =
      all_matches(read_source(root, root / "cmake" / "layers.cmake"), R"(^fovea_layer\((\w+))");
  const Lines named = all_matches(read_source(root, root / "ARCHITECTURE.md"), R"(^\| (\w+) \|)");
  ASSERT_FALSE(layers.empty());
  EXPECT_THAT(named, testing::IsSupersetOf(layers));
}

}  // namespace
}  // namespace fovea::project
