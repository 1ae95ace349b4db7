// One word in several texts, through the built-in model and tiny random ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error_text.h"
#include "fovea/models/built_in.h"
#include "fovea/report/comparison.h"
#include "fovea/report/terminal.h"

namespace fovea::report {
namespace {

using testing::HasSubstr;

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
