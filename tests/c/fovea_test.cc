// The C interface gives the C++ call's answer, takes every field across, and answers every mistake
// with a status and text.
#include "fovea.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "c/call.h"
#include "fovea/engine/attend.h"

namespace fovea::c {
namespace {

using testing::Each;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<float> values_of(const fovea::Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

void expect_same_answer(Call& call, const fovea::Attended& wanted) {
  ASSERT_EQ(call.attend(), FOVEA_OK) << call.error.text;
  EXPECT_THAT(call.output, ElementsAreArray(values_of(wanted.output)));
  EXPECT_THAT(call.log_sum_exp, ElementsAreArray(values_of(wanted.log_sum_exp)));
  EXPECT_THAT(call.row_max, ElementsAreArray(values_of(wanted.row_max)));
  EXPECT_THAT(call.row_sum, ElementsAreArray(values_of(wanted.row_sum)));
  EXPECT_EQ(call.answer.empty_rows, wanted.empty_rows);
}

TEST(FoveaAttend, GivesTheBitsOfTheCxxCall) {
  Call call;
  expect_same_answer(call, fovea::attend(call.same_in_cxx()));
}

/// A field of the question, set alike in both languages.
struct Field {
  const char* name;
  std::function<void(Call&)> set;
  std::function<void(const Call&, fovea::Attention&)> set_in_cxx;
};

class EachField : public testing::TestWithParam<Field> {};

TEST_P(EachField, MeansWhatItMeansInCxx) {
  Call call;
  GetParam().set(call);
  fovea::Attention same = call.same_in_cxx();
  const fovea::Attended without = fovea::attend(same);
  GetParam().set_in_cxx(call, same);
  const fovea::Attended with = fovea::attend(same);
  // Else the field could be dropped on the way and nobody would see it.
  ASSERT_NE(values_of(with.log_sum_exp), values_of(without.log_sum_exp));
  expect_same_answer(call, with);
}

INSTANTIATE_TEST_SUITE_P(
    FoveaAttention, EachField,
    testing::Values(
        Field{"scale", [](Call& c) { c.attention.has_scale = 1, c.attention.scale = 0; },
              [](const Call&, fovea::Attention& a) { a.scale = 0; }},
        Field{"softcap", [](Call& c) { c.attention.softcap = 0.5; },
              [](const Call&, fovea::Attention& a) { a.softcap = 0.5; }},
        Field{"bias",
              [](Call& c) { c.attention.bias = plain(FOVEA_F32, c.bias.data(), c.score_sizes); },
              [](const Call& c, fovea::Attention& a) {
                a.bias = fovea::TensorView(c.bias.data(), fovea::Shape(c.score_sizes));
              }},
        Field{"keep",
              [](Call& c) {
                c.keep[1] = 0;
                c.attention.keep = plain(FOVEA_BOOL, c.keep.data(), c.score_sizes);
              },
              [](const Call& c, fovea::Attention& a) {
                const fovea::Shape sizes(c.score_sizes);
                a.keep = fovea::TensorView(c.keep.data(), fovea::DType::boolean, sizes,
                                           contiguous_strides(sizes));
              }},
        Field{"causal", [](Call& c) { c.attention.causal = 1; },
              [](const Call&, fovea::Attention& a) { a.causal = true; }},
        Field{"window_left",
              [](Call& c) {
                c.attention.has_window = 1, c.attention.window_left = 1,
                c.attention.window_right = INT64_MAX;
              },
              [](const Call&, fovea::Attention& a) { a.window.left = 1; }},
        Field{"window_right",
              [](Call& c) {
                c.attention.has_window = 1, c.attention.window_left = INT64_MAX,
                c.attention.window_right = 1;
              },
              [](const Call&, fovea::Attention& a) { a.window.right = 1; }},
        Field{"top_left",
              [](Call& c) { c.attention.causal = 1, c.attention.diagonal = FOVEA_TOP_LEFT; },
              [](const Call&, fovea::Attention& a) {
                a.causal = true, a.diagonal = fovea::Diagonal::top_left();
              }},
        Field{"offset",
              [](Call& c) {
                c.attention.causal = 1, c.attention.diagonal = FOVEA_AT_OFFSET,
                c.attention.diagonal_offset = -1;
              },
              [](const Call&, fovea::Attention& a) {
                a.causal = true, a.diagonal = fovea::Diagonal::at(-1);
              }},
        Field{"alibi",
              [](Call& c) {
                c.attention.alibi_slopes = plain(FOVEA_F32, c.slopes.data(), c.head_sizes);
              },
              [](const Call& c, fovea::Attention& a) {
                a.alibi_slopes = fovea::TensorView(c.slopes.data(), fovea::Shape(c.head_sizes));
              }},
        Field{"sinks",
              [](Call& c) { c.attention.sinks = plain(FOVEA_F32, c.sinks.data(), c.head_sizes); },
              [](const Call& c, fovea::Attention& a) {
                a.sinks = fovea::TensorView(c.sinks.data(), fovea::Shape(c.head_sizes));
              }},
        Field{"key_lengths",
              [](Call& c) {
                c.attention.key_lengths = plain(FOVEA_I64, c.lengths.data(), c.batch_sizes);
              },
              [](const Call& c, fovea::Attention& a) {
                a.key_lengths = fovea::TensorView(c.lengths.data(), fovea::Shape(c.batch_sizes));
              }}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FoveaAttend, TakesStridesInBytes) {
  Call call;
  // The query as [tokens, heads, size] in memory, the keys backwards and twice as far apart.
  std::vector<float> turned(call.query.size());
  for (std::int64_t h = 0; h < kQueryHeads; ++h) {
    for (std::int64_t i = 0; i < kQueries; ++i) {
      std::copy_n(&call.query[static_cast<std::size_t>((h * kQueries + i) * kSize)], kSize,
                  &turned[static_cast<std::size_t>((i * kQueryHeads + h) * kSize)]);
    }
  }
  std::vector<float> spread(2 * call.key.size());
  const std::size_t last = 2 * (call.key.size() - 1);
  for (std::size_t i = 0; i < call.key.size(); ++i) spread[last - 2 * i] = call.key[i];
  const std::int64_t query_strides[] = {0, kSize * 4, kQueryHeads * kSize * 4, 4};
  const std::int64_t key_strides[] = {0, -kKeys * kSize * 8, -kSize * 8, -8};
  const fovea::Attended wanted = fovea::attend(call.same_in_cxx());
  call.attention.query.data = turned.data();
  call.attention.query.strides = query_strides;
  call.attention.key.data = &spread[last];
  call.attention.key.strides = key_strides;
  expect_same_answer(call, wanted);
}

TEST(FoveaAttend, TakesHalfPrecisionKeysAndOtherOutputTypes) {
  Call call;
  const std::vector<std::uint16_t> ones(call.key.size(), 0x3C00);  // 1 in binary16
  call.attention.key = plain(FOVEA_F16, ones.data(), call.key_sizes);
  call.attention.value = plain(FOVEA_F16, ones.data(), call.key_sizes);
  ASSERT_EQ(call.attend(), FOVEA_OK) << call.error.text;
  // A mean of ones: each weight is off by an ulp or two at most, and there are five.
  EXPECT_THAT(call.output, Each(testing::FloatNear(1, 1e-6F)));

  Call doubles;
  const std::vector<double> halves(doubles.query.size(), 0.5);
  doubles.attention.query = plain(FOVEA_F64, halves.data(), doubles.query_sizes);
  doubles.attention.key = plain(FOVEA_F64, halves.data(), doubles.key_sizes);
  doubles.attention.value = plain(FOVEA_F64, halves.data(), doubles.key_sizes);
  doubles.execution.output_type = FOVEA_F32;
  ASSERT_EQ(doubles.attend(), FOVEA_OK) << doubles.error.text;
  EXPECT_THAT(doubles.output, Each(0.5F));
}

TEST(FoveaAttend, WritesOnlyTheTargetsThatAreGiven) {
  Call call;
  call.answer.log_sum_exp.type = FOVEA_NOT_GIVEN;
  call.answer.row_max = {};
  ASSERT_EQ(call.attend(), FOVEA_OK) << call.error.text;
  EXPECT_THAT(call.log_sum_exp, Each(kUntouched));
  EXPECT_THAT(call.row_max, Each(kUntouched));
  EXPECT_THAT(call.row_sum, testing::Not(testing::Contains(kUntouched)));
}

TEST(FoveaAttend, CountsEmptyRows) {
  Call call;
  call.lengths[0] = 0;
  call.attention.key_lengths = plain(FOVEA_I64, call.lengths.data(), call.batch_sizes);
  ASSERT_EQ(call.attend(), FOVEA_OK) << call.error.text;
  EXPECT_EQ(call.answer.empty_rows, kQueryHeads * kQueries);
  EXPECT_THAT(call.output, Each(0.0F));
}

TEST(FoveaAttend, RunsTheNamedImplementation) {
  Call call;
  call.execution.implementation = "reference";
  call.execution.threads = 1;
  const fovea::Attended wanted =
      fovea::attend(call.same_in_cxx(), {.threads = 1, .implementation = "reference"});
  expect_same_answer(call, wanted);
}

TEST(FoveaAttend, WorksWithoutExecutionAndErrorText) {
  Call call;
  EXPECT_EQ(fovea_attend(&call.attention, nullptr, &call.answer, nullptr), FOVEA_OK);
  call.attention.softcap = -1;
  EXPECT_EQ(fovea_attend(&call.attention, nullptr, &call.answer, nullptr), FOVEA_INVALID_ARGUMENT);
}

TEST(FoveaAttend, ServesManyThreadsAtOnce) {
  Call one;
  ASSERT_EQ(one.attend(), FOVEA_OK);
  std::vector<std::unique_ptr<Call>> calls(8);
  {
    std::vector<std::jthread> threads;
    for (auto& call : calls) {
      call = std::make_unique<Call>();
      threads.emplace_back([&call = *call] { call.attend(); });
    }
  }
  for (const auto& call : calls) EXPECT_EQ(call->output, one.output);
}

TEST(FoveaExplain, SaysWhatThePlanSays) {
  Call call;
  std::vector<char> room(1000);
  fovea_text text{room.data(), room.size(), 0};
  ASSERT_EQ(fovea_explain(&call.attention, &call.execution, &text, &call.error), FOVEA_OK)
      << call.error.text;
  EXPECT_EQ(std::string(room.data()), fovea::plan(call.same_in_cxx()).explain());
  EXPECT_EQ(text.length, std::strlen(room.data()));
  EXPECT_THAT(call.output, Each(kUntouched));
}

TEST(FoveaExplain, RefusesWhatAttendRefuses) {
  Call call;
  fovea_text text{};
  call.attention.softcap = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(fovea_explain(&call.attention, nullptr, &text, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("softcap"));
  EXPECT_EQ(fovea_explain(&call.attention, nullptr, nullptr, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, HasSubstr("text is a null pointer"));
}

TEST(FoveaText, TellsTheLengthAndCutsToTheRoom) {
  fovea_text text{nullptr, 0, 0};
  ASSERT_EQ(fovea_implementations(&text, nullptr), FOVEA_OK);
  const std::size_t whole = text.length;
  ASSERT_GT(whole, 20U);
  std::vector<char> room(whole + 1, '?');
  text = {room.data(), 10, 0};
  ASSERT_EQ(fovea_implementations(&text, nullptr), FOVEA_OK);
  EXPECT_EQ(text.length, whole);
  EXPECT_EQ(std::strlen(room.data()), 9U);
  EXPECT_EQ(room[10], '?');
  text = {room.data(), room.size(), 0};
  ASSERT_EQ(fovea_implementations(&text, nullptr), FOVEA_OK);
  EXPECT_EQ(std::strlen(room.data()), whole);
}

TEST(FoveaImplementations, EndWithTheReference) {
  std::vector<char> room(4000);
  fovea_text text{room.data(), room.size(), 0};
  ASSERT_EQ(fovea_implementations(&text, nullptr), FOVEA_OK);
  const std::string lines = room.data();
  const std::size_t last_line = lines.rfind('\n', lines.size() - 2) + 1;
  EXPECT_THAT(lines.substr(last_line), StartsWith("reference\t"));
}

TEST(FoveaVersion, IsThreeNumbers) {
  EXPECT_THAT(fovea_version(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(FoveaStop, EndsCallsThatWereGivenItAndNoOthers) {
  Call call;
  fovea_stop* const stop = fovea_stop_create();
  ASSERT_NE(stop, nullptr);
  call.execution.stop = stop;
  EXPECT_EQ(call.attend(), FOVEA_OK);
  fovea_stop_request(stop);
  EXPECT_EQ(call.attend(), FOVEA_CANCELLED);
  EXPECT_THAT(call.error.text, testing::HasSubstr("cancelled"));
  call.execution.stop = nullptr;
  EXPECT_EQ(call.attend(), FOVEA_OK);
  fovea_stop_free(stop);
  fovea_stop_free(nullptr);
  fovea_stop_request(nullptr);
}

// The struct as version 0.1.0 began: without its last field.
TEST(FoveaExecution, OfAnOlderHeaderIsTakenWithoutWhatItLacks) {
  Call call;
  fovea_stop* const stop = fovea_stop_create();
  fovea_stop_request(stop);
  call.execution.stop = stop;
  call.execution.struct_size = offsetof(fovea_execution, stop);
  EXPECT_EQ(call.attend(), FOVEA_OK);
  fovea_stop_free(stop);
}

fovea_kv_cache_options sizes_of_the_call() {
  fovea_kv_cache_options options{};
  options.struct_size = sizeof options;
  options.key_heads = kKeyHeads;
  options.head_size = kSize;
  options.value_size = kSize;
  return options;
}

TEST(FoveaAttend, TakesARaggedBatch) {
  Call call;
  for (auto* sizes : {&call.query_sizes, &call.key_sizes, &call.row_sizes})
    sizes->erase(sizes->begin());
  call.attention.query.rank = call.attention.key.rank = call.attention.value.rank = 3;
  call.answer.output.rank = 3;
  call.answer.log_sum_exp.rank = call.answer.row_max.rank = call.answer.row_sum.rank = 2;
  const std::vector<std::int64_t> three{3};
  const std::vector<std::int32_t> queries{0, 1, kQueries};
  const std::vector<std::int64_t> keys{0, 2, kKeys};
  call.attention.query_offsets = plain(FOVEA_I32, queries.data(), three);
  call.attention.key_offsets = plain(FOVEA_I64, keys.data(), three);
  fovea::Attention same = call.same_in_cxx();
  same.query_offsets = fovea::TensorView(queries.data(), {3});
  same.key_offsets = fovea::TensorView(keys.data(), {3});
  expect_same_answer(call, fovea::attend(same));
}

TEST(FoveaAttend, HandsAStateFromCallToCall) {
  Call whole;
  whole.answer.row_max = whole.answer.row_sum = {};
  ASSERT_EQ(whole.attend(), FOVEA_OK) << whole.error.text;
  // A first call that sees no key, and a second that sees all.
  Call parts;
  std::vector<float> state_output(parts.output.size(), kUntouched);
  std::vector<float> log2_max(parts.row_max.size(), kUntouched);
  std::vector<float> sum = log2_max;
  parts.answer.output = parts.answer.log_sum_exp = {};
  parts.answer.row_max = parts.answer.row_sum = {};
  parts.answer.state_output = {FOVEA_F32, 4, state_output.data(), parts.query_sizes.data(),
                               nullptr};
  parts.answer.state_log2_max = {FOVEA_F32, 3, log2_max.data(), parts.row_sizes.data(), nullptr};
  parts.answer.state_sum = {FOVEA_F32, 3, sum.data(), parts.row_sizes.data(), nullptr};
  std::int64_t bytes = -1;
  ASSERT_EQ(fovea_workspace_size(&parts.attention, nullptr, &bytes, nullptr), FOVEA_OK);
  std::vector<std::byte> memory(static_cast<std::size_t>(bytes) + 128);
  void* start = memory.data();
  std::size_t room = memory.size();
  parts.answer.workspace = std::align(64, static_cast<std::size_t>(bytes) + 1, start, room);
  parts.answer.workspace_size = bytes;
  const std::int64_t none = 0;
  parts.attention.key_lengths = {FOVEA_I64, 1, &none, parts.batch_sizes.data(), nullptr};
  ASSERT_EQ(parts.attend(), FOVEA_OK) << parts.error.text;
  EXPECT_THAT(sum, Each(0.0F));
  parts.attention.key_lengths = {};
  parts.answer.resume = 1;
  parts.answer.output = {FOVEA_F32, 4, parts.output.data(), parts.query_sizes.data(), nullptr};
  ASSERT_EQ(parts.attend(), FOVEA_OK) << parts.error.text;
  EXPECT_THAT(parts.output, ElementsAreArray(whole.output));
  EXPECT_THAT(sum, Each(testing::Gt(0.0F)));

  parts.answer.resume = 2;
  EXPECT_EQ(parts.attend(), FOVEA_INVALID_ARGUMENT);
  parts.answer.resume = 1;
  parts.answer.workspace = nullptr;
  parts.answer.workspace_size = 64;
  EXPECT_EQ(parts.attend(), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(parts.error.text, HasSubstr("workspace"));
  EXPECT_EQ(fovea_workspace_size(&parts.attention, nullptr, nullptr, nullptr),
            FOVEA_INVALID_ARGUMENT);
}

TEST(FoveaKvCache, GivesTheBitsOfTheWhole) {
  Call whole;
  whole.attention.bias = whole.attention.keep = whole.attention.key_lengths = {};
  ASSERT_EQ(whole.attend(), FOVEA_OK) << whole.error.text;

  Call call;
  const fovea_kv_cache_options options = sizes_of_the_call();
  fovea_kv_cache* cache = nullptr;
  ASSERT_EQ(fovea_kv_cache_create(&options, &cache, &call.error), FOVEA_OK) << call.error.text;
  // Token by token, as slices of the whole.
  const std::int64_t one_token[] = {1, kKeyHeads, 1, kSize};
  const std::int64_t strides[] = {0, kKeys * kSize * 4, kSize * 4, 4};
  for (std::int64_t t = 0; t < kKeys; ++t) {
    const fovea_tensor key{FOVEA_F32, 4, call.key.data() + t * kSize, one_token, strides};
    const fovea_tensor value{FOVEA_F32, 4, call.value.data() + t * kSize, one_token, strides};
    ASSERT_EQ(fovea_kv_cache_append(cache, &key, &value, &call.error), FOVEA_OK) << call.error.text;
  }
  EXPECT_EQ(fovea_kv_cache_tokens(cache), kKeys);
  call.attention.bias = call.attention.keep = call.attention.key_lengths = {};
  call.attention.key = call.attention.value = {};
  call.attention.cache = cache;
  ASSERT_EQ(call.attend(), FOVEA_OK) << call.error.text;
  EXPECT_EQ(call.output, whole.output);
  EXPECT_EQ(call.log_sum_exp, whole.log_sum_exp);
  EXPECT_EQ(fovea_kv_cache_truncate(cache, 2, &call.error), FOVEA_OK);
  EXPECT_EQ(fovea_kv_cache_tokens(cache), 2);
  fovea_kv_cache_free(cache);
}

TEST(FoveaKvCache, AnswersMistakesWithAStatus) {
  Call call;
  fovea_kv_cache_options options = sizes_of_the_call();
  fovea_kv_cache* cache = nullptr;
  options.type = FOVEA_F64;
  EXPECT_EQ(fovea_kv_cache_create(&options, &cache, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, testing::HasSubstr("f64"));
  EXPECT_EQ(cache, nullptr);
  options = sizes_of_the_call();
  options.struct_size = 0;
  EXPECT_EQ(fovea_kv_cache_create(&options, &cache, &call.error), FOVEA_INVALID_ARGUMENT);
  options = sizes_of_the_call();
  EXPECT_EQ(fovea_kv_cache_create(&options, nullptr, &call.error), FOVEA_INVALID_ARGUMENT);
  ASSERT_EQ(fovea_kv_cache_create(&options, &cache, nullptr), FOVEA_OK);
  EXPECT_EQ(fovea_kv_cache_append(cache, nullptr, nullptr, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, testing::HasSubstr("key is a null pointer"));
  EXPECT_EQ(fovea_kv_cache_append(nullptr, nullptr, nullptr, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(fovea_kv_cache_truncate(cache, 1, &call.error), FOVEA_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.text, testing::HasSubstr("truncate to 1 of 0"));
  call.attention.cache = cache;
  EXPECT_EQ(call.attend(), FOVEA_INVALID_ARGUMENT) << "key and value are given too";
  fovea_kv_cache_free(cache);
  fovea_kv_cache_free(nullptr);
  EXPECT_EQ(fovea_kv_cache_tokens(nullptr), 0);
}

}  // namespace
}  // namespace fovea::c
