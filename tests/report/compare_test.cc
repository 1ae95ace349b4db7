// One word in several texts, through the built-in model and tiny random ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error_text.h"
#include "fovea/models/built_in.h"
#include "fovea/report/comparison.h"
#include "fovea/report/terminal.h"
#include "report/stub_model.h"

namespace fovea::report {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Comparison compared(const std::string& word, const std::vector<std::string>& texts) {
  return compare(*models::built_in_model(texts), word, texts);
}

TEST(Compare, AWordAloneIsTheSameUntilOthersStandBeforeIt) {
  const Comparison c = compared("bat", {"a cave bat", "a ball bat"});
  ASSERT_EQ(c.pairs.size(), 1U);
  EXPECT_EQ(c.pairs[0].cosines.front(), 1);
  EXPECT_LT(c.pairs[0].cosines.back(), 1);
  EXPECT_FALSE(c.has_same_past);
}

TEST(Compare, SaysWhenNothingInADecoderCanHaveMovedIt) {
  const Comparison c = compared("bat", {"the bat flew", "the bat broke"});
  EXPECT_TRUE(c.has_same_past);
  EXPECT_EQ(c.pairs[0].cosines.back(), 1);
  EXPECT_TRUE(c.heads.empty());
  EXPECT_THAT(terminal_view(c, {}), HasSubstr("nothing does here"));
}

TEST(Compare, TakesTheLastOccurrenceAsAWholeWord) {
  const Comparison c = compared("bat", {"bat combat bat end", "x bat batter"});
  EXPECT_EQ(c.texts[0].token, 2);
  EXPECT_EQ(c.texts[1].token, 1);
}

TEST(Compare, FindsWordsBesidePunctuationOfAnyScript) {
  const Comparison c = compared("bat", {"a “bat” flew", "der bat… flog", "x bat🦇 y"});
  EXPECT_EQ(c.texts[0].token, 1);
  EXPECT_EQ(c.texts[1].token, 1);
  EXPECT_EQ(c.texts[2].token, 1);
  // A word's end is no end within a longer one, whatever its letters.
  EXPECT_THAT(invalid_argument_text([] {
                compared("caf", {"un café", "caf"});
              }),
              HasSubstr("the word 'caf' is not in 'un café'"));
  EXPECT_THAT(invalid_argument_text([] {
                compared("fé", {"un café", "fé"});
              }),
              HasSubstr("is not in 'un café'"));
}

TEST(Compare, FindsWordsOfScriptsWithoutSpaces) {
  const Comparison c = compared("猫", {"我的猫在家", "黑猫 跑"});
  EXPECT_EQ(c.texts[0].token, 0);
  EXPECT_EQ(c.texts[1].token, 0);
  EXPECT_EQ(compared("café", {"un café noir", "le «café»"}).texts[1].token, 1);
}

TEST(Compare, TakesTheLastTokenOfAWordOfSeveral) {
  const Comparison c = compared("small bat", {"a small bat flew", "the small bat"});
  EXPECT_EQ(c.texts[0].token, 2);
  EXPECT_EQ(c.texts[1].token, 2);
}

TEST(Compare, FindsTheFarthestPairOfMany) {
  const Comparison c = compared("it", {"a b it", "c d it", "e f it"});
  ASSERT_EQ(c.pairs.size(), 3U);
  for (const ComparedPair& pair : c.pairs)
    EXPECT_GE(pair.cosines.back(), c.pairs[c.farthest].cosines.back());
}

// With one layer that only joins heads, what is left out are the first word and the word itself:
// in a text of three words the share is that of the one between.
TEST(Compare, HeadsSharesAreWhatTheWordsAroundBrought) {
  const Comparison c = compared("bat", {"a cave bat", "a ball bat"});
  for (const MovingHead& head : c.heads) {
    EXPECT_GT(head.share, 0);
    ASSERT_EQ(head.in_a.size(), 1U);
    EXPECT_EQ(head.in_a[0].text, "cave");
    EXPECT_EQ(head.in_b[0].text, "ball");
  }
}

// Of "x b" and "y y b", after an added token, each token sees all alike. The answers differ by
// 1/12, 3/12, -1/12, -4/12 and 1/12 (added, x, space, y, b): 28/144 squared, of which the added
// token and the word are left out once each.
TEST(Compare, LeavesAnAddedFirstTokenOutOnce) {
  const std::vector<std::string> texts = {"x b", "y y b"};
  const Comparison c = compare(StubModel({.added = 1}), "b", texts);
  ASSERT_EQ(c.heads.size(), 1U);
  EXPECT_NEAR(c.heads[0].share, 26.0 / 28, 1e-5);
}

// A word of three tokens: the head looks alike at them and at those before.
TEST(Compare, TokensOfTheWordAreNotAroundIt) {
  const std::vector<std::string> texts = {"x bat", "yy bat"};
  const Comparison c = compare(StubModel({}), "bat", texts);
  ASSERT_EQ(c.heads.size(), 1U);
  for (const LookedAt& token : c.heads[0].in_b) EXPECT_THAT("bat", Not(HasSubstr(token.text)));
  EXPECT_EQ(c.heads[0].in_b.size(), 2U);  // a y and a space
}

TEST(Compare, GoesWithoutTheNotebooksWhereTheirSentenceIsTooLong) {
  const std::vector<std::string> texts = {"x b", "y b"};
  // With what is added to 33 bytes it is above the 64 that the model takes.
  const Comparison c = compare(StubModel({.added = 40}), "b", texts);
  EXPECT_TRUE(std::isnan(c.notebook.in_the_end));
  EXPECT_THAT(terminal_view(c, {}), Not(HasSubstr("journey")));
}

TEST(Compare, SaysWhenAModelsNumbersMakeNoSense) {
  const StubModel model({.value = std::numeric_limits<float>::infinity()});
  const std::vector<std::string> texts = {"x b", "y b"};
  EXPECT_THAT(invalid_argument_text([&] { compare(model, "b", texts); }),
              HasSubstr("its weights make no sense"));
}

TEST(Compare, NotebooksVectorsOfStartsAndJourneyAreNearlyOneDirection) {
  const Comparison c = compared("bat", {"a bat", "the bat"});
  EXPECT_NEAR(c.notebook.by_hand, 0.9997, 5e-5);
  // The built-in model has the notebooks' own vectors.
  EXPECT_NEAR(c.notebook.embedding, c.notebook.by_hand, 1e-6);
}

TEST(Compare, RefusesWhatCannotBeCompared) {
  EXPECT_THAT(error_text(ErrorKind::invalid_argument,
                         [] {
                           compared("", {"a", "b"});
                         }),
              HasSubstr("the word is empty"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [] { compared("a", {"a"}); }),
              HasSubstr("1 text given; at least two"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument,
                         [] {
                           compared("bat", {"a bat", "a battery"});
                         }),
              HasSubstr("the word 'bat' is not in 'a battery'"));
}

TEST(TerminalComparison, NoLineIsWiderThanTheTerminal) {
  Comparison c = compared("bat", {"a cave bat", "a ball bat", "the bat"});
  c.model.name = std::string(300, 'n');
  for (const int columns : {40, 57, 80}) {
    std::istringstream view(terminal_view(c, {.columns = columns, .unicode = false}));
    for (std::string line; std::getline(view, line);)
      EXPECT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
  }
}

TEST(TerminalComparison, SaysWhenNoHeadDidAnything) {
  Comparison c = compared("bat", {"a cave bat", "a ball bat"});
  c.heads.clear();
  EXPECT_THAT(terminal_view(c, {}),
              AllOf(HasSubstr("No head did."), Not(HasSubstr("These 0 heads"))));
}

TEST(ComparisonJson, HoldsPairsHeadsAndTexts) {
  const Comparison c = compared("bat", {"a cave bat", "a ball bat"});
  const auto json = nlohmann::json::parse(comparison_json(c));
  EXPECT_EQ(json.at("word"), "bat");
  EXPECT_EQ(json.at("texts")[1].at("tokens")[1], "ball");
  EXPECT_EQ(json.at("pairs")[0].at("cosines").get<std::vector<double>>(), c.pairs[0].cosines);
  EXPECT_EQ(json.at("heads").size(), c.heads.size());
}

}  // namespace
}  // namespace fovea::report
