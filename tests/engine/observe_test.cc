// Observing as a caller meets it: shapes, errors, and memory of the caller's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cfenv>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error_text.h"
#include "engine/observed_question.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ObserveTest, ShapesFollowTheQuerysRank) {
  const Observe observe{.top_weights = 3,
                        .received = true,
                        .pooled_map = true,
                        .distance = true,
                        .rows = {1, 2},
                        .columns = {5},
                        .mass_self = true};
  const Observed three = attend(attention_, observe).observed;
  EXPECT_THAT(three.heads, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(three.top_weights.shape(), Shape({4, 150, 3}));
  EXPECT_EQ(three.top_indices.shape(), Shape({4, 150, 3}));
  EXPECT_EQ(three.top_indices.dtype(), DType::i32);
  EXPECT_EQ(three.received.shape(), Shape({4, 200}));
  EXPECT_EQ(three.pooled_map.shape(), Shape({4, 38, 50}));  // cells of 4 tokens
  EXPECT_EQ(pool_cells(attention_, {.queries = 0, .keys = 7}).queries, 4);
  EXPECT_EQ(three.distance.shape(), Shape({4, kDistanceBuckets}));
  EXPECT_EQ(three.columns.shape(), Shape({4, 1, 150}));
  EXPECT_EQ(three.mass_self.shape(), Shape({4, 150}));
  EXPECT_EQ(three.mass_sink.element_count(), 0);

  const float* const numbers = query_.values<float>().data();
  const TensorView keys(numbers, {kKeys, 8});
  const Observed two =
      attend({.query = TensorView(numbers, {kQueries, 8}), .key = keys, .value = keys}, observe)
          .observed;
  EXPECT_EQ(two.top_weights.shape(), Shape({150, 3}));
  EXPECT_EQ(two.received.shape(), Shape({200}));
  EXPECT_EQ(two.pooled_map.shape(), Shape({38, 50}));
  EXPECT_EQ(two.rows.shape(), Shape({2, 200}));
}

TEST_F(ObserveTest, NumbersOutsideOfTheirRangeAreNamed) {
  EXPECT_THAT(refused({.top_weights = 65}),
              HasSubstr("top_weights is 65; it must be from 0 to 64"));
  EXPECT_THAT(refused({.top_weights = -1}), HasSubstr("top_weights is -1"));
  EXPECT_THAT(refused({.mass_first = -2}), HasSubstr("mass_first is -2"));
  EXPECT_THAT(refused({.mass_first = 1025}), HasSubstr("mass_first is 1025"));
  EXPECT_THAT(refused({.pooled_map = true, .pool_cells = {.queries = -1, .keys = 0}}),
              HasSubstr("pool_cells is -1 x 0"));
  EXPECT_THAT(refused({.pooled_map = true, .pool_cells = {.queries = 1, .keys = -8}}),
              HasSubstr("pool_cells is 1 x -8"));
}

TEST_F(ObserveTest, HeadsMustRiseAndExist) {
  EXPECT_THAT(refused({.heads = {1, 4}, .entropy = true}),
              AllOf(HasSubstr("heads has 4"), HasSubstr("4 query heads")));
  EXPECT_THAT(refused({.heads = {-1}, .entropy = true}), HasSubstr("heads has -1"));
  EXPECT_THAT(refused({.heads = {2, 1}, .entropy = true}),
              AllOf(HasSubstr("heads has 1 after 2"), HasSubstr("must rise")));
  EXPECT_THAT(refused({.heads = {2, 2}, .entropy = true}), HasSubstr("heads has 2 after 2"));
}

TEST_F(ObserveTest, RowsAndColumnsMustExist) {
  EXPECT_THAT(refused({.rows = {3, 150}}),
              AllOf(HasSubstr("rows has 150"), HasSubstr("150 queries")));
  EXPECT_THAT(refused({.rows = {-1}}), HasSubstr("rows has -1"));
  EXPECT_THAT(refused({.columns = {200}}),
              AllOf(HasSubstr("columns has 200"), HasSubstr("200 keys")));
  EXPECT_THAT(refused({.columns = {0, -5}}), HasSubstr("columns has -5"));
}

