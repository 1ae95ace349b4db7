// Which rows can tell a duplicate-token or an induction head from others.
#include "insight/row_facts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fovea/core/tensor.h"

namespace fovea::insight {
namespace {

const std::vector<float> kZeros(64, 0);

/// One head whose queries are its keys.
Attention causal_question(std::int64_t keys) {
  return {.query = TensorView(kZeros.data(), {keys, 1}),
          .key = TensorView(kZeros.data(), {keys, 1}),
          .value = TensorView(kZeros.data(), {keys, 1}),
          .causal = true};
}

/// What row `row` tells: "duplicate", "induction", both or "".
std::string told(const Attention& attention, const std::vector<std::int32_t>& tokens,
                 std::size_t row) {
  const ValidAttention valid = validate(attention, {});
  const TensorView view(tokens.data(), {static_cast<std::int64_t>(tokens.size())});
  const RowFacts facts = RowFactsOf(valid, checked_tokens(view, valid, "test")).of(0, 0)[row];
  std::string text = facts.tells_duplicate ? "duplicate" : "";
  if (facts.tells_induction) text += text.empty() ? "induction" : " induction";
  return text;
}

std::string told_by_last(const std::vector<std::int32_t>& tokens) {
  return told(causal_question(static_cast<std::int64_t>(tokens.size())), tokens, tokens.size() - 1);
}

TEST(RowFacts, TellBothWhereACopyLiesApart) {
  EXPECT_EQ(told_by_last({9, 1, 2, 3, 1}), "duplicate induction");
  EXPECT_EQ(told_by_last({9, 1, 2, 3, 1, 4, 1}), "duplicate");  // 4, a match, is the previous key
}

TEST(RowFacts, TellNothingWithoutACopy) {
  EXPECT_EQ(told_by_last({9, 1, 2, 3, 4}), "");
  EXPECT_EQ(told_by_last({9, -1, 2, 3, -1}), "");  // no tokens
}

TEST(RowFacts, LeaveOutWhatAFirstTokenHeadSees) {
  EXPECT_EQ(told_by_last({1, 2, 3, 1}), "induction");
}

TEST(RowFacts, LeaveOutWhatAPreviousTokenHeadSees) {
  EXPECT_EQ(told_by_last({9, 1, 2, 1}), "duplicate");
  EXPECT_EQ(told_by_last({9, 2, 1, 1}), "");
}

TEST(RowFacts, LeaveOutKeysThatAreBothACopyAndAfterOne) {
  EXPECT_EQ(told_by_last({9, 1, 1, 2, 3, 1}), "");
}

TEST(RowFacts, LeaveOutKeysAfterTheRow) {
  const std::vector<std::int32_t> tokens = {9, 1, 2, 3, 1};
  Attention both_sides = causal_question(5);
  both_sides.causal = false;
  EXPECT_EQ(told(both_sides, tokens, 1), "");
  EXPECT_EQ(told(both_sides, tokens, 4), "duplicate induction");
  EXPECT_EQ(told(causal_question(5), tokens, 1), "");
}

TEST(RowFacts, LeaveOutHiddenKeys) {
  const std::vector<std::int32_t> tokens = {9, 1, 2, 3, 1};
  Attention question = causal_question(5);
  question.window = {.left = 2};
  EXPECT_EQ(told(question, tokens, 4), "induction");
  question.window = {.left = 1};
  EXPECT_EQ(told(question, tokens, 4), "");
  question.window = {};
  const Tensor keep = Tensor::of<bool>({5}, {true, true, false, true, true});
  question.keep = keep;
  EXPECT_EQ(told(question, tokens, 4), "duplicate");
}

TEST(RowFacts, CountTheKeysThatARowSees) {
  const Tensor keep = Tensor::of<bool>({5}, {false, true, false, true, true});
  Attention question = causal_question(5);
  question.keep = keep;
  const ValidAttention valid = validate(question, {});
  RowFactsOf facts(valid, {});
  const std::vector<RowFacts>& rows = facts.of(0, 0);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].visible, 0);
  EXPECT_EQ(rows[2].visible, 1);
  EXPECT_EQ(rows[2].only_key, 1);
  EXPECT_EQ(rows[4].visible, 3);
  EXPECT_TRUE(rows[4].sees_own);
  EXPECT_TRUE(rows[4].sees_previous);
  EXPECT_FALSE(rows[4].sees_first);
  EXPECT_FALSE(rows[3].sees_previous);
}

TEST(RowFacts, AreOfEachEntrysOwnLengthAndTokens) {
  const std::vector<std::int32_t> lengths = {5, 4};
  const std::vector<std::int32_t> tokens = {9, 1, 2, 3, 1, 9, 2, 3, 1, 1};
  Attention question{.query = TensorView(kZeros.data(), {2, 1, 5, 1}),
                     .key = TensorView(kZeros.data(), {2, 1, 5, 1}),
                     .value = TensorView(kZeros.data(), {2, 1, 5, 1}),
                     .causal = true,
                     .key_lengths = TensorView(lengths.data(), {2})};
  const ValidAttention valid = validate(question, {});
  RowFactsOf facts(valid, checked_tokens(TensorView(tokens.data(), {2, 5}), valid, "test"));
  EXPECT_TRUE(facts.of(0, 0)[4].tells_duplicate);
  // The last query of entry 1 stands at key 3, its first token 1.
  EXPECT_FALSE(facts.of(1, 0)[4].tells_duplicate);
  EXPECT_EQ(facts.of(1, 0)[4].visible, 4);
}

}  // namespace
}  // namespace fovea::insight
