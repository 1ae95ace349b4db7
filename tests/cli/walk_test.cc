// fovea walk as its readers use it: own words, own vectors, a terminal, a pipe, a script.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "cli/run_program.h"
#include "formats/temporary_folder.h"
#include "fovea/formats/npy.h"
#include "fovea/lesson/lesson.h"
#include "fovea/lesson/transcript.h"

namespace fovea::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string output_of(std::vector<std::string> words, std::string input = "") {
  const Finished done = run(Launch{.words = std::move(words), .input = std::move(input)});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(done.error, "");
  return done.output;
}

std::string error_of(std::vector<std::string> words, int exit_code, std::string input = "") {
  const Finished done = run(Launch{.words = std::move(words), .input = std::move(input)});
  EXPECT_EQ(done.exit_code, exit_code) << done.output;
  EXPECT_EQ(done.output, "");
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  return done.error;
}

// Columns of the widest line: a column for each character of UTF-8.
std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    widest = std::max(widest, static_cast<std::size_t>(columns));
  }
  return widest;
}

TEST(Walk, ShowsTheFirstLessonWholeAndThenTheList) {
  const std::string text = output_of({"walk"});
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("0.4419  0.6515  0.5683"), HasSubstr("together bring 47 %"),
            HasSubstr("“with” scores 0.8434 with “journey” but only 0.4937 with\n    itself")));
  for (const lesson::LessonInfo& info : lesson::list_lessons())
    EXPECT_THAT(text, HasSubstr(std::string(info.title)));
}

TEST(Walk, ListsTheLessonsInOrder) {
  const std::string list = output_of({"list", "lessons"});
  std::string wanted;
  for (const lesson::LessonInfo& info : lesson::list_lessons()) {
    wanted += std::string(info.id) + "\t" + std::string(info.title) + "\n";
    EXPECT_THAT(output_of({"walk", "--list"}), HasSubstr(std::string(info.id)));
  }
  EXPECT_EQ(list, wanted);
}

TEST(Walk, PrintsTranscriptsByteForByte) {
  for (const std::string_view name : lesson::list_transcripts()) {
    std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/transcripts/" +
                       std::string(name) + ".txt");
    std::ostringstream recorded;
    recorded << file.rdbuf();
    ASSERT_FALSE(recorded.str().empty());
    EXPECT_EQ(output_of({"walk", "--transcript", std::string(name)}), recorded.str());
  }
}

TEST(Walk, TakesOwnWordsAndGivesAWordTheSameVectorEverywhere) {
  const std::string cats = output_of({"walk", "--tokens", "cats chase mice", "--query", "mice"});
  EXPECT_THAT(cats, HasSubstr("“mice” is the word that asks"));
  const auto vector_of = [](const std::string& text, const std::string& word) {
    std::smatch match;
    EXPECT_TRUE(std::regex_search(text, match, std::regex("\n    " + word + " +([0-9. ]+)\n")));
    return match[1].str();
  };
  const std::string other = output_of({"walk", "--tokens", "small mice"});
  EXPECT_EQ(vector_of(cats, "mice"), vector_of(other, "mice"));
  EXPECT_EQ(output_of({"walk", "--tokens", "The cat ran", "--query", "2"}),
            output_of({"walk", "--tokens", " The  cat\tran "}));
}

TEST(Walk, TakesVectorsFromTablesArraysAndStandardInput) {
  const formats::TemporaryFolder folder;
  formats::write_file(folder.path("x.csv"), "word,a,b\ndog,1,2\ncat,3,4.5\n");
  const auto vectors = Tensor::of<double>({2, 2}, {1, 2, 3, 4.5});
  formats::write_npy(folder.path("x.npy"), vectors);
  const std::string table = output_of({"walk", "all", "--json", "--vectors", folder.path("x.csv")});
  const std::string array = output_of(
      {"walk", "all", "--json", "--vectors", folder.path("x.npy"), "--tokens", "dog cat"});
  const auto without_origin = [](const std::string& text) {
    return std::regex_replace(text, std::regex("The vectors are those of [^ ]*"), "");
  };
  EXPECT_EQ(without_origin(table), without_origin(array));
  EXPECT_THAT(output_of({"walk", "--vectors", "-"}, "1,2\n3,4.5\n"),
              AllOf(HasSubstr("x0"), HasSubstr("x1"), HasSubstr("standard input")));
  EXPECT_THAT(output_of({"walk", "--vectors", "-"}, formats::content_of(folder.path("x.npy"))),
              HasSubstr("4.5000"));
}

