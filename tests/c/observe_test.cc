// Observers through the C interface give the bits of the C++ call, each alone and all together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "c/observing_call.h"
#include "fovea/engine/attend.h"

namespace fovea::c {
namespace {

using testing::Each;
using testing::ElementsAreArray;
using testing::HasSubstr;

template <typename T>
std::vector<T> values_of(const fovea::Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

TEST(FoveaAttendObserving, GivesTheBitsOfTheCxxCall) {
  ObservingCall call;
  ASSERT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  EXPECT_STREQ(call.error.text, "");
  const fovea::Attended wanted = call.observed_in_cxx();
  const fovea::Observed& seen = wanted.observed;
  EXPECT_THAT(call.output, ElementsAreArray(values_of<float>(wanted.output)));
  EXPECT_THAT(call.log_sum_exp, ElementsAreArray(values_of<float>(wanted.log_sum_exp)));
  EXPECT_EQ(call.top_indices, values_of<std::int32_t>(seen.top_indices));
  const std::vector<const fovea::Tensor*> tensors = {
      &seen.top_weights, &seen.entropy,   &seen.received,   &seen.pooled_map, &seen.distance,
      &seen.rows,        &seen.columns,   &seen.mass_first, &seen.mass_self,  &seen.mass_previous,
      &seen.mass_match,  &seen.mass_sink, &seen.log2_max,   &seen.row_sum};
  const std::vector<const Room*> rooms = call.rooms();
  ASSERT_EQ(rooms.size(), tensors.size());
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    EXPECT_EQ(tensors[i]->shape(), fovea::Shape(rooms[i]->sizes)) << i;
    EXPECT_EQ(rooms[i]->data, values_of<float>(*tensors[i])) << i;
  }
  EXPECT_EQ(call.observed.nan_rows, 0);
}

TEST(FoveaAttendObserving, ChangesNoBitOfTheAnswer) {
  ObservingCall observing;
  ASSERT_EQ(observing.attend_observing(), FOVEA_OK) << observing.error.text;
  ObservingCall plain;
  ASSERT_EQ(plain.attend(), FOVEA_OK) << plain.error.text;
  EXPECT_EQ(observing.output, plain.output);
  EXPECT_EQ(observing.log_sum_exp, plain.log_sum_exp);
  EXPECT_EQ(observing.row_max, plain.row_max);
  EXPECT_EQ(observing.row_sum, plain.row_sum);
}

/// The same call with one thing asked for: a dropped or mistaken field would show.
struct Question {
  const char* name;
  std::function<void(ObservingCall&, fovea_observe&, fovea_observed&)> ask;
  std::function<const Room*(const ObservingCall&)> room;  ///< the one that is written
};

class EachObserver : public testing::TestWithParam<Question> {};

TEST_P(EachObserver, IsAskedForAlone) {
  ObservingCall all;
  ASSERT_EQ(all.attend_observing(), FOVEA_OK) << all.error.text;
  ObservingCall call;
  fovea_observe observe{};
  observe.struct_size = sizeof observe;
  observe.heads = call.heads.data();
  observe.head_count = 2;
  fovea_observed observed{};
  observed.struct_size = sizeof observed;
  GetParam().ask(call, observe, observed);
  ASSERT_EQ(fovea_attend_observing(&call.attention, nullptr, &observe, &call.answer, &observed,
                                   &call.error),
            FOVEA_OK)
      << call.error.text;
  const Room* const written = GetParam().room(call);
  EXPECT_EQ(written->data, GetParam().room(all)->data);
  for (const Room* room : call.rooms()) {
    if (room == written) continue;
    EXPECT_THAT(room->data, Each(kUntouched));
  }
}

INSTANTIATE_TEST_SUITE_P(
    FoveaObserve, EachObserver,
    testing::Values(Question{"entropy",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.entropy = 1, d.entropy = c.entropy.target();
                             },
                             [](const ObservingCall& c) { return &c.entropy; }},
                    Question{"received",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.received = 1, d.received = c.received.target();
                             },
                             [](const ObservingCall& c) { return &c.received; }},
                    Question{"pooled_map",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.pooled_map = 1, o.pool_queries = o.pool_keys = kCell;
                               d.pooled_map = c.pooled_map.target();
                             },
                             [](const ObservingCall& c) { return &c.pooled_map; }},
                    Question{"distance",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.distance = 1, d.distance = c.distance.target();
                             },
                             [](const ObservingCall& c) { return &c.distance; }},
                    Question{"rows",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.rows = c.rows.data(), o.row_count = 2,
                               d.rows = c.full_rows.target();
                             },
                             [](const ObservingCall& c) { return &c.full_rows; }},
                    Question{"columns",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.columns = c.columns.data(), o.column_count = 1;
                               d.columns = c.full_columns.target();
                             },
                             [](const ObservingCall& c) { return &c.full_columns; }},
                    Question{"mass_first",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.mass_first = 2, d.mass_first = c.mass_first.target();
                             },
                             [](const ObservingCall& c) { return &c.mass_first; }},
                    Question{"mass_self",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.mass_self = 1, d.mass_self = c.mass_self.target();
                             },
                             [](const ObservingCall& c) { return &c.mass_self; }},
                    Question{"mass_previous",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.mass_previous = 1, d.mass_previous = c.mass_previous.target();
                             },
                             [](const ObservingCall& c) { return &c.mass_previous; }},
                    Question{"mass_match",
                             [](ObservingCall& c, fovea_observe& o, fovea_observed& d) {
                               o.query_labels = c.observe.query_labels,
                               o.key_labels = c.observe.key_labels;
                               d.mass_match = c.mass_match.target();
                             },
                             [](const ObservingCall& c) { return &c.mass_match; }}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FoveaAttendObserving, CountsEmptyAndNaNRows) {
  ObservingCall call;
  call.query[0] = std::numeric_limits<float>::quiet_NaN();                 // head 0, not observed
  call.query[kQueries * kSize] = std::numeric_limits<float>::quiet_NaN();  // head 1
  ASSERT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  EXPECT_EQ(call.observed.nan_rows, 1);
  call.lengths[0] = 0;
  call.attention.key_lengths = plain(FOVEA_I64, call.lengths.data(), call.batch_sizes);
  ASSERT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  EXPECT_EQ(call.answer.empty_rows, kQueryHeads * kQueries);
  EXPECT_EQ(call.observed.nan_rows, 0);
}

