// Lessons drawn as text: nothing wider than asked, nothing that a terminal would obey, nothing
// hidden without a word.
#include "fovea/report/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fovea/report/lesson_json.h"
#include "report/terminal_text.h"

namespace fovea::report {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

lesson::Lesson with(lesson::Figure figure) {
  return {.id = "test",
          .title = "A title",
          .summary = "A summary.",
          .digits = 4,
          .steps = {{.title = "A step",
                     .sentence = "A sentence.",
                     .formula = "",
                     .figures = {std::move(figure)}}}};
}

int widest(const std::string& text) {
  std::istringstream lines(text);
  int most = 0;
  for (std::string line; std::getline(lines, line);) most = std::max(most, display_width(line));
  return most;
}

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("name" + std::to_string(i));
  return names;
}

TEST(TerminalView, DrawsATableWithItsShapeItsTotalsAndItsNumbersRightAligned) {
  const std::string text =
      terminal_view(with(lesson::Table{.name = "scores",
                                       .rows = {"a", "bc", "sum"},
                                       .columns = {"x", "long name"},
                                       .values = {1.5, -20, 0.25, 3, 1.75, -17},
                                       .totals = 1}),
                    {});
  EXPECT_THAT(text, HasSubstr("    scores  [2, 2]\n"
                              "                 x  long name\n"
                              "    a       1.5000   -20.0000\n"
                              "    bc      0.2500     3.0000\n"
                              "    ─────────────────────────\n"
                              "    sum     1.7500   -17.0000\n"));
}

TEST(TerminalView, GivesMixedColumnsDecimalsOfTheirOwn) {
  const std::string text = terminal_view(with(lesson::Table{.name = "",
                                                            .rows = {"", ""},
                                                            .columns = {"words", "share"},
                                                            .values = {6, 0.5, 65536, 1},
                                                            .is_mixed = true}),
                                         {});
  EXPECT_THAT(text, HasSubstr("           6  0.5000\n       65536  1.0000\n"));
  EXPECT_THAT(text, Not(HasSubstr("[2, 2]")));
}

TEST(TerminalView, CutsWhatIsTooLongAndSaysSo) {
  lesson::Table table{.name = "t", .rows = numbered(100), .columns = numbered(100), .values = {}};
  table.values.assign(100 * 100, 0.5);
  table.focus = 50;
  const std::string text = terminal_view(with(table), {});
  EXPECT_LE(widest(text), 80);
  EXPECT_THAT(text,
              AllOf(HasSubstr("[100, 100]"), HasSubstr("rows not shown"),
                    HasSubstr("columns not shown"), HasSubstr("name50"), HasSubstr("name99")));
}

TEST(TerminalView, MeansOfBlocksStandForLargeMaps) {
  lesson::ShadedMap map{.name = "w", .rows = numbered(200), .columns = numbered(200), .values = {}};
  map.values.assign(200 * 200, 1);
  const std::string text = terminal_view(with(map), {});
  EXPECT_LE(widest(text), 80);
  EXPECT_THAT(text, AllOf(HasSubstr("each cell is the mean of 7 × 7"), HasSubstr("██")));
}

TEST(TerminalView, BarsGrowWithTheNumberAndNegativeOnesToTheLeft) {
  const std::string text = terminal_view(
      with(lesson::Bars{.name = "s", .labels = {"half", "full", "minus"}, .values = {1, 2, -2}}),
      {.unicode = false});
  EXPECT_THAT(text, HasSubstr("half    1                          |############\n"));
  EXPECT_THAT(text, HasSubstr("full    2                          |########################\n"));
  EXPECT_THAT(text, HasSubstr("minus  -2  ########################"));
}

TEST(TerminalView, ShowsWhatIsNotANumber) {
  const std::string text = terminal_view(
      with(lesson::Bars{.name = "s", .labels = {"a", "b", "c"}, .values = {NAN, -INFINITY, 0.5}}),
      {});
  EXPECT_THAT(text, AllOf(HasSubstr("nan\n"), HasSubstr("-inf\n"), HasSubstr("0.5000  █")));
}

TEST(TerminalView, LetsNoEscapeThroughAndWritesNoneOfItsOwnWithoutColour) {
  const std::string hostile = "\x1b[2J\a\xe2\x80\xae\n";
  lesson::Lesson lesson =
      with(lesson::Table{.name = hostile, .rows = {hostile}, .columns = {hostile}, .values = {1}});
  lesson.title = lesson.summary = lesson.steps[0].title = lesson.steps[0].sentence = hostile;
  lesson.steps[0].formula = "a" + hostile + "b";
  lesson.steps[0].figures.emplace_back(lesson::Note{hostile});
  lesson.steps[0].figures.emplace_back(lesson::Worked{{{hostile, hostile, 1}}});
  lesson.steps[0].figures.emplace_back(lesson::Comparison{hostile, hostile, {1}, hostile, {2}});
  lesson.steps[0].figures.emplace_back(lesson::Bars{hostile, {hostile}, {1}});
  lesson.steps[0].figures.emplace_back(lesson::ShadedMap{hostile, {hostile}, {hostile}, {1}});
  const std::string text = terminal_view(lesson, {});
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\a")), HasSubstr("\\x1b[2J")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
}

TEST(TerminalView, IsAsciiWhereTheReadersTerminalIs) {
  for (const lesson::LessonInfo& info : lesson::list_lessons()) {
    const std::string text =
        terminal_view(lesson::make_lesson(info.id, lesson::journey_inputs()), {.unicode = false});
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c > 0; })) << info.id;
    EXPECT_THAT(text, Not(HasSubstr("\\u{"))) << info.id;
    EXPECT_LE(widest(text), 80) << info.id;
  }
}

TEST(TerminalText, CountsColumnsAsTerminalsDo) {
  EXPECT_EQ(display_width("journey"), 7);
  EXPECT_EQ(display_width("旅"), 2);
  EXPECT_EQ(display_width("e\xcc\x81"), 1);  // e and a combining accent
  EXPECT_EQ(display_width("🙂"), 2);
  EXPECT_EQ(pad_left("旅", 4), "  旅");
  EXPECT_EQ(cut_to("旅旅旅", 5, "…"), "旅旅…");
  EXPECT_THAT(wrap("one two  three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
}

TEST(LessonJson, KeepsEveryNumberAndWhatIsNone) {
  const std::vector<lesson::Lesson> lessons{with(lesson::Table{
      .name = "t", .rows = {"\xff"}, .columns = {}, .values = {0.1, NAN, -INFINITY}})};
  const auto json = nlohmann::json::parse(lessons_to_json(lessons));
  const auto& table = json["lessons"][0]["steps"][0]["figures"][0];
  EXPECT_EQ(table["values"][0][0].get<double>(), 0.1);
  EXPECT_EQ(table["values"][0][1], "nan");
  EXPECT_EQ(table["values"][0][2], "-inf");
  EXPECT_EQ(table["rows"][0], "\xef\xbf\xbd");
}

}  // namespace
}  // namespace fovea::report
