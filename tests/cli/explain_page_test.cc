// fovea explain --html: the file, the line that names it, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "cli/run_program.h"
#include "cli/tiny_model.h"
#include "formats/temporary_folder.h"
#include "report/page_reader.h"

namespace fovea::cli {
namespace {

using report::ReadPage;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kJourney = "Your journey starts with one step";

class ExplainPage : public testing::Test {
 protected:
  Finished explain(std::vector<std::string> words) const {
    words.insert(words.begin(), "explain");
    return run({.words = std::move(words), .environment = {{"XDG_DATA_HOME", folder_.root()}}});
  }

  void expect_usage_error(std::vector<std::string> words, const std::string& text) const {
    const Finished done = explain(std::move(words));
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_THAT(done.error, HasSubstr(text));
    EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
    EXPECT_TRUE(folder_.names().empty());
  }

  std::string page() const { return folder_.path("page.html"); }

  formats::TemporaryFolder folder_;
};

TEST_F(ExplainPage, IsWrittenAndNamed) {
  const Finished done = explain({kJourney, "--html", page()});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr(page() + ": "));
  EXPECT_THAT(done.output, HasSubstr("MB; 2 of 2 heads can be opened row by row"));
  EXPECT_EQ(std::ranges::count(done.output, '\n'), 1);
  const ReadPage read(formats::content_of(page()));
  EXPECT_EQ(read.text().at("text"), kJourney);
  EXPECT_THAT(read.title, HasSubstr("Your journey starts"));
  EXPECT_EQ(folder_.names().size(), 1U);
}

TEST_F(ExplainPage, OfAModelFromAFileHasGuessesAfterEachToken) {
  const std::string model = folder_.path("story.gguf");
  formats::write_file(model, tiny_model({.story = "Once"}));
  const Finished done = explain({"Onc", "--model", model, "--html", page()});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  const ReadPage read(formats::content_of(page()));
  const auto& text = read.text();
  ASSERT_EQ(text.at("row_guesses").size(), 3U);
  EXPECT_EQ(text.at("row_guesses")[0].size(), 3U);
  EXPECT_EQ(text.at("row_guesses")[0][0].at("text"), "n");
  EXPECT_EQ(text.at("row_guesses")[2][0].at("text"), "e");
  EXPECT_EQ(text.at("ropes")[0].at("angles").size(), 1U);
  EXPECT_EQ(text.at("kept")[0].at("rope"), 0);
  EXPECT_TRUE(text.at("kept")[0].at("projected").get<bool>());
  EXPECT_EQ(text.at("kept_projections").size(), 1U);
}

TEST_F(ExplainPage, KeepsTheHeadsThatWereAskedForAlone) {
  const Finished done = explain({kJourney, "--only-heads", "0.1", "--html", page()});
  EXPECT_THAT(done.output, HasSubstr("1 of 1 heads"));
  EXPECT_EQ(ReadPage(formats::content_of(page())).text().at("kept")[0].at("head"), 1);
}

TEST_F(ExplainPage, FullKeepsAllHeads) {
  const Finished done = explain({kJourney, "--full", "--html", page()});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr("2 of 2 heads"));
}

TEST_F(ExplainPage, ComparesTexts) {
  const Finished done = explain({"--compare", "bat", "a cave bat", "a ball bat", "--html", page()});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr("4 of 4 heads"));
  const ReadPage read(formats::content_of(page()));
  EXPECT_EQ(read.json.at("comparison").at("texts").size(), 2U);
  EXPECT_EQ(read.text(1).at("text"), "a ball bat");
}

TEST_F(ExplainPage, GoesToStandardOutputWithoutTheLine) {
  // As /dev/stdout is.
  const std::string link = folder_.path("output");
  std::filesystem::create_symlink("/proc/self/fd/1", link);
  const Finished done = explain({kJourney, "--html", link});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, testing::EndsWith("</html>\n"));
  EXPECT_THAT(done.error, HasSubstr("2 of 2 heads"));
}

TEST_F(ExplainPage, NamedMinusIsStandardOutputAndTheLineGoesToStandardError) {
  const Finished done = explain({kJourney, "--html", "-"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, testing::EndsWith("</html>\n"));
  EXPECT_EQ(ReadPage(done.output).text().at("text"), kJourney);
  EXPECT_THAT(done.error, HasSubstr("2 of 2 heads"));
}

TEST_F(ExplainPage, NamesTheBytesOfATokenThatIsAPartOfACharacter) {
  const std::string model = folder_.path("story.gguf");
  formats::write_file(model, tiny_model({.story = "Once"}));
  const Finished done = explain({"\xF0\x9F\xA6\x84<", "--model", model, "--html", "-"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  const ReadPage read(done.output);
  std::string joined;
  for (const auto& token : read.text().at("tokens")) joined += token.at("text");
  EXPECT_EQ(joined, "⟨F0⟩⟨9F⟩⟨A6⟩⟨84⟩<");
}

TEST_F(ExplainPage, TellsWhatDoesNotGoTogether) {
  expect_usage_error({kJourney, "--html", page(), "--json"}, "--html and --json are two views");
  expect_usage_error({kJourney, "--full"}, "--full is for the page: it goes with --html FILE");
  expect_usage_error({kJourney, "--html", page(), "--at", "0.0:1"}, "any row can be opened");
  expect_usage_error({"--compare", "a", "a", "a", "--full"}, "it goes with --html FILE");
  expect_usage_error({"", "--html", page()}, "explain: empty text");
}

TEST_F(ExplainPage, TellsBeforeTheRunThatThePlaceCannotBeWritten) {
  const Finished missing = explain({kJourney, "--html", folder_.path("none/page.html")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.error, HasSubstr("none/page.html"));
  EXPECT_THAT(missing.error, HasSubstr("No such file or directory"));
  const Finished folder = explain({kJourney, "--html", folder_.root().string()});
  EXPECT_EQ(folder.exit_code, 1);
  EXPECT_THAT(folder.error, HasSubstr("directory"));
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(ExplainPage, LeavesNothingWhereTheDiskIsFull) {
  const Finished done = explain({kJourney, "--html", "/dev/full"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.error, HasSubstr("No space left on device"));
}

TEST_F(ExplainPage, LeavesAnOlderPageAsItWasWhenTheRunFails) {
  formats::write_file(page(), "older");
  const Finished done = explain({kJourney, "--only-heads", "7.7", "--html", page()});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_EQ(formats::content_of(page()), "older");
  EXPECT_EQ(folder_.names().size(), 1U);
}

TEST_F(ExplainPage, ATextCannotLeaveItsPlace) {
  const Finished done =
      explain({"</script><script>alert(1)</script> \xe2\x80\xae step", "--html", page()});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  const std::string html = formats::content_of(page());
  EXPECT_THAT(html, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(ReadPage(html).title, HasSubstr("&lt;/script&gt;"));
}

}  // namespace
}  // namespace fovea::cli