TEST_F(ObserveTest, LabelsMustFitAndComeTogether) {
  const Tensor of_queries(DType::i32, {kQueries});
  const Tensor of_keys(DType::i32, {1, kKeys});
  EXPECT_THAT(refused({.query_labels = of_queries}), HasSubstr("must be given together"));
  EXPECT_THAT(refused({.key_labels = of_keys}), HasSubstr("must be given together"));
  EXPECT_THAT(refused({.query_labels = of_keys, .key_labels = of_keys}),
              AllOf(HasSubstr("query_labels is [1, 200]"), HasSubstr("[150] or [1, 150]")));
  EXPECT_THAT(refused({.query_labels = of_queries, .key_labels = of_queries}),
              AllOf(HasSubstr("key_labels is [150]"), HasSubstr("[200] or [1, 200]")));
  const Tensor wide(DType::i64, {kKeys});
  EXPECT_THAT(refused({.query_labels = of_queries, .key_labels = wide}),
              HasSubstr("key_labels is i64; it must be i32"));
  const std::int32_t* const null = nullptr;
  EXPECT_THAT(refused({.query_labels = of_queries, .key_labels = TensorView(null, {kKeys})}),
              HasSubstr("key_labels is a null pointer"));
}

TEST_F(ObserveTest, ARaggedBatchIsRefused) {
  const Tensor offsets = Tensor::of<std::int32_t>({3}, {0, 50, kQueries});
  attention_.key = key_.view().sliced(1, 0, kQueries);
  attention_.value = value_.view().sliced(1, 0, kQueries);
  attention_.query_offsets = offsets;
  attention_.key_offsets = offsets;
  EXPECT_THAT(refused({.entropy = true}, ErrorKind::unsupported), HasSubstr("ragged batch"));
}

TEST_F(ObserveTest, SizesAbove512AreRefused) {
  const Tensor wide(DType::f32, {1, 3, 513});
  const Tensor narrow(DType::f32, {1, 3, 8});
  for (const Attention& attention : {Attention{.query = wide, .key = wide, .value = narrow},
                                     Attention{.query = narrow, .key = narrow, .value = wide}}) {
    EXPECT_THAT(error_text(ErrorKind::unsupported, [&] { attend(attention, {.entropy = true}); }),
                HasSubstr("512"));
  }
}

TEST_F(ObserveTest, APartialStateIsRefused) {
  Tensor sum(DType::f32, {kHeads, kQueries});
  Tensor max(DType::f32, {kHeads, kQueries});
  Tensor state(DType::f32, {kHeads, kQueries, 4});
  Tensor entropy(DType::f32, {kHeads, kQueries});
  const AttendInto with_state{.output = output_.mutable_view(),
                              .state = {.output = state.mutable_view(),
                                        .log2_max = max.mutable_view(),
                                        .sum = sum.mutable_view()}};
  EXPECT_THAT(error_text(ErrorKind::unsupported,
                         [&] {
                           attend_into(attention_, with_state, {.entropy = true},
                                       {.entropy = entropy.mutable_view()});
                         }),
              HasSubstr("all keys of a row"));
}

TEST_F(ObserveTest, TargetsAreWhatIsAskedForAndNothingElse) {
  Tensor entropy(DType::f32, {kHeads, kQueries});
  Tensor received(DType::f32, {kHeads, kKeys});
  const auto text = [&](const Observe& observe, const ObserveInto& observed) {
    return invalid_argument_text([&] { into(observe, observed); });
  };
  EXPECT_THAT(text({.entropy = true}, {}), HasSubstr("entropy is not given"));
  EXPECT_THAT(text({.entropy = true},
                   {.entropy = entropy.mutable_view(), .received = received.mutable_view()}),
              HasSubstr("received is given, but observe does not ask for it"));
  EXPECT_THAT(text({.received = true}, {.received = entropy.mutable_view()}),
              HasSubstr("received is [4, 150]; [4, 200] is wanted"));
  EXPECT_THAT(text({.top_weights = 1},
                   {.top_weights = entropy.mutable_view(), .top_indices = entropy.mutable_view()}),
              HasSubstr("[4, 150, 1] is wanted"));
}

