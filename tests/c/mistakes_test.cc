// Every mistake at the C interface gets a status and a text that names it, and nothing is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "c/call.h"

namespace fovea::c {
namespace {

using testing::Each;
using testing::HasSubstr;

/// A mistake, the status it gets, and the words that its text must have.
struct Mistake {
  const char* name;
  std::function<void(Call&)> make;
  fovea_status status;
  const char* words;
};

class EachMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EachMistake, IsAnsweredAndNothingIsWritten) {
  Call call;
  GetParam().make(call);
  EXPECT_EQ(call.attend(), GetParam().status);
  EXPECT_THAT(call.error.text, HasSubstr(GetParam().words));
  EXPECT_THAT(call.output, Each(kUntouched));
  EXPECT_THAT(call.log_sum_exp, Each(kUntouched));
}

const std::int64_t kNegativeSizes[] = {1, kQueryHeads, -3, kSize};
const std::int64_t kOddStrides[] = {0, 96, 32, 5};
const std::int64_t kHugeSizes[] = {std::int64_t{1} << 32, std::int64_t{1} << 32, kQueries, kSize};

INSTANTIATE_TEST_SUITE_P(
    FoveaAttend, EachMistake,
    testing::Values(
        Mistake{"NoStructSize", [](Call& c) { c.attention.struct_size = 0; },
                FOVEA_INVALID_ARGUMENT,
                "attention.struct_size is 0; it must be sizeof(fovea_attention)"},
        Mistake{"TruncatedStruct", [](Call& c) { c.attention.struct_size = 100; },
                FOVEA_INVALID_ARGUMENT, "struct_size is 100"},
        Mistake{"StructSizeOfGarbage",
                [](Call& c) { c.attention.struct_size = 0xCDCDCDCDCDCDCDCD; },
                FOVEA_INVALID_ARGUMENT, "struct_size"},
        Mistake{"ExecutionWithoutStructSize", [](Call& c) { c.execution.struct_size = 0; },
                FOVEA_INVALID_ARGUMENT,
                "execution.struct_size is 0; it must be sizeof(fovea_execution)"},
        Mistake{"AnswerWithoutStructSize", [](Call& c) { c.answer.struct_size = 0; },
                FOVEA_INVALID_ARGUMENT, "answer.struct_size is 0; it must be sizeof(fovea_answer)"},
        Mistake{"UnknownType", [](Call& c) { c.attention.query.type = 99; }, FOVEA_INVALID_ARGUMENT,
                "query.type is 99"},
        Mistake{"NegativeType", [](Call& c) { c.attention.bias.type = -1; }, FOVEA_INVALID_ARGUMENT,
                "bias.type is -1"},
        Mistake{"UnknownOutputType", [](Call& c) { c.execution.output_type = 8; },
                FOVEA_INVALID_ARGUMENT, "execution.output_type is 8"},
        Mistake{"UnknownDiagonal", [](Call& c) { c.attention.diagonal = 3; },
                FOVEA_INVALID_ARGUMENT, "attention.diagonal is 3"},
        Mistake{"CausalOfTwo", [](Call& c) { c.attention.causal = 2; }, FOVEA_INVALID_ARGUMENT,
                "attention.causal is 2; it must be 0 or 1"},
        Mistake{"HasScaleOfMinusOne", [](Call& c) { c.attention.has_scale = -1; },
                FOVEA_INVALID_ARGUMENT, "attention.has_scale is -1"},
        Mistake{"HasWindowOfTwo", [](Call& c) { c.attention.has_window = 2; },
                FOVEA_INVALID_ARGUMENT, "attention.has_window is 2"},
        Mistake{"NegativeWindow",
                [](Call& c) { c.attention.has_window = 1, c.attention.window_left = -1; },
                FOVEA_INVALID_ARGUMENT, "window is -1, 0"},
        Mistake{"NoQuery", [](Call& c) { c.attention.query = {}; }, FOVEA_INVALID_ARGUMENT,
                "query is not given"},
        Mistake{"NoOutput", [](Call& c) { c.answer.output = {}; }, FOVEA_INVALID_ARGUMENT,
                "output is not given"},
        Mistake{"NullQuery", [](Call& c) { c.attention.query.data = nullptr; },
                FOVEA_INVALID_ARGUMENT, "query [1, 4, 3, 8] is a null pointer"},
        Mistake{"NullKey", [](Call& c) { c.attention.key.data = nullptr; }, FOVEA_INVALID_ARGUMENT,
                "key [1, 2, 5, 8]"},
        Mistake{"NullValue", [](Call& c) { c.attention.value.data = nullptr; },
                FOVEA_INVALID_ARGUMENT, "value [1, 2, 5, 8]"},
        Mistake{"NullKeep",
                [](Call& c) { c.attention.keep = plain(FOVEA_BOOL, nullptr, c.score_sizes); },
                FOVEA_INVALID_ARGUMENT, "keep [4, 1, 5]"},
        Mistake{"NullOutput", [](Call& c) { c.answer.output.data = nullptr; },
                FOVEA_INVALID_ARGUMENT, "output [1, 4, 3, 8] is a null pointer"},
        Mistake{"NullSizes", [](Call& c) { c.attention.key.sizes = nullptr; },
                FOVEA_INVALID_ARGUMENT, "key.sizes is a null pointer"},
        Mistake{"NegativeRank", [](Call& c) { c.attention.key.rank = -1; }, FOVEA_INVALID_ARGUMENT,
                "key.rank is -1"},
        Mistake{"RankOf33", [](Call& c) { c.attention.key.rank = 33; }, FOVEA_INVALID_ARGUMENT,
                "key.rank is 33"},
        Mistake{"NegativeSize", [](Call& c) { c.attention.query.sizes = kNegativeSizes; },
                FOVEA_INVALID_ARGUMENT, "query.sizes[2] is -3"},
        Mistake{"SizesThatOverflow", [](Call& c) { c.attention.query.sizes = kHugeSizes; },
                FOVEA_INVALID_ARGUMENT, "4294967296"},
        Mistake{"StrideWithinAnElement", [](Call& c) { c.attention.query.strides = kOddStrides; },
                FOVEA_INVALID_ARGUMENT, "query.strides[3] is 5 bytes; it must be a multiple"},
        Mistake{"MisalignedData",
                [](Call& c) {
                  c.attention.query.data = reinterpret_cast<const char*>(c.query.data()) + 1;
                },
                FOVEA_INVALID_ARGUMENT, "query.data is not aligned"},
        Mistake{"OverlappingOutput", [](Call& c) { c.answer.output.data = c.query.data(); },
                FOVEA_INVALID_ARGUMENT, "output overlaps query"},
        Mistake{"InfiniteScale",
                [](Call& c) {
                  c.attention.has_scale = 1,
                  c.attention.scale = std::numeric_limits<double>::infinity();
                },
                FOVEA_INVALID_ARGUMENT, "scale is inf"},
        Mistake{"NegativeThreads", [](Call& c) { c.execution.threads = -1; },
                FOVEA_INVALID_ARGUMENT, "-1 threads"},
        Mistake{"UnknownImplementation", [](Call& c) { c.execution.implementation = "warp"; },
                FOVEA_INVALID_ARGUMENT, "\"warp\""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FoveaAttend, AnswersNullStructs) {
  Call call;
  EXPECT_EQ(fovea_attend(nullptr, nullptr, &call.answer, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("attention is a null pointer"));
  EXPECT_EQ(fovea_attend(&call.attention, nullptr, nullptr, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("answer is a null pointer"));
}

/// The question as a later version of the header may have it: with a field more at the end.
struct LaterAttention {
  fovea_attention today;
  std::int64_t added;
};

TEST(FoveaAttend, TakesANewerStructWhoseNewFieldsAreZero) {
  Call call;
  LaterAttention later{call.attention, 0};
  later.today.struct_size = sizeof later;
  EXPECT_EQ(fovea_attend(&later.today, nullptr, &call.answer, &call.error), FOVEA_OK)
      << call.error.text;
  later.added = 1;
  EXPECT_EQ(fovea_attend(&later.today, nullptr, &call.answer, &call.error), FOVEA_UNSUPPORTED);
  EXPECT_THAT(call.error.text, HasSubstr("use a newer library"));
}

TEST(FoveaError, IsCutToItsSizeBetweenCharacters) {
  Call call;
  std::string name = "x";
  for (int i = 0; i < 1000; ++i) name += "é";
  call.execution.implementation = name.c_str();
  EXPECT_EQ(call.attend(), FOVEA_INVALID_ARGUMENT);
  const std::size_t length = std::strlen(call.error.text);
  EXPECT_GE(length, sizeof call.error.text - 2);
  EXPECT_THAT(std::string(call.error.text), testing::EndsWith("é"));
}

}  // namespace
}  // namespace fovea::c
