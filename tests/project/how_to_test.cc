// The guides work: what they tell a reader to type runs, and the programs that they show are those
// that a test builds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/attend_folder.h"
#include "project/documents.h"
#include "project/source_tree.h"
#include "tokenize/gpt2_files.h"

namespace fovea::project {
namespace {

const std::filesystem::path kRoot = FOVEA_SOURCE_DIR;

SourceFile guide(const std::string& name) {
  return read_source(kRoot, kRoot / "docs" / "how-to" / name);
}

// Runs all shell blocks of a guide in one shell, in a folder with q.npy, k.npy and v.npy; the model
// gpt2-vocab is there.
void expect_commands_work(const std::string& name) {
  const cli::AttendFolder folder;
  tokenize::write_gpt2_files(folder.folder.root() / "data" / "fovea" / "models" / "gpt2-vocab");
  std::string script = "set -euo pipefail\n";
  for (const Lines& block : blocks(guide(name), "sh")) {
    for (const std::string& line : block) script += line + "\n";
  }
  formats::write_file(folder.folder.path("guide.sh"), script);
  const auto programs = std::filesystem::path(FOVEA_BINARY).parent_path().string();
  const std::string command = "cd " + folder.folder.root().string() +
                              " && XDG_DATA_HOME=$PWD/data PATH=" + programs +
                              ":$PATH bash guide.sh > out.txt 2> error.txt";
  EXPECT_EQ(std::system(command.c_str()), 0)
      << name << ": " << formats::content_of(folder.folder.path("error.txt"));
  EXPECT_GT(formats::content_of(folder.folder.path("out.txt")).size(), 0U);
}

TEST(Guides, ShowCommandsThatWork) {
  expect_commands_work("walk-your-own-sentence.md");
  expect_commands_work("attend-files.md");
  expect_commands_work("tokenize.md");
  expect_commands_work("models.md");
  expect_commands_work("explain-a-text.md");
}

TEST(Guides, ShowTheExamplesThatAreTested) {
  for (const auto& [name, file] : {std::pair{"decode-with-a-kv-cache.md", "kv_cache.cc"},
                                   std::pair{"see-the-weights.md", "see_the_weights.cc"}}) {
    Lines example = read_source(kRoot, kRoot / "examples" / file).lines;
    ASSERT_FALSE(example.empty());
    example.erase(example.begin());  // says what the file is
    EXPECT_EQ(blocks(guide(name), "cpp"), std::vector<Lines>{example}) << name;
  }
}

TEST(Guides, ShowTheProgramsThatAreBuiltAgainstAnInstall) {
  const SourceFile shown = guide("use-in-your-program.md");
  for (const auto& [language, file] : {std::pair{"cmake", "CMakeLists.txt"},
                                       std::pair{"cpp", "main.cc"}, std::pair{"c", "main.c"}}) {
    const SourceFile built = read_source(kRoot, kRoot / "tests" / "project" / "consumer" / file);
    EXPECT_EQ(blocks(shown, language), std::vector<Lines>{built.lines}) << file;
  }
}

}  // namespace
}  // namespace fovea::project
