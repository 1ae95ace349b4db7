// What the textbook observes, against numbers worked out by hand.
#include "fovea/reference/observe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace fovea {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsNan;
using ::testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Some additions and products of numbers below 4, and a few exps or logs: each is within an ulp,
// 4.4e-16.
constexpr double kTolerance = 4e-15;

Observed seen_of(const Attention& attention, const Observe& observe) {
  return reference::observe(validate(attention, {}), observe);
}

auto are_near(const std::vector<double>& numbers) {
  return Pointwise(DoubleNear(kTolerance), numbers);
}

// Two queries and three keys, with scores that are logarithms: weights 1/8, 2/8 and 5/8.
class ObservedFractions : public ::testing::Test {
 protected:
  Observed seen(const Observe& observe) const { return seen_of(attention_, observe); }

  Tensor query_ = Tensor::of<double>({2, 1}, {1, 1});
  Tensor key_ = Tensor::of<double>({3, 1}, {std::log(1), std::log(2), std::log(5)});
  Tensor value_ = Tensor::of<double>({3, 1}, {0, 0, 0});
  Attention attention_{.query = query_, .key = key_, .value = value_, .scale = 1};
};

TEST_F(ObservedFractions, NothingIsSeenThatWasNotAskedFor) {
  const Observed nothing = seen({});
  EXPECT_THAT(nothing.heads, ElementsAre(0));
  for (const Tensor* tensor :
       {&nothing.top_weights, &nothing.top_indices, &nothing.entropy, &nothing.received,
        &nothing.pooled_map, &nothing.distance, &nothing.rows, &nothing.columns,
        &nothing.mass_first, &nothing.mass_self, &nothing.mass_previous, &nothing.mass_match,
        &nothing.mass_sink, &nothing.log2_max, &nothing.row_sum})
    EXPECT_EQ(tensor->element_count(), 0);
}

TEST_F(ObservedFractions, LargestComeFirstAndPlacesBeyondTheKeysAreEmpty) {
  const Observed two = seen({.top_weights = 2});
  EXPECT_EQ(two.top_weights.shape(), Shape({1, 1, 2, 2}));
  EXPECT_THAT(two.top_weights.values<double>(), are_near({5 / 8., 2 / 8., 5 / 8., 2 / 8.}));
  EXPECT_THAT(two.top_indices.values<std::int32_t>(), ElementsAre(2, 1, 2, 1));
  attention_.causal = true;  // query 0 stands at key 1
  const Observed four = seen({.top_weights = 4});
  EXPECT_THAT(four.top_weights.values<double>(),
              are_near({2 / 3., 1 / 3., 0, 0, 5 / 8., 2 / 8., 1 / 8., 0}));
  EXPECT_THAT(four.top_indices.values<std::int32_t>(), ElementsAre(1, 0, -1, -1, 2, 1, 0, -1));
}

TEST_F(ObservedFractions, EntropyIsTheMeanOfMinusLogWeights) {
  const double three_keys = std::log(8) - 2 / 8. * std::log(2) - 5 / 8. * std::log(5);
  EXPECT_THAT(seen({.entropy = true}).entropy.values<double>(), are_near({three_keys, three_keys}));
  attention_.causal = true;
  const double two_keys = std::log(3) - 2 / 3. * std::log(2);
  EXPECT_THAT(seen({.entropy = true}).entropy.values<double>(), are_near({two_keys, three_keys}));
  attention_.window = {.left = 0};  // each row sees its own key alone
  EXPECT_THAT(seen({.entropy = true}).entropy.values<double>(), ElementsAre(0, 0));
}

TEST_F(ObservedFractions, KeysReceiveWhatAllRowsGive) {
  attention_.causal = true;
  EXPECT_THAT(seen({.received = true}).received.values<double>(),
              are_near({1 / 3. + 1 / 8., 2 / 3. + 2 / 8., 5 / 8.}));
}

TEST_F(ObservedFractions, RowsAndColumnsAreWeightsInTheOrderAskedFor) {
  attention_.causal = true;
  const Observed lines = seen({.rows = {1, 0}, .columns = {2, 0, 1}});
  EXPECT_EQ(lines.rows.shape(), Shape({1, 1, 2, 3}));
  EXPECT_THAT(lines.rows.values<double>(), are_near({1 / 8., 2 / 8., 5 / 8., 1 / 3., 2 / 3., 0}));
  EXPECT_EQ(lines.columns.shape(), Shape({1, 1, 3, 2}));
  EXPECT_THAT(lines.columns.values<double>(),
              are_near({0, 5 / 8., 1 / 3., 1 / 8., 2 / 3., 2 / 8.}));
}

