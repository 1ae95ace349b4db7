// Heads made to be of a kind get its label, and no others.
#include "fovea/insight/portrait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "fovea/core/random.h"

namespace fovea {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// The share of a row's weight that a key shall have, up to a factor of the row.
using Pattern = std::function<double(std::int64_t row, std::int64_t key)>;

/// Heads whose weights are given: keys are one-hot, so that a query's numbers are its scores. With
/// noise, each weight is off by a factor around exp(noise).
class Painted {
 public:
  Painted(std::vector<std::int32_t> ids, const std::vector<Pattern>& patterns, double noise = 0)
      : tokens_(std::move(ids)) {
    const auto heads = static_cast<std::int64_t>(patterns.size());
    const std::int64_t n = keys();
    query_ = Tensor(DType::f32, {heads, n, n});
    key_ = Tensor(DType::f32, {heads, n, n});
    value_ = Tensor(DType::f32, {heads, n, 1});
    Generator generator(11);
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t i = 0; i < n; ++i) {
        key_.values<float>()[at(h, i, i)] = 1;
        for (std::int64_t j = 0; j < n; ++j) {
          const double share = patterns[static_cast<std::size_t>(h)](i, j);
          query_.values<float>()[at(h, i, j)] =
              static_cast<float>(std::log(share + 1e-9) + noise * generator.normal());
        }
      }
    }
  }

  std::int64_t keys() const { return static_cast<std::int64_t>(tokens_.size()); }
  TensorView tokens() const { return {tokens_.data(), {keys()}}; }
  Tensor& query() { return query_; }
  Attention question() const {
    return {.query = query_, .key = key_, .value = value_, .scale = 1, .causal = true};
  }
  std::vector<Portrait> portraits() const { return fovea::portraits(question(), tokens()); }

 private:
  std::size_t at(std::int64_t h, std::int64_t i, std::int64_t j) const {
    return static_cast<std::size_t>((h * keys() + i) * keys() + j);
  }

  std::vector<std::int32_t> tokens_;
  Tensor query_;
  Tensor key_;
  Tensor value_;
};

/// "Your journey starts with one step. When the road bends, your journey starts again with one
/// step.", a number a word.
const std::vector<std::int32_t> kSentence = {0,  1,  2,  3, 4, 5,  6, 7, 8, 9,
                                             10, 11, 12, 1, 2, 13, 3, 4, 5, 6};

/// 64 tokens that repeat irregularly.
std::vector<std::int32_t> long_text() {
  std::vector<std::int32_t> ids(64);
  Generator generator(2);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(generator.bits32() % 40);
  return ids;
}

/// `share` on keys where `is_target` holds, the rest on all visible keys alike; all of it where
/// none does.
Pattern mostly(double share, std::function<bool(std::int64_t, std::int64_t)> is_target) {
  return [share, is_target](std::int64_t i, std::int64_t j) {
    if (j > i) return 0.0;
    std::int64_t targets = 0;
    for (std::int64_t other = 0; other <= i; ++other) targets += is_target(i, other) ? 1 : 0;
    const double all = 1.0 / static_cast<double>(i + 1);
    if (targets == 0) return all;
    return (is_target(i, j) ? share / static_cast<double>(targets) : 0) + (1 - share) * all;
  };
}

