// What attend_into asks of a partial state and a workspace, and what it says when it does not get it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "fovea/core/error.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr float kUntouched = 12345;

Tensor untouched(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  std::ranges::fill(tensor.values<float>(), kUntouched);
  return tensor;
}

struct PartialStateTest : public ::testing::Test {
  PartialStateTest() {
    Generator generator(3);
    query = randn({2, 20, 8}, generator);
    key = randn({2, 200, 8}, generator);
    value = randn({2, 200, 4}, generator);
    attention = {.query = query, .key = key, .value = value};
  }
  AttendInto into() {
    return {.output = output.mutable_view(),
            .state = {.output = state_output.mutable_view(),
                      .log2_max = log2_max.mutable_view(),
                      .sum = sum.mutable_view()}};
  }
  std::string refused(const AttendInto& targets, const Execution& execution = {}) {
    const std::string text =
        invalid_argument_text([&] { attend_into(attention, targets, execution); });
    for (const Tensor* tensor : {&output, &state_output, &log2_max, &sum})
      EXPECT_THAT(tensor->values<float>(), Each(kUntouched));
    return text;
  }

  Tensor query;
  Tensor key;
  Tensor value;
  Attention attention;
  Tensor output = untouched({2, 20, 4});
  Tensor state_output = untouched({2, 20, 4});
  Tensor log2_max = untouched({2, 20});
  Tensor sum = untouched({2, 20});
};

TEST_F(PartialStateTest, IsWhatTheRowsOutputAndStatisticsAreMadeOf) {
  attend_into(attention, into());
  const Attended whole = attend(attention);
  for (std::size_t row = 0; row < 40; ++row) {
    const float l = sum.values<float>()[row];
    EXPECT_EQ(l, whole.row_sum.values<float>()[row]);
    EXPECT_FLOAT_EQ(log2_max.values<float>()[row] * std::log(2.0F),
                    whole.row_max.values<float>()[row]);
    for (std::size_t c = 0; c < 4; ++c) {
      EXPECT_EQ(state_output.values<float>()[row * 4 + c] * (1 / l) + 0.0F,
                whole.output.values<float>()[row * 4 + c]);
    }
  }
}

TEST_F(PartialStateTest, OfNoKeysIsNothing) {
  attention.key = attention.key.sliced(1, 0, 0);
  attention.value = attention.value.sliced(1, 0, 0);
  EXPECT_EQ(attend_into(attention, into()), 40);
  EXPECT_THAT(log2_max.values<float>(), Each(-std::numeric_limits<float>::infinity()));
  EXPECT_THAT(sum.values<float>(), Each(0.0F));
  EXPECT_THAT(state_output.values<float>(), Each(0.0F));
}

TEST_F(PartialStateTest, NeedsAllItsParts) {
  AttendInto targets = into();
  targets.state.sum = {};
  EXPECT_THAT(refused(targets), HasSubstr("must be given together"));
  EXPECT_THAT(refused({}), HasSubstr("output is not given"));
  EXPECT_THAT(refused({.output = output.mutable_view(), .resume = true}),
              HasSubstr("no state is given"));
}

TEST_F(PartialStateTest, HasShapesTypesAndMemoryOfItsOwn) {
  AttendInto targets = into();
  targets.state.log2_max = state_output.mutable_view();
  EXPECT_THAT(refused(targets), HasSubstr("state.log2_max is [2, 20, 4]; [2, 20] is wanted"));
  targets = into();
  Tensor wide(DType::f64, {2, 20});
  targets.state.sum = wide.mutable_view();
  EXPECT_THAT(refused(targets), HasSubstr("state.sum is f64; f32 is wanted"));
  targets = into();
  targets.state.output = output.mutable_view();
  EXPECT_THAT(refused(targets), HasSubstr("state.output overlaps output"));
}

TEST_F(PartialStateTest, OfOnePartWithPositionsWantsTheDiagonal) {
  attention.causal = true;
  AttendInto targets = into();
  targets.output = {};
  EXPECT_THAT(refused(targets), HasSubstr("Diagonal::at"));
  attention.diagonal = Diagonal::at(180);
  EXPECT_EQ(attend_into(attention, targets), 0);
}

TEST_F(PartialStateTest, IsNotKeptByTheReference) {
  try {
    attend_into(attention, into(), {.implementation = "reference"});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("reference keeps no partial state"));
  }
}

// Whatever a state holds, a call with it ends, and no number of it reaches another row.
TEST_F(PartialStateTest, OfAnyNumbersIsOnlyNumbers) {
  AttendInto again = into();
  again.resume = true;
  attend_into(attention, into());
  attend_into(attention, again);
  const Tensor expected = Tensor::copy_of(output);
  for (const char* const name : {"prefill", "decode", "small"}) {
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), 0.0F, -1.0F, 1e38F}) {
      attend_into(attention, into(), {.implementation = name});
      log2_max.values<float>()[5] = odd;
      sum.values<float>()[25] = odd;
      state_output.values<float>()[33 * 4] = odd;
      attend_into(attention, again, {.implementation = name});
      for (std::size_t i = 0; i < 160; ++i) {
        if (i / 4 == 5 || i / 4 == 25 || i == 33 * 4) continue;
        EXPECT_EQ(output.values<float>()[i], expected.values<float>()[i]) << name << ", " << odd;
      }
    }
  }
}

TEST_F(PartialStateTest, TakesTheCallersWorkspace) {
  const Execution execution{.threads = 2, .implementation = "prefill"};
  const std::int64_t bytes = plan(attention, execution).scratch_bytes;
  ASSERT_GT(bytes, 0);
  Tensor memory(DType::u8, {bytes + 64});
  AttendInto targets = into();
  targets.workspace = memory.bytes().subspan(0, static_cast<std::size_t>(bytes) - 1);
  EXPECT_THAT(refused(targets, execution),
              HasSubstr("workspace has " + std::to_string(bytes - 1) + " bytes; this call needs " +
                        std::to_string(bytes)));
  targets.workspace = memory.bytes().subspan(4);
  EXPECT_THAT(refused(targets, execution), HasSubstr("aligned to 64"));
  targets.workspace = memory.bytes();
  attend_into(attention, targets, execution);
  const Attended whole = attend(attention);
  for (std::size_t i = 0; i < 160; ++i)
    EXPECT_EQ(output.values<float>()[i], whole.output.values<float>()[i]);
}

}  // namespace
}  // namespace fovea