TEST_F(ObservedFractions, MassesCountFromTheDiagonal) {
  const Observed masses = seen({.mass_first = 2, .mass_self = true, .mass_previous = true});
  EXPECT_THAT(masses.mass_first.values<double>(), are_near({3 / 8., 3 / 8.}));
  EXPECT_THAT(masses.mass_self.values<double>(), are_near({2 / 8., 5 / 8.}));
  EXPECT_THAT(masses.mass_previous.values<double>(), are_near({1 / 8., 2 / 8.}));
  EXPECT_EQ(masses.mass_sink.element_count(), 0);
  EXPECT_THAT(seen({.mass_first = 9}).mass_first.values<double>(), are_near({1, 1}));
}

TEST_F(ObservedFractions, ADiagonalOutsideOfTheKeysHasNoMass) {
  attention_.diagonal = Diagonal::at(2);  // query 1 stands behind the last key
  const Observed after = seen({.mass_self = true, .mass_previous = true});
  EXPECT_THAT(after.mass_self.values<double>(), are_near({5 / 8., 0}));
  EXPECT_THAT(after.mass_previous.values<double>(), are_near({2 / 8., 5 / 8.}));
  attention_.diagonal = Diagonal::at(-1);
  const Observed before = seen({.mass_self = true, .mass_previous = true});
  EXPECT_THAT(before.mass_self.values<double>(), are_near({0, 1 / 8.}));
  EXPECT_THAT(before.mass_previous.values<double>(), ElementsAre(0, 0));
}

TEST_F(ObservedFractions, HiddenKeysHaveNoMass) {
  const Tensor keep = Tensor::of<bool>({3}, {true, false, true});
  attention_.keep = keep;  // weights 1/6 and 5/6
  const Observed masses = seen({.mass_first = 2, .mass_self = true, .mass_previous = true});
  EXPECT_THAT(masses.mass_first.values<double>(), are_near({1 / 6., 1 / 6.}));
  EXPECT_THAT(masses.mass_self.values<double>(), are_near({0, 5 / 6.}));
  EXPECT_THAT(masses.mass_previous.values<double>(), are_near({1 / 6., 0}));
}

TEST_F(ObservedFractions, LabelsMatchTheirEqualsAndNegativeOnesNothing) {
  const Tensor of_queries = Tensor::of<std::int32_t>({2}, {7, -1});
  const Tensor of_keys = Tensor::of<std::int32_t>({1, 3}, {7, -1, 7});
  const Observed match = seen({.query_labels = of_queries, .key_labels = of_keys});
  EXPECT_THAT(match.mass_match.values<double>(), are_near({6 / 8., 0}));
}

TEST_F(ObservedFractions, ASinkTakesItsShareOfEachWeight) {
  const Tensor sinks = Tensor::of<double>({1}, {std::log(2)});  // 2 of 10 = 1 + 2 + 5 + 2
  attention_.sinks = sinks;
  const Observed some = seen({.entropy = true, .rows = {0}, .mass_self = true});
  EXPECT_THAT(some.rows.values<double>(), are_near({1 / 10., 2 / 10., 5 / 10.}));
  EXPECT_THAT(some.mass_sink.values<double>(), are_near({2 / 10., 2 / 10.}));
  const double entropy = (std::log(10) + 2 * std::log(5) + 5 * std::log(2)) / 10;
  EXPECT_THAT(some.entropy.values<double>(), are_near({entropy, entropy}));
  EXPECT_EQ(seen({.entropy = true}).mass_sink.element_count(), 0);
}

TEST_F(ObservedFractions, RowStatisticsCountInPowersOfTwo) {
  const Observed statistics = seen({.row_statistics = true});
  EXPECT_THAT(statistics.log2_max.values<double>(), are_near({std::log2(5), std::log2(5)}));
  EXPECT_THAT(statistics.row_sum.values<double>(), are_near({8 / 5., 8 / 5.}));
}

