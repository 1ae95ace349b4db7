// Every mistake in asking for observers gets a status and a text that names it, and nothing is
// written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "c/observing_call.h"

namespace fovea::c {
namespace {

using testing::Each;
using testing::HasSubstr;

/// A mistake, the status it gets, and the words that its text must have.
struct Mistake {
  const char* name;
  std::function<void(ObservingCall&)> make;
  fovea_status status;
  const char* words;
};

class EachObservingMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EachObservingMistake, IsAnsweredAndNothingIsWritten) {
  ObservingCall call;
  GetParam().make(call);
  EXPECT_EQ(call.attend_observing(), GetParam().status);
  EXPECT_THAT(call.error.text, HasSubstr(GetParam().words));
  EXPECT_THAT(call.output, Each(kUntouched));
  EXPECT_THAT(call.log_sum_exp, Each(kUntouched));
  for (const Room* room : call.rooms()) EXPECT_THAT(room->data, Each(kUntouched));
  EXPECT_THAT(call.top_indices, Each(99));
  EXPECT_EQ(call.observed.nan_rows, 77);
}

const std::int64_t kDisorder[] = {3, 1};
const std::int64_t kBeyond[] = {1, 1000};
const std::int64_t kNegative[] = {-1, 0};

INSTANTIATE_TEST_SUITE_P(
    FoveaObserve, EachObservingMistake,
    testing::Values(
        Mistake{"ObserveWithoutStructSize", [](ObservingCall& c) { c.observe.struct_size = 0; },
                FOVEA_INVALID_ARGUMENT,
                "observe.struct_size is 0; it must be sizeof(fovea_observe), which is 184"},
        Mistake{"TruncatedObserve", [](ObservingCall& c) { c.observe.struct_size = 183; },
                FOVEA_INVALID_ARGUMENT, "observe.struct_size is 183"},
        Mistake{"ObserveSizeOfGarbage",
                [](ObservingCall& c) { c.observe.struct_size = 0xCDCDCDCDCDCDCDCD; },
                FOVEA_INVALID_ARGUMENT, "observe.struct_size"},
        Mistake{"ObservedWithoutStructSize", [](ObservingCall& c) { c.observed.struct_size = 0; },
                FOVEA_INVALID_ARGUMENT,
                "observed.struct_size is 0; it must be sizeof(fovea_observed), which is 496"},
        Mistake{"TruncatedObserved", [](ObservingCall& c) { c.observed.struct_size = 488; },
                FOVEA_INVALID_ARGUMENT, "observed.struct_size is 488"},
        Mistake{"EntropyOfTwo", [](ObservingCall& c) { c.observe.entropy = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.entropy is 2; it must be 0 or 1"},
        Mistake{"ReceivedOfMinusOne", [](ObservingCall& c) { c.observe.received = -1; },
                FOVEA_INVALID_ARGUMENT, "observe.received is -1"},
        Mistake{"PooledMapOfTwo", [](ObservingCall& c) { c.observe.pooled_map = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.pooled_map is 2"},
        Mistake{"DistanceOfTwo", [](ObservingCall& c) { c.observe.distance = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.distance is 2"},
        Mistake{"MassSelfOfTwo", [](ObservingCall& c) { c.observe.mass_self = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.mass_self is 2"},
        Mistake{"MassPreviousOfTwo", [](ObservingCall& c) { c.observe.mass_previous = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.mass_previous is 2"},
        Mistake{"RowStatisticsOfTwo", [](ObservingCall& c) { c.observe.row_statistics = 2; },
                FOVEA_INVALID_ARGUMENT, "observe.row_statistics is 2"},
        Mistake{"UnusedThatIsUsed", [](ObservingCall& c) { c.observe.unused = 1; },
                FOVEA_INVALID_ARGUMENT, "observe.unused is 1"},
        Mistake{"NullHeads", [](ObservingCall& c) { c.observe.heads = nullptr; },
                FOVEA_INVALID_ARGUMENT, "observe.heads is a null pointer with head_count 2"},
        Mistake{"NegativeRowCount", [](ObservingCall& c) { c.observe.row_count = -1; },
                FOVEA_INVALID_ARGUMENT, "observe.row_count is -1"},
        Mistake{"ColumnCountOfGarbage",
                [](ObservingCall& c) { c.observe.column_count = INT64_MAX; },
                FOVEA_INVALID_ARGUMENT, "observe.column_count is 9223372036854775807"},
        Mistake{"HeadsThatFall", [](ObservingCall& c) { c.observe.heads = kDisorder; },
                FOVEA_INVALID_ARGUMENT, "heads has 1 after 3"},
        Mistake{"HeadThatIsNotThere", [](ObservingCall& c) { c.observe.heads = kBeyond; },
                FOVEA_INVALID_ARGUMENT, "heads has 1000"},
        Mistake{"RowThatIsNotThere", [](ObservingCall& c) { c.observe.rows = kBeyond; },
                FOVEA_INVALID_ARGUMENT, "rows has 1000"},
        Mistake{"NegativeColumn", [](ObservingCall& c) { c.observe.columns = kNegative; },
                FOVEA_INVALID_ARGUMENT, "columns has -1"},
        Mistake{"TopOf65", [](ObservingCall& c) { c.observe.top_weights = 65; },
                FOVEA_INVALID_ARGUMENT, "top_weights is 65"},
        Mistake{"NegativeTop", [](ObservingCall& c) { c.observe.top_weights = -1; },
                FOVEA_INVALID_ARGUMENT, "top_weights is -1"},
        Mistake{"NegativeCells", [](ObservingCall& c) { c.observe.pool_keys = -2; },
                FOVEA_INVALID_ARGUMENT, "pool_cells is 2 x -2"},
        Mistake{"NegativeMassFirst", [](ObservingCall& c) { c.observe.mass_first = -1; },
                FOVEA_INVALID_ARGUMENT, "mass_first is -1"},
        Mistake{"LabelsOfOneSide", [](ObservingCall& c) { c.observe.key_labels = {}; },
                FOVEA_INVALID_ARGUMENT, "query_labels and key_labels"},
        Mistake{"LabelsOfAnotherType",
                [](ObservingCall& c) { c.observe.query_labels.type = FOVEA_F32; },
                FOVEA_INVALID_ARGUMENT, "query_labels is f32"},
        Mistake{"LabelsOfAnotherShape",
                [](ObservingCall& c) { c.observe.query_labels = c.observe.key_labels; },
                FOVEA_INVALID_ARGUMENT, "query_labels is [5]"},
        Mistake{"UnknownTypeOfLabels", [](ObservingCall& c) { c.observe.key_labels.type = 99; },
                FOVEA_INVALID_ARGUMENT, "key_labels.type is 99"},
        Mistake{"NullLabels", [](ObservingCall& c) { c.observe.key_labels.data = nullptr; },
                FOVEA_INVALID_ARGUMENT, "key_labels"},
        Mistake{"TargetThatIsMissing", [](ObservingCall& c) { c.observed.entropy = {}; },
                FOVEA_INVALID_ARGUMENT, "entropy"},
        Mistake{"OneTopTargetOfTwo", [](ObservingCall& c) { c.observed.top_indices = {}; },
                FOVEA_INVALID_ARGUMENT, "top_indices"},
        Mistake{"TargetThatIsNotAskedFor", [](ObservingCall& c) { c.observe.distance = 0; },
                FOVEA_INVALID_ARGUMENT, "distance"},
        Mistake{"TargetOfAnotherShape",
                [](ObservingCall& c) { c.observed.received = c.distance.target(); },
                FOVEA_INVALID_ARGUMENT, "received is [1, 2, 177]"},
        Mistake{"TargetOfAnotherType",
                [](ObservingCall& c) { c.observed.entropy.type = FOVEA_I32; },
                FOVEA_INVALID_ARGUMENT, "entropy is i32"},
        Mistake{"UnknownTypeOfATarget", [](ObservingCall& c) { c.observed.rows.type = 99; },
                FOVEA_INVALID_ARGUMENT, "observed.rows.type is 99"},
        Mistake{"NullTarget", [](ObservingCall& c) { c.observed.columns.data = nullptr; },
                FOVEA_INVALID_ARGUMENT, "columns"},
        Mistake{"TargetsThatOverlap",
                [](ObservingCall& c) { c.observed.mass_self.data = c.entropy.data.data() + 1; },
                FOVEA_INVALID_ARGUMENT, "mass_self overlaps entropy"},
        Mistake{"TargetOverTheOutput",
                [](ObservingCall& c) { c.observed.received.data = c.output.data(); },
                FOVEA_INVALID_ARGUMENT, "received overlaps output"},
        Mistake{"TargetOverTheKey",
                [](ObservingCall& c) { c.observed.received.data = c.key.data(); },
                FOVEA_INVALID_ARGUMENT, "received overlaps key"},
        Mistake{"TargetOverTheLabels",
                [](ObservingCall& c) { c.observed.entropy.data = c.key_label_values.data(); },
                FOVEA_INVALID_ARGUMENT, "entropy overlaps key_labels"},
        Mistake{"NoOutput", [](ObservingCall& c) { c.answer.output = {}; }, FOVEA_INVALID_ARGUMENT,
                "output is not given"},
        Mistake{"AnswerWithAState",
                [](ObservingCall& c) {
                  c.answer.state_output = c.answer.output;
                  c.answer.state_log2_max = c.answer.row_max;
                  c.answer.state_sum = c.answer.row_sum;
                  c.answer.output = c.answer.row_max = c.answer.row_sum = {};
                },
                FOVEA_UNSUPPORTED, "parts"},
        Mistake{"ImplementationThatDoesNotObserve",
                [](ObservingCall& c) { c.execution.implementation = "small"; }, FOVEA_UNSUPPORTED,
                "small"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FoveaAttendObserving, AnswersNullStructs) {
  ObservingCall c;
  EXPECT_EQ(fovea_attend_observing(nullptr, nullptr, &c.observe, &c.answer, &c.observed, &c.error),
            FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(c.error.text, HasSubstr("attention is a null pointer"));
  EXPECT_EQ(
      fovea_attend_observing(&c.attention, nullptr, nullptr, &c.answer, &c.observed, &c.error),
      FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(c.error.text, HasSubstr("observe is a null pointer"));
  EXPECT_EQ(
      fovea_attend_observing(&c.attention, nullptr, &c.observe, nullptr, &c.observed, &c.error),
      FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(c.error.text, HasSubstr("answer is a null pointer"));
  EXPECT_EQ(fovea_attend_observing(&c.attention, nullptr, &c.observe, &c.answer, nullptr, &c.error),
            FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(c.error.text, HasSubstr("observed is a null pointer"));
}

/// The structs as a later version of the header may have them: with a field more at the end.
template <typename Today>
struct Later {
  Today today;
  std::int64_t added;
};

TEST(FoveaAttendObserving, TakesNewerStructsWhoseNewFieldsAreZero) {
  ObservingCall c;
  Later<fovea_observe> observe{c.observe, 0};
  observe.today.struct_size = sizeof observe;
  Later<fovea_observed> observed{c.observed, 0};
  observed.today.struct_size = sizeof observed;
  const auto attend = [&] {
    return fovea_attend_observing(&c.attention, nullptr, &observe.today, &c.answer, &observed.today,
                                  &c.error);
  };
  EXPECT_EQ(attend(), FOVEA_OK) << c.error.text;
  EXPECT_EQ(observed.today.nan_rows, 0);
  observe.added = 1;
  EXPECT_EQ(attend(), FOVEA_UNSUPPORTED);
  EXPECT_THAT(c.error.text, HasSubstr("observe sets a field beyond"));
  observe.added = 0;
  observed.added = 1;
  EXPECT_EQ(attend(), FOVEA_UNSUPPORTED);
  EXPECT_THAT(c.error.text, HasSubstr("observed sets a field beyond"));
}

}  // namespace
}  // namespace fovea::c