Pattern previous(double share) {
  return mostly(share, [](auto i, auto j) { return j == i - 1; });
}
Pattern self(double share) {
  return mostly(share, [](auto i, auto j) { return j == i; });
}
Pattern first(double share) {
  return mostly(share, [](auto, auto j) { return j == 0; });
}
Pattern duplicate(double share, const std::vector<std::int32_t>& ids) {
  return mostly(share, [ids](auto i, auto j) {
    return j < i && ids[static_cast<std::size_t>(j)] == ids[static_cast<std::size_t>(i)];
  });
}
/// The token that followed an earlier copy; key 0 where there is none, as real induction heads do.
Pattern induction(double share, const std::vector<std::int32_t>& ids) {
  const auto follows = [ids](std::int64_t i, std::int64_t j) {
    return j > 0 && ids[static_cast<std::size_t>(j - 1)] == ids[static_cast<std::size_t>(i)];
  };
  return mostly(share, [follows](std::int64_t i, std::int64_t j) {
    bool any = false;
    for (std::int64_t other = 0; other <= i; ++other) any = any || follows(i, other);
    return any ? follows(i, j) : j == 0;
  });
}
Pattern nearest(std::int64_t width) {
  return mostly(1, [width](auto i, auto j) { return j <= i && i - j < width; });
}
Pattern alike() {
  return mostly(0, [](auto, auto) { return false; });
}
Pattern half_each(const Pattern& a, const Pattern& b) {
  return [a, b](auto i, auto j) { return 0.5 * a(i, j) + 0.5 * b(i, j); };
}

std::vector<HeadKind> kinds(const Portrait& portrait) {
  std::vector<HeadKind> list;
  for (const HeadLabel& label : portrait.labels) list.push_back(label.kind);
  return list;
}

TEST(Portraits, NameEachKindOfHead) {
  const std::vector<std::int32_t> ids = long_text();
  const Painted painted(ids,
                        {previous(0.8), self(0.8), first(0.8), duplicate(0.8, ids),
                         induction(0.8, ids), nearest(5), alike()},
                        0.2);
  const std::vector<Portrait> heads = painted.portraits();
  ASSERT_EQ(heads.size(), 7U);
  for (std::size_t h = 0; h < heads.size(); ++h)
    EXPECT_EQ(heads[h].head, static_cast<std::int64_t>(h));
  EXPECT_THAT(kinds(heads[0]), ElementsAre(HeadKind::previous_token));
  EXPECT_THAT(kinds(heads[1]), ElementsAre(HeadKind::self));
  EXPECT_THAT(kinds(heads[2]), ElementsAre(HeadKind::first_token));
  EXPECT_THAT(kinds(heads[3]), ElementsAre(HeadKind::duplicate_token));
  EXPECT_THAT(kinds(heads[4]), ElementsAre(HeadKind::induction));
  EXPECT_THAT(kinds(heads[5]), ElementsAre(HeadKind::local));
  EXPECT_THAT(kinds(heads[6]), ElementsAre(HeadKind::broad));
}

/// Mean weights of SmolLM2-135M over this sentence, layer.head 16.0, 11.1, 18.8, 11.6, 17.5: 0.78,
/// 0.75, 1.00, 0.77, 0.79.
TEST(Portraits, NameHeadsAsStrongAsThoseOfASmallModel) {
  const Painted painted(kSentence, {previous(0.76), previous(0.73), first(0.99), self(0.74),
                                    induction(0.77, kSentence)});
  const std::vector<Portrait> heads = painted.portraits();
  EXPECT_THAT(kinds(heads[0]), ElementsAre(HeadKind::previous_token));
  EXPECT_THAT(kinds(heads[1]), ElementsAre(HeadKind::previous_token));
  EXPECT_THAT(kinds(heads[2]), ElementsAre(HeadKind::first_token));
  EXPECT_THAT(kinds(heads[3]), ElementsAre(HeadKind::self));
  EXPECT_THAT(kinds(heads[4]), ElementsAre(HeadKind::induction));
}

TEST(Portraits, MeanIsOverRowsFromOneOn) {
  const Painted painted(kSentence, {self(0)});  // all keys alike
  const Portrait head = painted.portraits()[0];
  EXPECT_EQ(head.self.rows, 19);
  EXPECT_EQ(head.previous.rows, 19);
  EXPECT_EQ(head.first.rows, 19);
  double mean = 0;
  for (int i = 1; i < 20; ++i) mean += 1.0 / (i + 1) / 19;
  // Weights are within 8 ulp, 2^-20.
  EXPECT_NEAR(head.self.mean, mean, 0x1p-20);
  EXPECT_NEAR(head.first.mean, mean, 0x1p-20);
  EXPECT_NEAR(head.visible_keys, 11, 1e-12);  // 2 to 20
  EXPECT_EQ(head.breadth.rows, 13);           // those that see 8 to 20
  EXPECT_NEAR(head.breadth.mean, 1, 0x1p-20);
}