TEST_F(ObservedFractions, DistanceIsAMeanOverRows) {
  // Query 0 stands at key 1: distances 1, 0, -1. Query 1 at key 2: 2, 1, 0.
  const Observed looks = seen({.distance = true});
  EXPECT_EQ(looks.distance.shape(), Shape({1, 1, kDistanceBuckets}));
  std::vector<double> expected(static_cast<std::size_t>(kDistanceBuckets));
  expected[0] = (2 / 8. + 5 / 8.) / 2;
  expected[1] = (1 / 8. + 2 / 8.) / 2;
  expected[2] = (1 / 8.) / 2;
  expected[static_cast<std::size_t>(kBackBuckets)] = (5 / 8.) / 2;
  EXPECT_THAT(looks.distance.values<double>(), are_near(expected));
}

TEST_F(ObservedFractions, CellsAreAddedAlongKeysAndAveragedAlongQueries) {
  attention_.causal = true;
  const Observed seen_cells = seen({.pooled_map = true, .pool_cells = {.queries = 2, .keys = 2}});
  EXPECT_EQ(seen_cells.pooled_map.shape(), Shape({1, 1, 1, 2}));
  EXPECT_THAT(seen_cells.pooled_map.values<double>(), are_near({(1 + 3 / 8.) / 2, (5 / 8.) / 2}));
  const Observed fine = seen({.pooled_map = true});  // a cell each
  EXPECT_EQ(fine.pool_cells.queries, 1);
  EXPECT_EQ(fine.pool_cells.keys, 1);
  EXPECT_THAT(fine.pooled_map.values<double>(),
              are_near({1 / 3., 2 / 3., 0, 1 / 8., 2 / 8., 5 / 8.}));
}

// Query 0 sees no key.
class EmptyRow : public ObservedFractions {
 protected:
  EmptyRow() {
    attention_.causal = true;
    attention_.diagonal = Diagonal::at(-1);
  }
  Tensor zero_ = Tensor::of<std::int32_t>({2}, {0, 0});
  Tensor zeros_ = Tensor::of<std::int32_t>({3}, {0, 0, 0});
  Observe all_{.top_weights = 1,
               .entropy = true,
               .received = true,
               .pooled_map = true,
               .pool_cells = {.queries = 2, .keys = 3},
               .distance = true,
               .rows = {0},
               .columns = {0},
               .mass_first = 3,
               .mass_self = true,
               .mass_previous = true,
               .query_labels = zero_,
               .key_labels = zeros_,
               .row_statistics = true};
};

TEST_F(EmptyRow, HasNothingAndCountsForNoMean) {
  const Observed seen_all = seen(all_);
  EXPECT_THAT(seen_all.top_weights.values<double>(), ElementsAre(0, 1));
  EXPECT_THAT(seen_all.top_indices.values<std::int32_t>(), ElementsAre(-1, 0));
  EXPECT_THAT(seen_all.entropy.values<double>(), ElementsAre(0, 0));
  EXPECT_THAT(seen_all.received.values<double>(), ElementsAre(1, 0, 0));
  EXPECT_THAT(seen_all.pooled_map.values<double>(), ElementsAre(1));
  EXPECT_EQ(seen_all.distance.values<double>()[0], 1);
  EXPECT_THAT(seen_all.rows.values<double>(), ElementsAre(0, 0, 0));
  EXPECT_THAT(seen_all.columns.values<double>(), ElementsAre(0, 1));
  for (const Tensor* mass : {&seen_all.mass_first, &seen_all.mass_self, &seen_all.mass_match})
    EXPECT_THAT(mass->values<double>(), ElementsAre(0, 1));
  EXPECT_THAT(seen_all.mass_previous.values<double>(), ElementsAre(0, 0));
  EXPECT_THAT(seen_all.log2_max.values<double>(), ElementsAre(-kInfinity, 0));
  EXPECT_THAT(seen_all.row_sum.values<double>(), ElementsAre(0, 1));
  EXPECT_EQ(seen_all.nan_rows, 0);
}

TEST_F(EmptyRow, GivesItsSinkAll) {
  const Tensor sinks = Tensor::of<double>({1}, {std::log(3)});  // beside exp(0) of key 0
  attention_.sinks = sinks;
  const Observed seen_all = seen(all_);
  EXPECT_THAT(seen_all.mass_sink.values<double>(), are_near({1, 3 / 4.}));
  EXPECT_THAT(seen_all.received.values<double>(), are_near({1 / 4., 0, 0}));
  EXPECT_THAT(seen_all.pooled_map.values<double>(), are_near({1 / 4.}));
  EXPECT_THAT(seen_all.log2_max.values<double>(), are_near({std::log2(3), std::log2(3)}));
  const Tensor none = Tensor::of<double>({1}, {-kInfinity});
  attention_.sinks = none;
  EXPECT_THAT(seen(all_).mass_sink.values<double>(), ElementsAre(0, 0));
}

