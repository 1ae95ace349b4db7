// What a call takes beyond its inputs and outputs, and what happens when it does not get it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/random_question.h"
#include "environment/allocator.h"
#include "fovea.h"
#include "fovea/core/error.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/multi_head_attention.h"
#include "fovea/reference/attend.h"

namespace fovea::environment {
namespace {

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

std::int64_t bytes_of_a_call(RandomQuestion& numbers, const Execution& execution) {
  const AttendInto into{.output = numbers.output.mutable_view()};
  attend_into(numbers.attention(), into, execution);  // starts the threads
  const WatchAllocations watch;
  attend_into(numbers.attention(), into, execution);
  return watch.bytes();
}

TEST(Memory, OfAPlainCallIsBelowOneMebibyteAThreadWhateverTheKeys) {
  for (const std::int64_t keys : {64, 1024, 8192}) {
    for (const std::int64_t size : {64, 128, 256}) {
      for (const int threads : {1, 2, 8}) {
        RandomQuestion numbers({1, 256, size}, {1, keys, size});
        const Execution execution{.threads = threads, .implementation = "prefill"};
        const Plan plan = fovea::plan(numbers.attention(), execution);
        EXPECT_LE(plan.scratch_bytes, plan.threads * kMebibyte) << keys << " x " << size;
        // Besides the scratch: the checked form of the question, jobs; no tensor.
        EXPECT_LE(bytes_of_a_call(numbers, execution), plan.scratch_bytes + 16384);
      }
    }
  }
}

TEST(Memory, OfDecodingGrowsByItsPartialResultsOnly) {
  for (const std::int64_t keys : {1024, 65536}) {
    RandomQuestion numbers({8, 1, 64}, {2, keys, 64});
    const Execution execution{.threads = 2, .implementation = "decode"};
    const Plan plan = fovea::plan(numbers.attention(), execution);
    // A block of 128 keys leaves m, l and the output of its rows, padded to 16 rows.
    const std::int64_t partials = 2 * (keys / 128) * 16 * (64 + 16) * 4;
    EXPECT_LE(plan.scratch_bytes, plan.threads * kMebibyte + partials);
    EXPECT_LE(bytes_of_a_call(numbers, execution), plan.scratch_bytes + 16384);
  }
}

TEST(Memory, OfASmallCallIsNone) {
  RandomQuestion numbers({6, 3}, {6, 3});
  EXPECT_EQ(bytes_of_a_call(numbers, {}), 0);
}

TEST(Memory, OfACallWithAWorkspaceIsNone) {
  for (const char* const name : {"prefill", "decode", "small"}) {
    RandomQuestion numbers({4, 3, 64}, {2, 1000, 64});
    const Execution execution{.threads = 2, .implementation = name};
    Tensor workspace(DType::u8, {plan(numbers.attention(), execution).scratch_bytes});
    const AttendInto into{.output = numbers.output.mutable_view(), .workspace = workspace.bytes()};
    attend_into(numbers.attention(), into, execution);  // starts the threads
    const WatchAllocations watch;
    attend_into(numbers.attention(), into, execution);
    EXPECT_EQ(watch.count(), 0) << name;
  }
}

/// A public call; throws or returns false when memory runs out.
struct PublicCall {
  const char* name;
  std::function<void()> run;
};

// Each allocation of each call refused in turn: an error, nothing kept, and the next call works.
void expect_clean_failures(const PublicCall& call) {
  call.run();  // what is made once: threads, tables
  std::int64_t failures = 0;
  for (std::int64_t index = 0;; ++index) {
    const WatchAllocations watch(index);
    bool failed = false;
    try {
      call.run();
    } catch (const Error& error) {
      failed = error.kind() == ErrorKind::out_of_memory;
      EXPECT_TRUE(failed) << call.name << ": " << error.what();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    const std::int64_t unreleased = watch.unreleased();
    if (watch.count() <= index) break;
    // An allocation whose failure the library can do without may be survived.
    failures += failed ? 1 : 0;
    EXPECT_LE(unreleased, 1) << call.name << ", allocation " << index;  // the exception itself
    ASSERT_LT(index, 10000);
  }
  EXPECT_GT(failures, 0) << call.name;
  call.run();
}

TEST(AllocationFailure, AtEveryIndexOfEveryCallIsAnErrorAndLeaksNothing) {
  RandomQuestion numbers({1, 4, 100, 16}, {1, 2, 300, 16});
  const auto attend_by = [&numbers](const char* name) {
    return
        [&numbers, name] { attend(numbers.attention(), {.threads = 2, .implementation = name}); };
  };
  Generator generator(1);
  const nn::MultiHeadAttention module({.d_in = 16, .d_out = 16, .context_length = 100}, 2,
                                      generator);
  const std::vector<PublicCall> calls = {
      {"prefill", attend_by("prefill")},
      {"decode", attend_by("decode")},
      {"small", attend_by("small")},
      {"reference", attend_by("reference")},
      {"plan", [&] { EXPECT_FALSE(plan(numbers.attention()).explain().empty()); }},
      {"reference::attend", [&] { reference::attend(validate(numbers.attention(), {})); }},
      {"Tensor",
       [] {
         Tensor(DType::f32, {10, 10});
       }},
      {"randn",
       [&] {
         randn({10, 10}, generator);
       }},
      {"MultiHeadAttention", [&] { module.forward(numbers.query); }},
  };
  for (const PublicCall& call : calls) expect_clean_failures(call);
}

TEST(AllocationFailure, OfACallIntoTheCallersMemoryWritesNothing) {
  RandomQuestion numbers({1, 4, 100, 16}, {1, 2, 300, 16});
  const AttendInto into{.output = numbers.output.mutable_view()};
  attend_into(numbers.attention(), into, {.implementation = "prefill"});
  std::ranges::fill(numbers.output.values<float>(), 7.0F);
  bool failed = false;
  {
    const WatchAllocations watch(0);
    try {
      attend_into(numbers.attention(), into, {.implementation = "prefill"});
    } catch (const std::exception&) {
      failed = true;
    }
  }
  EXPECT_TRUE(failed);
  EXPECT_THAT(numbers.output.values<float>(), testing::Each(7.0F));
}

TEST(AllocationFailure, InCIsAStatus) {
  const std::int64_t sizes[] = {300, 16};
  Generator generator(1);
  const Tensor numbers = randn({300, 16}, generator);
  Tensor output(DType::f32, {300, 16});
  const fovea_tensor input{FOVEA_F32, 2, numbers.values<float>().data(), sizes, nullptr};
  fovea_attention attention{};
  attention.struct_size = sizeof attention;
  attention.query = attention.key = attention.value = input;
  fovea_answer answer{};
  answer.struct_size = sizeof answer;
  answer.output = {FOVEA_F32, 2, output.values<float>().data(), sizes, nullptr};
  fovea_error error{};
  ASSERT_EQ(fovea_attend(&attention, nullptr, &answer, &error), FOVEA_OK);
  std::int32_t status = FOVEA_OK;
  {
    const WatchAllocations watch(0);
    status = fovea_attend(&attention, nullptr, &answer, &error);
  }
  EXPECT_EQ(status, FOVEA_OUT_OF_MEMORY);
  EXPECT_THAT(error.text, testing::HasSubstr("memory"));
  EXPECT_EQ(fovea_attend(&attention, nullptr, &answer, &error), FOVEA_OK);
}

}  // namespace
}  // namespace fovea::environment