TEST_F(ObserveTest, WritesWithAnyStridesWhatAttendReturns) {
  const Observe observe{.heads = {1, 3},
                        .top_weights = 2,
                        .entropy = true,
                        .received = true,
                        .pooled_map = true,
                        .pool_cells = {.queries = 50, .keys = 50},
                        .distance = true,
                        .rows = {7},
                        .columns = {9}};
  const Attended whole = attend(attention_, observe);
  // Every second number of memory with its axes turned.
  const auto turned = [](const Tensor& like, Tensor& memory) {
    memory = Tensor(like.dtype(), {2 * like.element_count()});
    Shape strides = like.shape();
    std::int64_t step = 2;
    for (int axis = 0; axis < like.rank(); ++axis) {
      strides[axis] = step;
      step *= like.size(axis);
    }
    return MutableTensorView(memory.bytes().data(), like.dtype(), like.shape(), strides);
  };
  using I = ObserveInto;
  using O = Observed;
  // clang-format off
  const std::array<std::pair<MutableTensorView I::*, Tensor O::*>, 8> all{{
      {&I::top_weights, &O::top_weights}, {&I::top_indices, &O::top_indices},
      {&I::entropy, &O::entropy}, {&I::received, &O::received}, {&I::rows, &O::rows},
      {&I::pooled_map, &O::pooled_map}, {&I::distance, &O::distance}, {&I::columns, &O::columns}}};
  // clang-format on
  std::array<Tensor, all.size()> memory;
  ObserveInto observed;
  for (std::size_t i = 0; i < all.size(); ++i)
    observed.*all[i].first = turned(whole.observed.*all[i].second, memory[i]);
  EXPECT_EQ(into(observe, observed).empty_rows, 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor written = Tensor::copy_of(observed.*all[i].first);
    EXPECT_TRUE(std::ranges::equal(written.bytes(), (whole.observed.*all[i].second).bytes())) << i;
  }
  EXPECT_TRUE(std::ranges::equal(output_.bytes(), whole.output.bytes()));
}

TEST_F(ObserveTest, TheOutputAloneGoesWhereTheCallerSays) {
  const Observe observe{.top_weights = 2, .received = true};
  const Attended whole = attend(attention_, observe);
  for (const Observe& asked : {observe, Observe{}}) {
    std::ranges::fill(output_.values<float>(), kUntouched);
    const Attended answer = attend_output_into(attention_, output_.mutable_view(), asked);
    EXPECT_TRUE(std::ranges::equal(output_.bytes(), whole.output.bytes()));
    EXPECT_EQ(answer.output.element_count(), 0);
    EXPECT_TRUE(std::ranges::equal(answer.log_sum_exp.bytes(), whole.log_sum_exp.bytes()));
    EXPECT_TRUE(std::ranges::equal(answer.row_sum.bytes(), whole.row_sum.bytes()));
    if (!asked.any()) continue;
    EXPECT_TRUE(
        std::ranges::equal(answer.observed.received.bytes(), whole.observed.received.bytes()));
    EXPECT_TRUE(std::ranges::equal(answer.observed.top_indices.bytes(),
                                   whole.observed.top_indices.bytes()));
  }
  const MutableTensorView narrow(output_.values<float>().data(), {kHeads, kQueries, 3});
  const MutableTensorView still(output_.values<float>().data(), output_.shape(), {0, 4, 1});
  const MutableTensorView on_query(query_.values<float>().data(), output_.shape());
  const auto text = [&](const MutableTensorView& target) {
    return invalid_argument_text([&] { attend_output_into(attention_, target, observe); });
  };
  EXPECT_THAT(text(narrow), HasSubstr("output is [4, 150, 3]; [4, 150, 4] is wanted"));
  EXPECT_THAT(text(still), HasSubstr("stride"));
  EXPECT_THAT(text(on_query), HasSubstr("overlaps"));
}

TEST_F(ObserveTest, WithoutQueriesKeysReceiveNothingAndNothingIsWritten) {
  attention_.query = query_.view().sliced(1, 0, 0);
  const Observed seen = attend(attention_, {.received = true, .distance = true}).observed;
  EXPECT_THAT(seen.received.values<float>(), Each(0.0F));
  EXPECT_THAT(seen.distance.values<float>(), Each(0.0F));
  Tensor memory(DType::f32, {2 * kHeads * kKeys});
  std::ranges::fill(memory.values<float>(), kUntouched);
  const MutableTensorView strided(memory.values<float>().data(), {kHeads, kKeys}, {2 * kKeys, 2});
  Tensor no_output(DType::f32, {kHeads, 0, 4});
  attend_into(attention_, {.output = no_output.mutable_view()}, {.received = true},
              {.received = strided});
  EXPECT_THAT(Tensor::copy_of(strided).values<float>(), Each(kUntouched));
}

