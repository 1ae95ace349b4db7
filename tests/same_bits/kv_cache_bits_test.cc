// attend over a KvCache has the bits of attend over the whole: however the tokens came in, and however many queries ask.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>

#include "fovea/attention/kv_cache.h"
#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea::same_bits {
namespace {

struct KvCacheRandomBits : public ::testing::Test {
  void SetUp() override {
    if (!kernels::targets_available().front().starts_with("AVX"))
      GTEST_SKIP() << "no target with FMA";
  }
  void TearDown() override { kernels::force_target(""); }
};

KvCache cache_for(const Attention& whole) {
  return KvCache({.batch = whole.key.size(0),
                  .key_heads = whole.key.size(1),
                  .head_size = whole.key.size(3),
                  .value_size = whole.value.size(3)},
                 whole.key.dtype());
}

void append(KvCache& cache, const Attention& whole, std::int64_t count) {
  cache.append(whole.key.sliced(2, cache.tokens(), count),
               whole.value.sliced(2, cache.tokens(), count));
}

TEST_F(KvCacheRandomBits, AreThoseOfPlainKeysWithEveryModifierAndImplementation) {
  for (std::uint32_t seed = 3000; seed < 3060 && !HasFailure(); ++seed) {
    const RandomProblem problem(seed);
    const Execution execution{.output_type = problem.output_type};
    const Attended expected = attend(problem.attention, execution);
    KvCache cache = cache_for(problem.attention);
    const std::int64_t keys = problem.attention.key.size(2);
    for (std::int64_t count = 1; cache.tokens() < keys; count = count * 3 % 101)
      append(cache, problem.attention, std::min(count, keys - cache.tokens()));
    Attention asked = problem.attention;
    asked.key = {};
    asked.packed_key = cache.packed_key();
    asked.value = cache.value();
    EXPECT_STREQ(difference(attend(asked, execution), expected), "") << problem.name;
    for (const std::string& target : kernels::targets_available()) {
      if (!target.starts_with("AVX")) continue;
      kernels::force_target(target);
      for (const char* name : {"decode", "prefill"}) {
        const Execution by_name{.implementation = name, .output_type = problem.output_type};
        EXPECT_STREQ(difference(attend(asked, by_name), expected), "")
            << problem.name << ": " << name << " on " << target;
      }
    }
    kernels::force_target("");
  }
}

// A causal sequence of grouped heads, in a batch.
struct Sequence {
  static constexpr std::int64_t kTokens = 300;
  Tensor query;
  Tensor key;
  Tensor value;
  Attention whole;

  explicit Sequence(DType type)
      : query(random(DType::f32, {2, 6, kTokens, 40}, 1)),
        key(random(type, {2, 2, kTokens, 40}, 2)),
        value(random(type, {2, 2, kTokens, 24}, 3)),
        whole{.query = query, .key = key, .value = value} {
    whole.causal = true;
  }
  static Tensor random(DType type, const Shape& shape, std::uint32_t seed) {
    Tensor made = Tensor::uninitialized(type, shape);
    std::mt19937 bits(seed);
    for (std::int64_t i = 0; i < made.element_count(); ++i)
      put(static_cast<float>(bits() >> 8) * 0x1p-22F - 2, type, made.bytes().data(), i);
    return made;
  }
};

// Appends the next tokens and asks with their queries.
void expect_same_step(KvCache& cache, const Sequence& sequence, const Attended& expected,
                      std::int64_t count) {
  const std::int64_t first = cache.tokens();
  append(cache, sequence.whole, count);
  const Attended answer = attend({.query = sequence.whole.query.sliced(2, first, count),
                                  .value = cache.value(),
                                  .packed_key = cache.packed_key(),
                                  .causal = true});
  const auto rows = [&](const Tensor& all) {
    return Tensor::copy_of(all.view().sliced(2, first, count));
  };
  EXPECT_TRUE(same(answer.output.view(), rows(expected.output).view())) << first;
  EXPECT_TRUE(same(answer.log_sum_exp.view(), rows(expected.log_sum_exp).view())) << first;
  EXPECT_TRUE(same(answer.row_sum.view(), rows(expected.row_sum).view())) << first;
}

// Tokens that were taken back, as after a rejected draft, leave no trace; nor do NaNs in them.
TEST_F(KvCacheRandomBits, AreThoseOfTheWholeAfterTruncation) {
  const Sequence sequence(DType::f32);
  const Attended expected = attend(sequence.whole);
  Tensor wrong = Tensor::uninitialized(DType::f32, {2, 2, 50, 40});
  std::fill(wrong.values<float>().begin(), wrong.values<float>().end(),
            std::numeric_limits<float>::quiet_NaN());
  KvCache cache = cache_for(sequence.whole);
  for (std::int64_t count = 1; cache.tokens() < Sequence::kTokens; count = count * 5 % 73) {
    expect_same_step(cache, sequence, expected,
                     std::min(count, Sequence::kTokens - cache.tokens()));
    const std::int64_t tokens = cache.tokens();
    cache.append(wrong, wrong.view().sliced(3, 0, 24));
    cache.truncate(tokens);
  }
}

TEST_F(KvCacheRandomBits, AreZeroWithoutTokens) {
  const KvCache cache({.key_heads = 2, .head_size = 4, .value_size = 3});
  const Tensor query(DType::f32, {1, 4, 1, 4});
  const Attended answer =
      attend({.query = query, .value = cache.value(), .packed_key = cache.packed_key()});
  EXPECT_EQ(answer.empty_rows, 4);
  for (const float x : answer.output.values<float>()) EXPECT_EQ(x, 0);
}

}  // namespace
}  // namespace fovea::same_bits