TEST_F(EmptyRow, AloneLeavesMeansAtZero) {
  const Tensor lengths = Tensor::of<std::int32_t>({1}, {0});
  attention_.key_lengths = lengths;
  const Observed seen_all = seen(all_);
  EXPECT_THAT(seen_all.pooled_map.values<double>(), Each(0));
  EXPECT_THAT(seen_all.distance.values<double>(), Each(0));
  EXPECT_THAT(seen_all.received.values<double>(), Each(0));
}

TEST(ReferenceObserve, ANaNRowIsNaNAndNoPartOfTotals) {
  const Tensor query = Tensor::of<double>({2, 1}, {kNaN, 1});
  const Tensor key = Tensor::of<double>({2, 1}, {0, std::log(3)});
  const Tensor keep = Tensor::of<bool>({2, 2}, {true, false, true, true});
  const Observed seen =
      seen_of({.query = query, .key = key, .value = key, .scale = 1, .keep = keep},
              {.top_weights = 2,
               .entropy = true,
               .received = true,
               .pooled_map = true,
               .pool_cells = {.queries = 2, .keys = 2},
               .distance = true,
               .rows = {0, 1},
               .mass_first = 1,
               .mass_self = true,
               .row_statistics = true});
  EXPECT_EQ(seen.nan_rows, 1);
  EXPECT_THAT(seen.top_weights.values<double>().first(2), Each(IsNan()));
  EXPECT_THAT(seen.top_indices.values<std::int32_t>(), ElementsAre(-1, -1, 1, 0));
  for (const Tensor* each :
       {&seen.entropy, &seen.mass_first, &seen.mass_self, &seen.log2_max, &seen.row_sum}) {
    EXPECT_THAT(each->values<double>()[0], IsNan());
    EXPECT_FALSE(std::isnan(each->values<double>()[1]));
  }
  EXPECT_THAT(seen.rows.values<double>()[0], IsNan());
  EXPECT_EQ(seen.rows.values<double>()[1], 0) << "a hidden key";
  EXPECT_THAT(seen.received.values<double>(), are_near({1 / 4., 3 / 4.}));
  EXPECT_THAT(seen.pooled_map.values<double>(), are_near({1}));
  EXPECT_NEAR(seen.distance.values<double>()[0], 3 / 4., kTolerance);
  EXPECT_NEAR(seen.distance.values<double>()[1], 1 / 4., kTolerance);
}

TEST(ReferenceObserve, EqualScoresAreListedByRisingKey) {
  const Tensor query = Tensor::of<float>({1, 1}, {1});
  const Tensor key = Tensor::of<float>({6, 1}, {0, 2, 0, 2, 1, 2});
  const Observed seen =
      seen_of({.query = query, .key = key, .value = key, .scale = 1}, {.top_weights = 5});
  EXPECT_THAT(seen.top_indices.values<std::int32_t>(), ElementsAre(1, 3, 5, 4, 0));
}

TEST(ReferenceObserve, EachQueryHeadUsesItsKeyHeadAndOthersAreLeftOut) {
  const Tensor query = Tensor::of<double>({4, 1, 1}, {1, 2, 1, 2});
  const Tensor key = Tensor::of<double>({2, 2, 1}, {0, std::log(3), 0, std::log(7)});
  const Observed seen = seen_of({.query = query, .key = key, .value = key, .scale = 1},
                                {.heads = {1, 2}, .received = true, .rows = {0}, .mass_first = 1});
  EXPECT_THAT(seen.heads, ElementsAre(1, 2));
  EXPECT_EQ(seen.rows.shape(), Shape({1, 2, 1, 2}));
  EXPECT_THAT(seen.rows.values<double>(), are_near({1 / 10., 9 / 10., 1 / 8., 7 / 8.}));
  EXPECT_THAT(seen.received.values<double>(), are_near({1 / 10., 9 / 10., 1 / 8., 7 / 8.}));
  EXPECT_THAT(seen.mass_first.values<double>(), are_near({1 / 10., 1 / 8.}));
}