// Keys that are equal have equal scores.
TEST_F(ObserveTest, EqualScoresAreListedByRisingKey) {
  Tensor repeated = Tensor::copy_of(key_);
  for (std::int64_t head = 0; head < 2; ++head) {
    float* const keys = repeated.values<float>().data() + head * kKeys * 8;
    for (std::int64_t i = 5 * 8; i < kKeys * 8; ++i) keys[i] = keys[i - 5 * 8];
  }
  attention_.key = repeated;
  attention_.causal = true;
  const Observed seen = attend(attention_, {.top_weights = 64}).observed;
  const auto* const keys = seen.top_indices.values<std::int32_t>().data();
  for (std::int64_t row = 0; row < kHeads * kQueries; ++row) {
    const std::int64_t last = row % kQueries + kKeys - kQueries;  // key that the row stands at
    std::vector<std::int32_t> first;                              // of each kind, as they come
    for (std::int64_t n = 0; n < 64 && keys[row * 64 + n] >= 0; ++n)
      if (keys[row * 64 + n] < 5) first.push_back(keys[row * 64 + n]);
    std::vector<std::int32_t> expected;
    for (const std::int32_t kind : first)
      for (std::int64_t key = kind; key <= last; key += 5)
        expected.push_back(static_cast<std::int32_t>(key));
    expected.resize(std::min<std::size_t>(expected.size(), 64));
    expected.resize(64, -1);
    ASSERT_TRUE(std::ranges::equal(expected, std::span(keys + row * 64, 64))) << row;
  }
}

// Every tile of rising scores is wanted when it comes, far more than are kept at a time; beside rows
// whose scores fall or are all equal, and keep their first tiles to the end.
TEST(ObserveTop, FindsTheLargestOfScoresThatRiseOrFallOrAreEqual) {
  constexpr std::int64_t kManyKeys = 40000;
  Tensor query(DType::f32, {70, 1});
  for (std::int64_t i = 0; i < 70; ++i)
    query.values<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i % 3 - 1);
  Tensor key(DType::f32, {kManyKeys, 1});
  for (std::int64_t j = 0; j < kManyKeys; ++j)
    key.values<float>()[static_cast<std::size_t>(j)] = static_cast<float>(j) * 0x1p-12F;
  for (const std::int64_t k : {1, 8, 64}) {
    const Observed seen =
        attend({.query = query, .key = key, .value = key}, {.top_weights = k}).observed;
    for (std::int64_t at = 0; at < 70 * k; ++at) {
      const bool rises = at / k % 3 == 2;
      EXPECT_EQ(seen.top_indices.values<std::int32_t>()[static_cast<std::size_t>(at)],
                rises ? kManyKeys - 1 - at % k : at % k)
          << "k = " << k << ", row " << at / k;
    }
  }
}

TEST_F(ObserveTest, TheCallersRoundingModeDoesNotShow) {
  const Observe observe{
      .top_weights = 3, .entropy = true, .received = true, .pooled_map = true, .distance = true};
  const Observed expected = attend(attention_, observe).observed;
  std::fesetround(FE_UPWARD);
  const Observed seen = attend(attention_, observe).observed;
  const int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(mode, FE_UPWARD);
  EXPECT_TRUE(std::ranges::equal(seen.top_weights.bytes(), expected.top_weights.bytes()));
  EXPECT_TRUE(std::ranges::equal(seen.entropy.bytes(), expected.entropy.bytes()));
  EXPECT_TRUE(std::ranges::equal(seen.received.bytes(), expected.received.bytes()));
  EXPECT_TRUE(std::ranges::equal(seen.pooled_map.bytes(), expected.pooled_map.bytes()));
  EXPECT_TRUE(std::ranges::equal(seen.distance.bytes(), expected.distance.bytes()));
}

}  // namespace
}  // namespace fovea