TEST(Walk, RefusesInputsThatDoNotFit) {
  EXPECT_THAT(error_of({"walk", "--query", "jorney"}, 2), HasSubstr("did you mean journey"));
  EXPECT_THAT(error_of({"walk", "--query", "6"}, 2), HasSubstr("0 to 5"));
  EXPECT_THAT(error_of({"walk", "--tokens", "the dog the", "--query", "the"}, 2),
              HasSubstr("word 0 and word 2"));
  EXPECT_THAT(error_of({"walk", "--tokens", "  "}, 2), HasSubstr("no words"));
  EXPECT_THAT(error_of({"walk", "--tokens", "a b", "--vectors", "-"}, 1, "1,2\n"),
              AllOf(HasSubstr("2 tokens"), HasSubstr("1 vectors")));
  EXPECT_THAT(error_of({"walk", "--vectors", "-"}, 1, "1,2\n3\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of({"walk", "--vectors", "-"}, 1, "1,nan\n"), HasSubstr("nan"));
  EXPECT_THAT(error_of({"walk", "--vectors", "-"}, 1, "1,1e300\n"), HasSubstr("finite"));
  EXPECT_THAT(error_of({"walk", "--list", "causal"}, 2), HasSubstr("stands alone"));
  EXPECT_THAT(error_of({"walk", "--transcript", "000", "--json"}, 2), HasSubstr("stands alone"));
  EXPECT_THAT(error_of({"walk", "--transcript", "5"}, 2), HasSubstr("000, 001, 002, 003, 004"));
  std::string words;
  for (int i = 0; i <= lesson::kMaxTokens; ++i) words += "w ";
  EXPECT_THAT(error_of({"walk", "--tokens", words}, 1), HasSubstr("1000 tokens"));
}

TEST(Walk, ChangesSizesHeadsSeedAndDigits) {
  EXPECT_THAT(output_of({"walk", "qkv", "--d-out", "4"}), HasSubstr("3 numbers into\n    4"));
  EXPECT_THAT(output_of({"walk", "heads", "--heads", "3"}), HasSubstr("head 2"));
  EXPECT_THAT(output_of({"walk", "qkv", "--seed", "7"}), HasSubstr("seed 7"));
  EXPECT_NE(output_of({"walk", "qkv", "--seed", "7"}), output_of({"walk", "qkv", "--seed", "8"}));
  EXPECT_THAT(output_of({"walk", "--digits", "2"}),
              AllOf(HasSubstr("0.44  0.65  0.57"), Not(HasSubstr("0.4419"))));
}

TEST(Walk, PrintsJsonThatReadsBackAsTheSameNumbers) {
  const auto document = nlohmann::json::parse(output_of({"walk", "one-query", "all", "--json"}));
  ASSERT_EQ(document["lessons"].size(), lesson::list_lessons().size());
  const auto& context = document["lessons"][0]["steps"].back()["figures"][0];
  EXPECT_EQ(context["kind"], "table");
  EXPECT_EQ(static_cast<float>(context["values"][0][1].get<double>()), 0.87F);
  EXPECT_NEAR(context["values"][1][0].get<double>(), 0.4419, 5e-5);
}

TEST(Walk, IsColouredOnATerminalOnlyAndNotAgainstTheReadersWish) {
  const std::string plain = output_of({"walk", "causal"});
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  const std::vector<std::pair<std::string, std::string>> screen = {
      {"TERM", "xterm-256color"}, {"LC_ALL", "C.UTF-8"}, {"NO_COLOR", ""}};
  const std::string coloured =
      output_on_terminal({.words = {"walk", "causal"}, .environment = screen});
  EXPECT_THAT(coloured, HasSubstr("\x1b[1m"));
  auto wish = screen;
  wish[2].second = "1";
  EXPECT_EQ(output_on_terminal({.words = {"walk", "causal"}, .environment = wish}), plain);
  wish = screen;
  wish[0].second = "dumb";
  const std::string dumb = output_on_terminal({.words = {"walk", "causal"}, .environment = wish});
  EXPECT_TRUE(std::ranges::all_of(dumb, [](char c) { return c >= 0 && c != '\x1b'; })) << dumb;
}

TEST(Walk, StaysWithinEightyColumnsAndANarrowTerminal) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "word" + std::to_string(i) + " ";
  for (const std::string& tokens : {std::string("one"), many, std::string(3000, 'x') + " b"}) {
    EXPECT_LE(widest_line(output_of({"walk", "all", "--tokens", tokens})), 80U);
    EXPECT_LE(widest_line(output_of({"walk", "all", "--digits", "9", "--tokens", tokens})), 80U);
    EXPECT_LE(widest_line(
                  output_of({"walk", "all", "--heads", "5", "--d-out", "40", "--tokens", tokens})),
              80U);
  }
  const std::string narrow = output_on_terminal(
      {.words = {"walk", "all"}, .environment = {{"NO_COLOR", "1"}, {"TERM", "xterm"}}}, 50);
  EXPECT_LE(widest_line(narrow), 50U);
}

TEST(Walk, ExplainsItself) {
  const std::string help = output_of({"walk", "--help"});
  for (const char* flag : {"--list", "--tokens", "--vectors", "--query", "--seed", "--d-out",
                           "--heads", "--digits", "--json", "--transcript"})
    EXPECT_THAT(help, HasSubstr(flag));
  EXPECT_LE(widest_line(help), 80U);
  EXPECT_LE(widest_line(output_of({"--help"})), 80U);
  EXPECT_LE(widest_line(output_of({"attend", "--help"})), 80U);
}

}  // namespace
}  // namespace fovea::cli