TEST(Portraits, MatchMeansLeaveOutRowsThatHaveNoCopy) {
  const Painted painted(kSentence, {induction(0.8, kSentence), duplicate(0.8, kSentence)});
  const std::vector<Portrait> heads = painted.portraits();
  // Tokens 13, 14 and 16 to 19 have an earlier copy. One match each: 0.8, and its part of the rest.
  EXPECT_EQ(heads[0].induction.rows, 6);
  EXPECT_EQ(heads[0].duplicate.rows, 6);
  double mean = 0;
  for (int i : {13, 14, 16, 17, 18, 19}) mean += (0.8 + 0.2 / (i + 1)) / 6;
  EXPECT_NEAR(heads[0].induction.mean, mean, 0x1p-20);
  EXPECT_NEAR(heads[1].duplicate.mean, mean, 0x1p-20);
  EXPECT_LT(heads[0].duplicate.mean, 0.02);
  EXPECT_LT(heads[1].induction.mean, 0.02);
}

TEST(Portraits, OwnKeyIsNoDuplicate) {
  const Painted painted(kSentence, {self(0.9)});
  EXPECT_LT(painted.portraits()[0].duplicate.mean, 0.02);
}

TEST(Portraits, RowsThatCannotTellKindsApartDoNotCount) {
  // What precedes a row is a copy, or follows one.
  const std::vector<std::int32_t> run(12, 5);
  const std::vector<std::int32_t> turns = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
  const Portrait of_run = Painted(run, {previous(0.9)}).portraits()[0];
  EXPECT_EQ(of_run.duplicate.rows, 0);
  EXPECT_EQ(of_run.induction.rows, 0);
  EXPECT_THAT(kinds(of_run), ElementsAre(HeadKind::previous_token));
  const Portrait of_turns = Painted(turns, {previous(0.9)}).portraits()[0];
  EXPECT_EQ(of_turns.induction.rows, 0);
  EXPECT_THAT(kinds(of_turns), ElementsAre(HeadKind::previous_token));
}

TEST(Portraits, TwoHalvesHaveNoLabel) {
  for (const std::vector<std::int32_t>& ids : {kSentence, long_text()}) {
    const Painted painted(ids, {half_each(previous(1), first(1)), half_each(self(1), first(1)),
                                half_each(first(1), alike())});
    for (const Portrait& head : painted.portraits()) {
      EXPECT_THAT(kinds(head), IsEmpty()) << describe(head);
    }
  }
}

TEST(Portraits, TooFewRowsHaveNoLabel) {
  const Painted painted({1, 2, 3, 4, 5, 6, 7, 8}, {previous(1), first(1), alike()});
  for (const Portrait& head : painted.portraits()) {
    EXPECT_EQ(head.previous.rows, 7);
    EXPECT_THAT(kinds(head), IsEmpty());
    EXPECT_EQ(describe(head), "none; too few rows");
  }
}

TEST(Portraits, WidthIsTheLeastThatHoldsFourFifths) {
  const Painted painted(long_text(), {nearest(5), nearest(10), previous(1), first(1)});
  const std::vector<Portrait> heads = painted.portraits();
  // Of 5 equal weights 4 are 0.8 and a little more: the first rows see fewer.
  EXPECT_EQ(heads[0].local_width, 4);
  EXPECT_EQ(heads[1].local_width, 8);
  EXPECT_EQ(heads[2].local_width, 2);
  EXPECT_GT(heads[3].local_width, kLocalKeys);
}

