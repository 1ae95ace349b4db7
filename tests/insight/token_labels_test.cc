// Labels say which keys hold a row's token and which follow it, wherever the rows stand.
#include "fovea/insight/token_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/error_text.h"

namespace fovea {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

const std::vector<float> kZeros(64, 0);
const std::vector<std::int32_t> kTokens = {7, 8, -3, 7, 8};

/// One head over 5 keys.
Attention question(std::int64_t queries) {
  return {.query = TensorView(kZeros.data(), {queries, 2}),
          .key = TensorView(kZeros.data(), {5, 2}),
          .value = TensorView(kZeros.data(), {5, 1}),
          .causal = true};
}

TensorView tokens() {
  return {kTokens.data(), {5}};
}

TEST(DuplicateLabels, AreTheTokens) {
  const TokenLabels labels = duplicate_labels(question(5), tokens());
  EXPECT_THAT(labels.query.values<std::int32_t>(), ElementsAre(7, 8, -1, 7, 8));
  EXPECT_THAT(labels.key.values<std::int32_t>(), ElementsAre(7, 8, -1, 7, 8));
  EXPECT_EQ(labels.query.rank(), 1);
}

TEST(InductionLabels, OfKeysAreTheTokensBefore) {
  const TokenLabels labels = induction_labels(question(5), tokens());
  EXPECT_THAT(labels.query.values<std::int32_t>(), ElementsAre(7, 8, -1, 7, 8));
  EXPECT_THAT(labels.key.values<std::int32_t>(), ElementsAre(-1, 7, 8, -1, 7));
}

TEST(TokenLabels, OfFewerQueriesAreOfTheLastTokens) {
  const TokenLabels labels = induction_labels(question(2), tokens());
  EXPECT_THAT(labels.query.values<std::int32_t>(), ElementsAre(7, 8));
  EXPECT_EQ(labels.key.element_count(), 5);
}

TEST(TokenLabels, FollowTheDiagonal) {
  Attention moved = question(4);
  moved.diagonal = Diagonal::at(-1);
  EXPECT_THAT(duplicate_labels(moved, tokens()).query.values<std::int32_t>(),
              ElementsAre(-1, 7, 8, -1));
  moved.diagonal = Diagonal::at(3);
  EXPECT_THAT(duplicate_labels(moved, tokens()).query.values<std::int32_t>(),
              ElementsAre(7, 8, -1, -1));
}

TEST(TokenLabels, OfABatchFollowEachEntrysLength) {
  const std::vector<std::int32_t> lengths = {5, 3};
  const Attention batch{.query = TensorView(kZeros.data(), {2, 1, 2, 2}),
                        .key = TensorView(kZeros.data(), {2, 1, 5, 2}),
                        .value = TensorView(kZeros.data(), {2, 1, 5, 1}),
                        .key_lengths = TensorView(lengths.data(), {2})};
  const TokenLabels shared = duplicate_labels(batch, tokens());
  EXPECT_EQ(shared.query.shape(), (Shape{2, 2}));
  EXPECT_THAT(shared.query.values<std::int32_t>(), ElementsAre(7, 8, 8, -1));
  const std::vector<std::int32_t> each = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const TokenLabels own = duplicate_labels(batch, TensorView(each.data(), {2, 5}));
  EXPECT_THAT(own.query.values<std::int32_t>(), ElementsAre(4, 5, 7, 8));
  EXPECT_THAT(own.key.values<std::int32_t>(), ElementsAreArray(each));
}

TEST(TokenLabels, RefuseTokensThatAreNotOneAKey) {
  const TensorView four(kTokens.data(), {4});
  EXPECT_EQ(invalid_argument_text([&] { duplicate_labels(question(5), four); }),
            "duplicate_labels: tokens are [4]; one for each key is wanted, [5] or [1, 5]");
  const TensorView floats(kZeros.data(), {5});
  EXPECT_EQ(invalid_argument_text([&] { induction_labels(question(5), floats); }),
            "induction_labels: tokens are f32; i32 is wanted");
  EXPECT_THAT(invalid_argument_text([&] { induction_labels(question(5), {}); }),
              HasSubstr("not given"));
}

}  // namespace
}  // namespace fovea