TEST(ReferenceObserve, LabelsMayDifferByBatchEntry) {
  const Tensor query = Tensor::of<float>({2, 1, 1, 1}, {0, 0});
  const Tensor key = Tensor::of<float>({2, 1, 4, 1}, {0, 0, 0, 0, 0, 0, 0, 0});
  const Tensor of_queries = Tensor::of<std::int32_t>({2, 1}, {1, 2});
  const Tensor of_keys = Tensor::of<std::int32_t>({2, 4}, {1, 2, 2, 2, 1, 2, 2, 2});
  const Observed seen = seen_of({.query = query, .key = key, .value = key},
                                {.query_labels = of_queries, .key_labels = of_keys});
  EXPECT_THAT(seen.mass_match.values<double>(), ElementsAre(1 / 4., 3 / 4.));
}

// 200 keys of equal weight before and after the diagonal, which is at key 100.
TEST(ReferenceObserve, FarDistancesShareBuckets) {
  const Tensor query = Tensor::of<float>({1, 1}, {0});
  const Tensor key(DType::f32, {200, 1});
  const Observed seen =
      seen_of({.query = query, .key = key, .value = key, .diagonal = Diagonal::at(100)},
              {.distance = true});
  std::vector<double> expected(static_cast<std::size_t>(kDistanceBuckets));
  for (std::int64_t d = 0; d < 64; ++d) expected[static_cast<std::size_t>(d)] = 1 / 200.;
  expected[64] = 37 / 200.;  // 64 to 100
  for (std::int64_t d = 1; d < 64; ++d)
    expected[static_cast<std::size_t>(kBackBuckets - 1 + d)] = 1 / 200.;
  expected[static_cast<std::size_t>(kBackBuckets - 1 + 64)] = 36 / 200.;  // 64 to 99 ahead
  EXPECT_THAT(seen.distance.values<double>(), are_near(expected));
}

TEST(ReferenceObserve, DistancesBeyondAllBucketsAreInTheLastOnes) {
  const Tensor query = Tensor::of<float>({1, 1}, {0});
  const Tensor key(DType::f32, {2, 1});
  Attention attention{.query = query, .key = key, .value = key};
  attention.diagonal = Diagonal::at(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(seen_of(attention, {.distance = true})
                .distance.values<double>()[static_cast<std::size_t>(kBackBuckets - 1)],
            1);
  attention.diagonal = Diagonal::at(std::numeric_limits<std::int64_t>::min());
  const Observed ahead =
      seen_of(attention, {.distance = true, .mass_self = true, .mass_previous = true});
  EXPECT_EQ(ahead.distance.values<double>()[static_cast<std::size_t>(kDistanceBuckets - 1)], 1);
  EXPECT_THAT(ahead.mass_self.values<double>(), ElementsAre(0));
  EXPECT_THAT(ahead.mass_previous.values<double>(), ElementsAre(0));
}

TEST(ReferenceObserve, CellsAtTheEndsHoldWhatIsLeft) {
  const Tensor query(DType::f32, {3, 1});
  const Tensor key(DType::f32, {5, 1});
  const Observed seen = seen_of({.query = query, .key = key, .value = key, .causal = true},
                                {.pooled_map = true, .pool_cells = {.queries = 2, .keys = 2}});
  // Rows see 3, 4 and 5 keys.
  EXPECT_EQ(seen.pooled_map.shape(), Shape({1, 1, 2, 3}));
  EXPECT_THAT(seen.pooled_map.values<double>(),
              are_near({(2 / 3. + 2 / 4.) / 2, (1 / 3. + 2 / 4.) / 2, 0, 2 / 5., 2 / 5., 1 / 5.}));
}

TEST(ReferenceObserve, NoRowsLeaveKeysWithNothing) {
  const Tensor query(DType::f32, {0, 1});
  const Tensor key(DType::f32, {2, 1});
  const Observed seen = seen_of({.query = query, .key = key, .value = key},
                                {.entropy = true, .received = true, .pooled_map = true});
  EXPECT_EQ(seen.entropy.shape(), Shape({1, 1, 0}));
  EXPECT_THAT(seen.received.values<double>(), ElementsAre(0, 0));
  EXPECT_EQ(seen.pooled_map.element_count(), 0);
}

}  // namespace
}  // namespace fovea