TEST(Portraits, WidthIsOfBothSidesWhereKeysAfterAreSeen) {
  Painted painted(long_text(), {[](auto i, auto j) { return std::abs(i - j) <= 3 ? 1.0 : 0.0; }});
  Attention question = painted.question();
  question.causal = false;
  const Portrait head = portraits(question, painted.tokens())[0];
  EXPECT_EQ(head.local_width, 4);  // distances 0 to 2 hold 5/7 of the weight, to 3 all
  EXPECT_THAT(kinds(head), ElementsAre(HeadKind::local));
  EXPECT_EQ(head.first.rows, 64);
  EXPECT_EQ(head.previous.rows, 63);
}

TEST(Portraits, WindowIsNoLocality) {
  const Painted painted(long_text(), {alike()});
  Attention question = painted.question();
  question.window = {.left = 15};
  const Portrait head = portraits(question, painted.tokens())[0];
  EXPECT_THAT(kinds(head), ElementsAre(HeadKind::broad));
  EXPECT_EQ(head.first.rows, 15);  // rows 1 to 15 see key 0
}

TEST(Portraits, HeadsThatRestOnTheirSinkAreNamed) {
  const Painted painted(long_text(), {alike(), alike()});
  Attention question = painted.question();
  const Tensor sinks = Tensor::of<float>({2}, {7, -7});  // exp(7) = 1097, of at most 64 keys
  question.sinks = sinks;
  const std::vector<Portrait> heads = portraits(question, painted.tokens());
  EXPECT_THAT(kinds(heads[0]), ElementsAre(HeadKind::sink));
  EXPECT_GT(heads[0].sink.mean, 0.9);
  EXPECT_EQ(heads[0].local_width, 0);
  EXPECT_LT(heads[1].sink.mean, 0.01);
  EXPECT_THAT(kinds(heads[1]), ElementsAre(HeadKind::broad));
}

TEST(Portraits, ARowWithOneKeyIsTakenOutOfTheWidthLessItsSink) {
  // Rows 1 to 19 give 0.81 to themselves, 0.1 to the sink; row 0 a half each.
  const Painted painted(kSentence, {[](auto i, auto j) {
                          if (i == 0) return j == 0 ? 0.1 : 0.0;
                          return j == i ? 0.81 : j == 0 ? 0.09 : 0.0;
                        }});
  Attention question = painted.question();
  const Tensor sinks = Tensor::of<float>({1}, {std::log(0.1F)});
  question.sinks = sinks;
  const Portrait head = portraits(question, painted.tokens())[0];
  EXPECT_EQ(head.sink.rows, 19);
  EXPECT_NEAR(head.sink.mean, 0.1, 0x1p-20);
  EXPECT_EQ(head.local_width,
            1);  // 0.81 is above 0.8; were row 0 left in or over-counted, 2 or more
}

TEST(Portraits, RowsWithoutAKeyDoNotCount) {
  // Query i stands at key i - 8: rows 9 to 19 have a choice, and key 0 lies 1 to 11 before them.
  const Painted painted(kSentence, {[](auto, auto j) { return j == 0 ? 1.0 : 0.0; }});
  Attention question = painted.question();
  question.diagonal = Diagonal::at(-8);
  const Portrait head = portraits(question, painted.tokens())[0];
  EXPECT_EQ(head.first.rows, 11);
  EXPECT_EQ(head.local_width, 10);  // distances 1 to 9 hold 9 rows of 11, 1 to 8 fewer than 0.8
}

TEST(Portraits, MasksSayWhichRowsCount) {
  // The previous key is hidden from all rows, and its own from row 7.
  const Painted painted(kSentence, {first(0.9)});
  Tensor keep = Tensor::uninitialized(DType::boolean, {20, 20});
  for (std::int64_t i = 0; i < 20; ++i)
    for (std::int64_t j = 0; j < 20; ++j)
      keep.values<bool>()[static_cast<std::size_t>(i * 20 + j)] = j != i - 1 && (i != 7 || j != 7);
  Attention question = painted.question();
  question.keep = keep;
  const Portrait head = portraits(question, painted.tokens())[0];
  EXPECT_EQ(head.previous.rows, 0);
  EXPECT_EQ(head.first.rows, 18);  // rows 0 and 1 see but their own key
  EXPECT_EQ(head.self.rows, 17);
}

