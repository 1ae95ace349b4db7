// attend over a cache gives the bits of attend over the whole, however the cache was filled.
#include "fovea/attention/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"

namespace fovea {
namespace {

constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kKeyHeads = 2;
constexpr std::int64_t kTokens = 300;

Tensor in_type(const Tensor& numbers, DType dtype) {
  if (dtype == DType::f32) return Tensor::copy_of(numbers);
  Tensor half = Tensor::uninitialized(dtype, numbers.shape());
  for (std::int64_t i = 0; i < numbers.element_count(); ++i) {
    const float number = numbers.values<float>()[static_cast<std::size_t>(i)];
    if (dtype == DType::bf16) {
      half.values<BFloat16>()[static_cast<std::size_t>(i)] = to_bfloat16(number);
    } else {
      half.values<Float16>()[static_cast<std::size_t>(i)] = to_float16(number);
    }
  }
  return half;
}

/// A sequence, and the answer to all of it at once.
struct Sequence {
  Sequence(std::int64_t size, DType dtype) {
    Generator generator(5);
    query = randn({2, kHeads, kTokens, size}, generator);
    key = in_type(randn({2, kKeyHeads, kTokens, size}, generator), dtype);
    value = in_type(randn({2, kKeyHeads, kTokens, size}, generator), dtype);
    answer = attend({.query = query, .key = key, .value = value, .causal = true});
  }
  static TensorView slice(const Tensor& all, std::int64_t first, std::int64_t count) {
    return all.view().sliced(2, first, count);
  }

  Tensor query;
  Tensor key;
  Tensor value;
  Attended answer;
};

void expect_rows(const Attended& part, const Attended& whole, std::int64_t first,
                 const std::string& what) {
  const std::int64_t count = part.output.size(2);
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t h = 0; h < kHeads; ++h) {
      for (std::int64_t i = 0; i < count; ++i) {
        const float* const actual = &part.output.view().at<float>(b, h, i, 0);
        const float* const expected = &whole.output.view().at<float>(b, h, first + i, 0);
        const auto bytes = static_cast<std::size_t>(part.output.size(3)) * sizeof(float);
        ASSERT_EQ(std::memcmp(actual, expected, bytes), 0) << what << ", row " << first + i;
        ASSERT_EQ(part.log_sum_exp.view().at<float>(b, h, i),
                  whole.log_sum_exp.view().at<float>(b, h, first + i));
      }
    }
  }
}

TEST(KvCacheBits, AreThoseOfTheWholeForChunksOfAnySize) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const std::int64_t size : {64, 20}) {
      const Sequence sequence(size, dtype);
      for (const std::int64_t chunk : {1, 7, 64, 300}) {
        KvCache cache({.batch = 2, .key_heads = kKeyHeads, .head_size = size, .value_size = size},
                      dtype);
        for (std::int64_t first = 0; first < kTokens; first += chunk) {
          const std::int64_t count = std::min(chunk, kTokens - first);
          cache.append(Sequence::slice(sequence.key, first, count),
                       Sequence::slice(sequence.value, first, count));
          const Attended part = attend({.query = Sequence::slice(sequence.query, first, count),
                                        .value = cache.value(),
                                        .packed_key = cache.packed_key(),
                                        .causal = true});
          expect_rows(part, sequence.answer, first,
                      std::string(name_of(dtype)) + ", chunks of " + std::to_string(chunk));
        }
      }
    }
  }
}

TEST(KvCacheBits, DoNotDependOnWhatWasTruncated) {
  const Sequence sequence(64, DType::f32);
  KvCache cache({.batch = 2, .key_heads = kKeyHeads, .head_size = 64, .value_size = 64});
  cache.append(sequence.key, sequence.value);
  cache.truncate(130);
  cache.append(Sequence::slice(sequence.key, 130, 20), Sequence::slice(sequence.value, 130, 20));
  const Attended part = attend({.query = Sequence::slice(sequence.query, 148, 2),
                                .value = cache.value(),
                                .packed_key = cache.packed_key(),
                                .causal = true});
  expect_rows(part, sequence.answer, 148, "after truncating");
}

TEST(KvCacheBits, AreTheSameOnEveryImplementationThatTakesPackedKeys) {
  const Sequence sequence(64, DType::f32);
  KvCache cache({.batch = 2, .key_heads = kKeyHeads, .head_size = 64, .value_size = 64});
  cache.append(sequence.key, sequence.value);
  for (const std::string& target : kernels::targets_available()) {
    kernels::force_target(target);
    const Attended whole = attend(
        {.query = sequence.query, .key = sequence.key, .value = sequence.value, .causal = true});
    for (const char* name : {"prefill", "decode"}) {
      const Attended packed = attend({.query = sequence.query,
                                      .value = cache.value(),
                                      .packed_key = cache.packed_key(),
                                      .causal = true},
                                     {.implementation = name});
      expect_rows(packed, whole, 0, std::string(name) + " on " + target);
    }
  }
  kernels::force_target("");
}

}  // namespace
}  // namespace fovea
