// Ragged batches: what they ask for, how they are planned, and how they end early.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "fovea/core/error.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

struct RaggedTest : public ::testing::Test {
  RaggedTest() {
    Generator generator(3);
    query = randn({4, 10, 8}, generator);
    key = randn({2, 12, 8}, generator);
    attention = {.query = query, .key = key, .value = key};
    attention.query_offsets = query_offsets;
    attention.key_offsets = key_offsets;
  }
  std::string refused() {
    const std::string text = invalid_argument_text([&] { attend(attention); });
    EXPECT_EQ(text, invalid_argument_text([&] { plan(attention); }));
    EXPECT_THAT(text, HasSubstr("attend: "));
    return text;
  }

  Tensor query;
  Tensor key;
  Tensor query_offsets = Tensor::of<std::int32_t>({4}, {0, 3, 3, 10});
  Tensor key_offsets = Tensor::of<std::int64_t>({4}, {0, 5, 12, 12});
  Attention attention;
};

TEST_F(RaggedTest, GivesEachSequenceItsOwnKeysAlone) {
  const Attended answer = attend(attention);
  EXPECT_EQ(answer.output.shape(), (Shape{4, 10, 8}));
  EXPECT_EQ(answer.empty_rows, 4 * 7);  // the last sequence has no key
  const Attended first = attend({.query = query.view().sliced(1, 0, 3),
                                 .key = key.view().sliced(1, 0, 5),
                                 .value = key.view().sliced(1, 0, 5)});
  for (std::int64_t h = 0; h < 4; ++h) {
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_EQ(answer.output.view().at<float>(h, i, 7), first.output.view().at<float>(h, i, 7));
    EXPECT_EQ(answer.output.view().at<float>(h, 5, 0), 0);
  }
}

TEST_F(RaggedTest, IsPlannedByItsLargestSequence) {
  const Plan plan = fovea::plan(attention, {.threads = 2});
  EXPECT_EQ(plan.sequences, 3);
  EXPECT_EQ(plan.implementation, "small");
  EXPECT_THAT(plan.explain(), HasSubstr("a ragged batch of 3 sequences"));
  EXPECT_EQ(fovea::plan({.query = query, .key = key, .value = key}).sequences, 0);
}

TEST_F(RaggedTest, OfOneLongAndManyShortSequencesIsSharedOut) {
  Generator generator(1);
  const Tensor tokens = randn({2, 2000, 16}, generator);
  const Tensor offsets = Tensor::of<std::int32_t>({6}, {0, 10, 1900, 1950, 1950, 2000});
  const Attention batch{.query = tokens,
                        .key = tokens,
                        .value = tokens,
                        .query_offsets = offsets,
                        .key_offsets = offsets};
  const Plan plan = fovea::plan(batch, {.threads = 2});
  EXPECT_EQ(plan.side_by_side, 4);
  EXPECT_EQ(plan.implementation, "prefill");
  EXPECT_GT(plan.scratch_bytes, 0);
}

TEST_F(RaggedTest, WithoutSequencesOrTokensIsEmpty) {
  const Tensor nothing(DType::f32, {4, 0, 8});
  const Tensor none = Tensor::of<std::int32_t>({1}, {0});
  attention = {.query = nothing, .key = nothing, .value = nothing};
  attention.query_offsets = attention.key_offsets = none;
  EXPECT_EQ(attend(attention).output.element_count(), 0);
  EXPECT_EQ(plan(attention).sequences, 0);
}

TEST_F(RaggedTest, TakesASingleHeadAndTheReference) {
  attention.query = TensorView(query.values<float>().data(), {10, 8});
  attention.key = attention.value = TensorView(key.values<float>().data(), {12, 8});
  const Attended fused = attend(attention);
  const Attended reference = attend(attention, {.implementation = "reference"});
  for (std::size_t i = 0; i < 80; ++i)
    EXPECT_NEAR(fused.output.values<float>()[i], reference.output.values<float>()[i], 1e-6);
}

TEST_F(RaggedTest, NamesTheOffsetsThatAreWrong) {
  attention.key_offsets = {};
  EXPECT_THAT(refused(), HasSubstr("must be given together"));
  const auto with = [this](const Tensor& offsets) {
    attention.query_offsets = query_offsets;
    attention.key_offsets = offsets;
    return refused();
  };
  EXPECT_THAT(with(Tensor::of<std::int32_t>({4}, {1, 5, 12, 12})), HasSubstr("begin with 1"));
  EXPECT_THAT(with(Tensor::of<std::int32_t>({4}, {0, 7, 5, 12})),
              HasSubstr("key_offsets fall from 7 to 5 at sequence 1"));
  EXPECT_THAT(with(Tensor::of<std::int32_t>({4}, {0, -7, 5, 12})), HasSubstr("fall from 0 to -7"));
  EXPECT_THAT(with(Tensor::of<std::int32_t>({4}, {0, 5, 12, 13})),
              HasSubstr("key_offsets end with 13; key has 12 tokens"));
  EXPECT_THAT(with(Tensor::of<std::int32_t>({3}, {0, 5, 12})),
              HasSubstr("query_offsets tell of 3 sequences, key_offsets of 2"));
  EXPECT_THAT(with(Tensor(DType::f32, {4})), HasSubstr("key_offsets are f32"));
  EXPECT_THAT(with(Tensor(DType::i32, {2, 2})), HasSubstr("[sequences + 1]"));
  EXPECT_THAT(with(Tensor(DType::i32, {0})), HasSubstr("[sequences + 1]"));
}

TEST_F(RaggedTest, RefusesWhatItsOffsetsReplace) {
  const Tensor lengths(DType::i32, {3});
  attention.key_lengths = lengths;
  EXPECT_THAT(refused(), HasSubstr("key_lengths are given with offsets"));
  attention.key_lengths = {};
  const Tensor batch(DType::f32, {1, 4, 10, 8});
  attention.query = batch;
  EXPECT_THAT(refused(), HasSubstr("with offsets it must be [heads, tokens, size]"));
  attention.query = query;
  attention.packed_key = key;
  EXPECT_THAT(refused(), HasSubstr("packed_key is given with offsets"));
}

TEST_F(RaggedTest, MasksHaveAColumnForEachKeyOfTheLongestSequence) {
  const Tensor right(DType::boolean, {10, 7});
  attention.keep = right;
  EXPECT_EQ(attend(attention).empty_rows, 40);
  const Tensor wrong(DType::boolean, {10, 12});
  attention.keep = wrong;
  EXPECT_THAT(refused(), HasSubstr("keep [10, 12] cannot be broadcast to [4, 10, 7]"));
}

TEST_F(RaggedTest, EndsWhenAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  try {
    attend(attention, {.stop = stop.get_token()});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
}

}  // namespace
}  // namespace fovea