TEST(Portraits, BiasThatHidesIsAMask) {
  const Painted painted(kSentence, {first(0.9), first(0.9)});
  Tensor bias(DType::f32, {2, 1, 20});
  // Key 0 is hidden from head 1.
  bias.values<float>()[20] = -std::numeric_limits<float>::infinity();
  Attention question = painted.question();
  question.bias = bias;
  const std::vector<Portrait> heads = portraits(question, painted.tokens());
  EXPECT_EQ(heads[0].first.rows, 19);
  EXPECT_EQ(heads[1].first.rows, 0);
  EXPECT_EQ(heads[1].self.rows, 18);
}

TEST(Portraits, RowsThatAreNaNAreLeftOut) {
  Painted painted(long_text(), {previous(0.8)});
  painted.query().values<float>()[30 * 64] = std::numeric_limits<float>::quiet_NaN();
  const Portrait head = painted.portraits()[0];
  EXPECT_EQ(head.previous.rows, 62);
  EXPECT_THAT(kinds(head), ElementsAre(HeadKind::previous_token));
}

TEST(Portraits, OfTheLastQueriesAreOfTheirTokens) {
  const Painted painted(kSentence, {induction(0.8, kSentence), previous(0.8)});
  Attention question = painted.question();
  question.query = question.query.sliced(1, 10, 10);
  const std::vector<Portrait> heads = portraits(question, painted.tokens());
  EXPECT_EQ(heads[0].induction.rows, 6);
  EXPECT_EQ(heads[0].previous.rows, 10);
  EXPECT_THAT(kinds(heads[0]), testing::Contains(HeadKind::induction));
  EXPECT_THAT(kinds(heads[1]), ElementsAre(HeadKind::previous_token));
}

TEST(Portraits, OfABatchAreMeansOverItsEntries) {
  const Painted one(kSentence, {previous(0.8), induction(0.8, kSentence)});
  // The same twice, by a stride of 0; the second entry has other tokens, without copies.
  const Attention single = one.question();
  const auto twice = [](const TensorView& v) {
    return v.with_leading_axis().broadcast_to({2, v.size(0), v.size(1), v.size(2)});
  };
  Attention question = single;
  question.query = twice(single.query);
  question.key = twice(single.key);
  question.value = twice(single.value);
  std::vector<std::int32_t> ids = kSentence;
  for (std::int32_t id = 0; id < 20; ++id) ids.push_back(100 + id);
  const std::vector<Portrait> heads = portraits(question, TensorView(ids.data(), {2, 20}));
  const std::vector<Portrait> alone = one.portraits();
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_EQ(heads[0].previous.rows, 38);
  EXPECT_NEAR(heads[0].previous.mean, alone[0].previous.mean, 1e-12);
  EXPECT_EQ(heads[0].local_width, alone[0].local_width);
  EXPECT_EQ(heads[1].induction.rows, 6);
  EXPECT_EQ(heads[1].induction.mean, alone[1].induction.mean);
}

TEST(Portraits, OfSomeHeadsBearTheirNumbers) {
  const Painted painted(kSentence, {alike(), previous(0.8), self(0.8)});
  Observe observe = portrait_observe();
  observe.heads = {1, 2};
  const Attended answer = attend(painted.question(), observe);
  const std::vector<Portrait> heads = portraits(painted.question(), answer.observed);
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_EQ(heads[0].head, 1);
  EXPECT_THAT(kinds(heads[0]), ElementsAre(HeadKind::previous_token));
  EXPECT_EQ(heads[1].head, 2);
  EXPECT_THAT(kinds(heads[1]), ElementsAre(HeadKind::self));
  EXPECT_EQ(heads[0].induction.rows, 0);
}