TEST(FoveaAttendObserving, WorksWithoutExecutionAndErrorTextAndMassSink) {
  ObservingCall call;
  call.observed.mass_sink = {};
  EXPECT_EQ(fovea_attend_observing(&call.attention, nullptr, &call.observe, &call.answer,
                                   &call.observed, nullptr),
            FOVEA_OK);
  EXPECT_THAT(call.mass_sink.data, Each(kUntouched));
}

TEST(FoveaAttendObserving, TakesStridesInBytes) {
  ObservingCall wanted;
  ASSERT_EQ(wanted.attend_observing(), FOVEA_OK) << wanted.error.text;
  ObservingCall call;
  std::vector<float> spread(4 * 2 * kKeys, kUntouched);
  const std::int64_t strides[] = {0, 4 * kKeys * 4, 8};
  call.observed.received.data = spread.data();
  call.observed.received.strides = strides;
  ASSERT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  for (std::size_t h = 0; h < 2; ++h) {
    for (std::size_t j = 0; j < kKeys; ++j) {
      EXPECT_EQ(spread[h * 4 * kKeys + 2 * j], wanted.received.data[h * kKeys + j]);
      EXPECT_EQ(spread[h * 4 * kKeys + 2 * j + 1], kUntouched);
    }
  }
}

TEST(FoveaAttendObserving, TakesCellsLargerThanAllTokens) {
  ObservingCall call;
  call.observe.pool_queries = call.observe.pool_keys = INT64_MAX;
  call.pooled_map = Room({1, 2, 1, 1});
  call.observed.pooled_map = call.pooled_map.target();
  ASSERT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  // The mean of what rows give to keys: less than 1, as there are sinks.
  EXPECT_THAT(call.pooled_map.data, Each(testing::AllOf(testing::Gt(0.0F), testing::Lt(1.0F))));
}

// "With batch, query_heads or queries = 0 nothing is written and no pointer needs to be valid."
TEST(FoveaAttendObserving, ReadsAndWritesNothingWithoutQueries) {
  ObservingCall call;
  call.query_sizes[2] = call.row_sizes[2] = 0;
  call.attention.query.data = nullptr;
  call.answer.output.data = call.answer.log_sum_exp.data = nullptr;
  call.answer.row_max.data = call.answer.row_sum.data = nullptr;
  call.observe = {};
  call.observe.struct_size = sizeof call.observe;
  call.observe.received = 1;
  call.observed = {};
  call.observed.struct_size = sizeof call.observed;
  const std::vector<std::int64_t> all_heads{1, kQueryHeads, kKeys};
  call.observed.received = {FOVEA_F32, 3, nullptr, all_heads.data(), nullptr};
  EXPECT_EQ(call.attend_observing(), FOVEA_OK) << call.error.text;
  EXPECT_EQ(call.answer.empty_rows, 0);
}

TEST(FoveaPoolCells, SaysWhatTheCxxCallSays) {
  Call call;
  call.query_sizes[2] = 100;
  call.key_sizes[2] = 1000;
  call.query.resize(kQueryHeads * 100 * kSize);
  call.key.resize(kKeyHeads * 1000 * kSize);
  call.attention.query.data = call.query.data();
  call.attention.key.data = call.attention.value.data = call.key.data();
  fovea_observe observe{};
  observe.struct_size = sizeof observe;
  observe.pool_queries = 7;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  ASSERT_EQ(fovea_pool_cells(&call.attention, &observe, &queries, &keys, &call.error), FOVEA_OK)
      << call.error.text;
  EXPECT_EQ(queries, 7);
  EXPECT_EQ(keys, 16);  // 1000 / 16 = 62.5, and cells of 8 would be 125
  EXPECT_EQ(fovea_pool_cells(&call.attention, nullptr, &queries, &keys, &call.error),
            FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("observe is a null pointer"));
  EXPECT_EQ(fovea_pool_cells(&call.attention, &observe, nullptr, &keys, &call.error),
            FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("queries is a null pointer"));
  EXPECT_EQ(fovea_pool_cells(&call.attention, &observe, &queries, nullptr, nullptr),
            FOVEA_INVALID_ARGUMENT);
}

TEST(FoveaObservers, ListsThemALineEach) {
  std::vector<char> room(4000);
  fovea_text text{room.data(), room.size(), 0};
  ASSERT_EQ(fovea_observers(&text, nullptr), FOVEA_OK);
  std::string wanted;
  for (const fovea::ObserverInfo& info : fovea::list_observers())
    wanted += info.name + '\t' + info.summary + '\n';
  EXPECT_EQ(std::string(room.data()), wanted);
  EXPECT_EQ(text.length, wanted.size());
  EXPECT_EQ(fovea_observers(nullptr, nullptr), FOVEA_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace fovea::c
