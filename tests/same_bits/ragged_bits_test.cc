// A ragged batch has the bits of its sequences asked one by one, on any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "fovea/attention/ragged_batch.h"
#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea::same_bits {
namespace {

// Random problems have a batch axis; their entry 0 is the packed tensor here, cut at random places.
struct RandomBatch {
  Attention packed;
  Tensor query_offsets;
  Tensor key_offsets;
  std::vector<Attention> sequences;

  RandomBatch(const RandomProblem& problem, std::uint32_t seed)
      : packed(problem.attention), random_(seed) {
    packed.key_lengths = {};
    const auto first_entry = [](const TensorView& all) {
      return TensorView(all.data(), all.dtype(), {all.size(1), all.size(2), all.size(3)},
                        {all.stride(1), all.stride(2), all.stride(3)});
    };
    packed.query = first_entry(packed.query);
    packed.key = first_entry(packed.key);
    packed.value = first_entry(packed.value);
    const auto count = static_cast<std::int64_t>(random_() % 6);
    query_offsets = offsets(count, packed.query.size(1));
    key_offsets = offsets(count, packed.key.size(1));
    cut_masks(count);
    packed.query_offsets = query_offsets;
    packed.key_offsets = key_offsets;
    for (std::int64_t n = 0; n <= count; ++n) sequences.push_back(sequence(n));
  }

  TokenRange queries(std::int64_t n) const { return range(query_offsets, n); }

 private:
  static TokenRange range(const Tensor& offsets, std::int64_t n) {
    const auto at = offsets.values<std::int32_t>();
    const auto first = static_cast<std::size_t>(n);
    return {at[first], at[first + 1] - at[first]};
  }
  Tensor offsets(std::int64_t cuts, std::int64_t tokens) {
    Tensor made(DType::i32, {cuts + 2});
    const auto at = made.values<std::int32_t>();
    for (std::size_t i = 1; i + 1 < at.size(); ++i)
      at[i] = static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(tokens + 1));
    at.back() = static_cast<std::int32_t>(tokens);
    std::sort(at.begin(), at.end());
    return made;
  }
  // Masks of as many columns as the longest sequence has keys, without a batch axis.
  void cut_masks(std::int64_t cuts) {
    std::int64_t longest = 0;
    for (std::int64_t n = 0; n <= cuts; ++n)
      longest = std::max(longest, range(key_offsets, n).count);
    for (TensorView* mask : {&packed.bias, &packed.keep}) {
      if (!mask->given()) continue;
      if (mask->rank() == 4) {
        *mask =
            TensorView(mask->data(), mask->dtype(), {mask->size(1), mask->size(2), mask->size(3)},
                       {mask->stride(1), mask->stride(2), mask->stride(3)});
      }
      *mask = mask->sliced(mask->rank() - 1, 0, longest);
    }
  }
  Attention sequence(std::int64_t n) const {
    const TokenRange asking = range(query_offsets, n);
    const TokenRange keys = range(key_offsets, n);
    Attention one = packed;
    one.query_offsets = one.key_offsets = {};
    one.query = packed.query.sliced(1, asking.first, asking.count);
    one.key = packed.key.sliced(1, keys.first, keys.count);
    one.value = packed.value.sliced(1, keys.first, keys.count);
    for (TensorView* mask : {&one.bias, &one.keep}) {
      if (!mask->given()) continue;
      const int last = mask->rank() - 1;
      if (mask->size(last) != 1) *mask = mask->sliced(last, 0, keys.count);
      if (last > 0 && mask->size(last - 1) != 1)
        *mask = mask->sliced(last - 1, asking.first, asking.count);
    }
    return one;
  }

  std::mt19937 random_;
};

struct RaggedBits : public ::testing::Test {
  void TearDown() override { kernels::force_target(""); }
};

TEST_F(RaggedBits, AreThoseOfEachSequenceAloneWithEveryModifier) {
  int sequences = 0;
  for (std::uint32_t seed = 7000; seed < 7150 && !HasFailure(); ++seed) {
    const RandomProblem problem(seed);
    const RandomBatch batch(problem, seed);
    const Execution execution{.threads = 1 + static_cast<int>(seed % 4),
                              .output_type = problem.output_type};
    const Attended whole = attend(batch.packed, execution);
    std::int64_t empty_rows = 0;
    for (std::size_t n = 0; n < batch.sequences.size(); ++n) {
      Attended part = attend(batch.sequences[n], {.output_type = problem.output_type});
      empty_rows += part.empty_rows;
      const TokenRange rows = batch.queries(static_cast<std::int64_t>(n));
      const auto slice = [&](const Tensor& all) {
        return Tensor::copy_of(all.view().sliced(1, rows.first, rows.count));
      };
      EXPECT_TRUE(same(slice(whole.output).view(), part.output))
          << problem.name << ", sequence " << n;
      EXPECT_TRUE(same(slice(whole.log_sum_exp).view(), part.log_sum_exp)) << problem.name;
      EXPECT_TRUE(same(slice(whole.row_max).view(), part.row_max)) << problem.name;
      EXPECT_TRUE(same(slice(whole.row_sum).view(), part.row_sum)) << problem.name;
      ++sequences;
    }
    EXPECT_EQ(whole.empty_rows, empty_rows) << problem.name;
  }
  EXPECT_GT(sequences, 400);
}

}  // namespace
}  // namespace fovea::same_bits