TEST(Portraits, ReadTheSameWhenAskedByHand) {
  const Painted painted(kSentence, {previous(0.7), induction(0.7, kSentence)});
  const Attention question = painted.question();
  const TokenLabels follows = induction_labels(question, painted.tokens());
  const TokenLabels copies = duplicate_labels(question, painted.tokens());
  const Attended answer = attend(question, portrait_observe(follows));
  const Attended again = attend(question, match_observe(copies));
  const std::vector<Portrait> by_hand = portraits(question, answer.observed,
                                                  {.tokens = painted.tokens(),
                                                   .induction = answer.observed.mass_match,
                                                   .duplicate = again.observed.mass_match});
  const std::vector<Portrait> heads = painted.portraits();
  for (std::size_t h = 0; h < 2; ++h) {
    EXPECT_EQ(describe(by_hand[h]), describe(heads[h]));
    EXPECT_EQ(by_hand[h].induction.mean, heads[h].induction.mean);
    EXPECT_EQ(by_hand[h].duplicate.mean, heads[h].duplicate.mean);
  }
}

TEST(Portraits, OfNoQueriesAreEmpty) {
  const Painted painted(kSentence, {alike()});
  Attention question = painted.question();
  question.query = question.query.sliced(1, 0, 0);
  const std::vector<Portrait> heads = portraits(question, painted.tokens());
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(describe(heads[0]), "none; too few rows");
}

TEST(PortraitErrors, SayWhatWasNotObserved) {
  const Painted painted(kSentence, {alike()});
  const Attention question = painted.question();
  const Attended nothing = attend(question, Observe{.entropy = true});
  EXPECT_EQ(invalid_argument_text([&] { portraits(question, nothing.observed); }),
            "portraits: the answer has no mass_previous; ask attend with portrait_observe");
  const Attended answer = attend(question, portrait_observe());
  const TensorView entropy = answer.observed.entropy;
  EXPECT_EQ(
      invalid_argument_text([&] { portraits(question, answer.observed, {.induction = entropy}); }),
      "portraits: match masses are given without tokens");
  Attention fewer = question;
  fewer.query = fewer.query.sliced(1, 0, 5);
  EXPECT_EQ(invalid_argument_text([&] { portraits(fewer, answer.observed); }),
            "portraits: entropy is [1, 20]; the question wants [1, 1, 5]");
  EXPECT_THAT(invalid_argument_text([&] {
                portraits(question, answer.observed,
                          {.tokens = painted.tokens(), .induction = answer.observed.mass_match});
              }),
              HasSubstr("no induction"));
}

TEST(Describe, SaysEachLabelWithItsNumber) {
  Portrait portrait;
  portrait.labels = {{HeadKind::induction, name_of(HeadKind::induction), 0.787},
                     {HeadKind::first_token, name_of(HeadKind::first_token), 0.61}};
  EXPECT_EQ(describe(portrait), "induction 0.79, first token 0.61");
  portrait.labels = {{HeadKind::local, name_of(HeadKind::local), 4}};
  EXPECT_EQ(describe(portrait), "local 4 keys");
  portrait.labels = {{HeadKind::local, name_of(HeadKind::local), 1}};
  EXPECT_EQ(describe(portrait), "local 1 key");
  portrait.labels = {{HeadKind::broad, name_of(HeadKind::broad), 0.95}};
  EXPECT_EQ(describe(portrait), "broad 0.95");
}

TEST(Describe, SaysWhatAHeadWithoutALabelDoesMost) {
  Portrait portrait;
  EXPECT_EQ(describe(portrait), "none; too few rows");
  portrait.previous = {.mean = 0.2, .rows = 30};
  portrait.first = {.mean = 0.37, .rows = 30};
  portrait.induction = {.mean = 0.45, .rows = 3};
  EXPECT_EQ(describe(portrait), "none; most on first token, 0.37");
}

TEST(HeadKinds, HaveNames) {
  EXPECT_EQ(name_of(HeadKind::previous_token), "previous token");
  EXPECT_EQ(name_of(HeadKind::first_token), "first token");
  EXPECT_EQ(name_of(HeadKind::duplicate_token), "duplicate token");
  EXPECT_EQ(name_of(HeadKind::broad), "broad");
}

}  // namespace
}  // namespace fovea
