// Keys in parts, the state handed from call to call, have the bits of one call over all keys: whatever the parts and
// whichever implementation and instruction set computes each.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea::same_bits {
namespace {

struct PartialStateBits : public ::testing::Test {
  void SetUp() override {
    if (!kernels::targets_available().front().starts_with("AVX"))
      GTEST_SKIP() << "no target with FMA";
  }
  void TearDown() override { kernels::force_target(""); }
};

TensorView columns(const TensorView& mask, std::int64_t first, std::int64_t count) {
  const int last = mask.rank() - 1;
  return mask.given() && mask.size(last) != 1 ? mask.sliced(last, first, count) : mask;
}

// A state, and results that no call has written.
struct Results {
  Attended all;
  Tensor state_output;
  Tensor log2_max;
  Tensor sum;

  Results(const Attention& attention, DType output_type) {
    const TensorView& q = attention.query;
    const Shape rows{q.size(0), q.size(1), q.size(2)};
    const Shape values{q.size(0), q.size(1), q.size(2), attention.value.size(3)};
    all.output = Tensor(output_type, values);
    for (Tensor* statistic : {&all.log_sum_exp, &all.row_max, &all.row_sum})
      *statistic = Tensor(DType::f32, rows);
    state_output = Tensor(DType::f32, values);
    log2_max = Tensor(DType::f32, rows);
    sum = Tensor(DType::f32, rows);
    // A call that begins anew must not look at it.
    for (Tensor* state : {&state_output, &log2_max, &sum})
      std::ranges::fill(state->values<float>(), std::numeric_limits<float>::quiet_NaN());
  }
  AttendInto into(bool is_first, bool is_last) {
    AttendInto targets{.state = {.output = state_output.mutable_view(),
                                 .log2_max = log2_max.mutable_view(),
                                 .sum = sum.mutable_view()},
                       .resume = !is_first};
    if (!is_last) return targets;
    targets.output = all.output.mutable_view();
    targets.log_sum_exp = all.log_sum_exp.mutable_view();
    targets.row_max = all.row_max.mutable_view();
    targets.row_sum = all.row_sum.mutable_view();
    return targets;
  }
};

// The part of the question that asks keys [first, first + count).
struct Part {
  Attention attention;
  Tensor lengths;

  Part(const Attention& whole, std::int64_t first, std::int64_t count) : attention(whole) {
    attention.key = whole.key.sliced(2, first, count);
    attention.value = whole.value.sliced(2, first, count);
    attention.bias = columns(whole.bias, first, count);
    attention.keep = columns(whole.keep, first, count);
    const std::int64_t keys = whole.key.size(2);
    std::int64_t offset = keys - whole.query.size(2);
    if (whole.key_lengths.given()) {
      lengths = Tensor::copy_of(whole.key_lengths);
      for (std::int32_t& n : lengths.values<std::int32_t>()) {
        offset = n - whole.query.size(2);
        n = static_cast<std::int32_t>(std::clamp<std::int64_t>(n - first, 0, count));
      }
      attention.key_lengths = lengths;
    }
    if (whole.diagonal.kind() == Diagonal::Kind::top_left) offset = 0;
    if (whole.diagonal.kind() == Diagonal::Kind::offset) offset = whole.diagonal.offset();
    attention.diagonal = Diagonal::at(offset - first);
  }
};

// Entries of a batch that end at different keys have different diagonals, which one call over a part cannot say.
bool has_one_diagonal(const Attention& attention) {
  return !attention.key_lengths.given() || attention.query.size(0) == 1 ||
         attention.diagonal.kind() != Diagonal::Kind::bottom_right;
}

TEST_F(PartialStateBits, AreThoseOfAllKeysAtOnceWithEveryModifierAndImplementation) {
  int compared = 0;
  for (std::uint32_t seed = 5000; seed < 5120 && !HasFailure(); ++seed) {
    const RandomProblem problem(seed);
    if (!has_one_diagonal(problem.attention)) continue;
    const Execution execution{.output_type = problem.output_type};
    const Attended expected = attend(problem.attention, execution);
    std::mt19937 random(seed);
    const std::int64_t keys = problem.attention.key.size(2);
    Results results(problem.attention, problem.output_type);
    std::string path;
    for (std::int64_t first = 0; first < keys;) {
      const auto blocks = 1 + static_cast<std::int64_t>(random() % 3);
      const std::int64_t count = std::min(blocks * kPackedKeys, keys - first);
      const bool is_last = first + count == keys;
      const Part part(problem.attention, first, count);
      const char* const name = std::vector{"decode", "prefill", "small", ""}[random() % 4];
      const char* const target = std::vector{"avx2", ""}[random() % 2];
      path += std::string(" ") + std::to_string(count) + name + target;
      kernels::force_target(target);
      const Execution by_name{.implementation = name, .output_type = problem.output_type};
      attend_into(part.attention, results.into(first == 0, is_last), by_name);
      first += count;
    }
    kernels::force_target("");
    results.all.empty_rows = expected.empty_rows;  // counted of each part, not of all
    EXPECT_STREQ(difference(results.all, expected), "") << problem.name << ":" << path;
    ++compared;
  }
  EXPECT_GT(compared, 80);
}

// A state that was asked for changes no bit of the output beside it, and a part without keys none of the state.
TEST_F(PartialStateBits, AreNotChangedByAskingForTheState) {
  for (std::uint32_t seed = 5200; seed < 5240 && !HasFailure(); ++seed) {
    const RandomProblem problem(seed);
    const Execution execution{.output_type = problem.output_type};
    const Attended expected = attend(problem.attention, execution);
    Results results(problem.attention, problem.output_type);
    results.all.empty_rows = attend_into(problem.attention, results.into(true, true), execution);
    EXPECT_STREQ(difference(results.all, expected), "") << problem.name;
    if (problem.attention.key_lengths.given()) continue;
    const std::int64_t keys = problem.attention.key.size(2);
    const Part nothing(problem.attention, keys, 0);
    results.all.output = Tensor(problem.output_type, expected.output.shape());
    attend_into(nothing.attention, results.into(false, true), execution);
    results.all.empty_rows = expected.empty_rows;
    EXPECT_STREQ(difference(results.all, expected), "") << problem.name << ", no further keys";
  }
}

}  // namespace
}  // namespace fovea::same_bits
