// The cache holds what was appended, in the form that attend takes, and refuses what does not fit.
#include "fovea/attention/kv_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "core/error_text.h"
#include "fovea/core/random.h"

namespace fovea {
namespace {

using testing::HasSubstr;

/// A cache's content as plain lists of tokens: what every sequence of operations must leave.
class Model {
 public:
  explicit Model(const KvCacheSizes& sizes) : sizes_(sizes) {}

  void append(const Tensor& key, const Tensor& value) {
    for (std::int64_t t = 0; t < key.size(2); ++t) tokens_.push_back({&key, &value, t});
  }
  void truncate(std::int64_t tokens) { tokens_.resize(static_cast<std::size_t>(tokens)); }

  void expect_in(const KvCache& cache) const {
    ASSERT_EQ(cache.tokens(), static_cast<std::int64_t>(tokens_.size()));
    const TensorView keys = cache.packed_key();
    const TensorView values = cache.value();
    ASSERT_EQ(values.shape(),
              (Shape{sizes_.batch, sizes_.key_heads, cache.tokens(), sizes_.value_size}));
    for (std::int64_t b = 0; b < sizes_.batch; ++b) {
      for (std::int64_t h = 0; h < sizes_.key_heads; ++h) {
        for (std::int64_t t = 0; t < cache.tokens(); ++t) {
          const Token& token = tokens_[static_cast<std::size_t>(t)];
          for (std::int64_t d = 0; d < sizes_.head_size; ++d) {
            ASSERT_EQ(keys.at<float>(b, h, t / kPackedKeys, d, t % kPackedKeys),
                      token.key->view().at<float>(b, h, token.index, d));
          }
          for (std::int64_t c = 0; c < sizes_.value_size; ++c) {
            ASSERT_EQ(values.at<float>(b, h, t, c),
                      token.value->view().at<float>(b, h, token.index, c));
          }
        }
      }
    }
  }

 private:
  struct Token {
    const Tensor* key;
    const Tensor* value;
    std::int64_t index;
  };
  KvCacheSizes sizes_;
  std::vector<Token> tokens_;
};

constexpr KvCacheSizes kSizes{.batch = 2, .key_heads = 3, .head_size = 5, .value_size = 4};

TEST(KvCache, HoldsWhatAnySequenceOfAppendsAndTruncatesLeaves) {
  Generator generator(1);
  std::minstd_rand random(4);
  KvCache cache(kSizes);
  Model model(kSizes);
  std::vector<Tensor> kept;
  kept.reserve(200);
  for (int step = 0; step < 60; ++step) {
    if (random() % 4 == 0) {
      const auto tokens = static_cast<std::int64_t>(random()) % (cache.tokens() + 1);
      cache.truncate(tokens);
      model.truncate(tokens);
    } else {
      const auto count = static_cast<std::int64_t>(random() % 90);
      const Tensor& key = kept.emplace_back(randn({2, 3, count, 5}, generator));
      const Tensor& value = kept.emplace_back(randn({2, 3, count, 4}, generator));
      cache.append(key, value);
      model.append(key, value);
    }
    model.expect_in(cache);
  }
}

TEST(KvCache, GrowsByDoublingInWholeBlocks) {
  KvCache cache({.head_size = 2, .value_size = 2}, DType::f32, 100);
  EXPECT_EQ(cache.capacity(), 128);
  const Tensor one(DType::f32, {1, 2});
  for (int i = 0; i < 129; ++i) cache.append(one, one);
  EXPECT_EQ(cache.capacity(), 256);
  EXPECT_EQ(cache.packed_key().shape(), (Shape{1, 1, 2, 2, 128}));
  cache.truncate(1);
  EXPECT_EQ(cache.capacity(), 256);
}

TEST(KvCache, TakesStridedTensorsAndItself) {
  Generator generator(1);
  const Tensor tokens_first = randn({7, 3, 5}, generator);  // [tokens, heads, size]
  const TensorView key = tokens_first.view().permuted({1, 0, 2});
  KvCache cache({.key_heads = 3, .head_size = 5, .value_size = 5});
  cache.append(key, key);
  EXPECT_EQ(cache.packed_key().at<float>(0, 2, 0, 4, 6), tokens_first.view().at<float>(6, 2, 4));
  // Growing past one block: the source moves under its reader's feet.
  while (cache.capacity() < 512) cache.append(cache.value(), cache.value());
  EXPECT_EQ(cache.tokens() % 7, 0);
  for (std::int64_t t = 0; t < cache.tokens(); ++t)
    ASSERT_EQ(cache.value().at<float>(0, 1, t, 3), tokens_first.view().at<float>(t % 7, 1, 3));
}

TEST(KvCache, HoldsHalfPrecision) {
  const auto bits = Tensor::of<std::uint16_t>({2, 2}, {1, 2, 3, 4});
  const TensorView half(bits.bytes().data(), DType::bf16, {2, 2}, {2, 1});
  KvCache cache({.head_size = 2, .value_size = 2}, DType::bf16);
  cache.append(half, half);
  const auto* const keys = static_cast<const std::uint16_t*>(cache.packed_key().data());
  EXPECT_EQ(keys[0], 1);
  EXPECT_EQ(keys[1], 3);
  EXPECT_EQ(keys[kPackedKeys], 2);
  EXPECT_EQ(cache.value().dtype(), DType::bf16);
}

TEST(KvCache, RefusesWhatDoesNotFitAndStaysAsItWas) {
  KvCache cache(kSizes);
  const Tensor key(DType::f32, {2, 3, 4, 5});
  const Tensor value(DType::f32, {2, 3, 4, 4});
  cache.append(key, value);
  const Tensor other_size(DType::f32, {2, 3, 4, 6});
  const Tensor other_heads(DType::f32, {2, 2, 4, 5});
  const Tensor other_tokens(DType::f32, {2, 3, 3, 4});
  const Tensor other_type(DType::f64, {2, 3, 4, 5});
  const Tensor vector(DType::f32, {5});
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(other_size, value); }),
              HasSubstr("key is [2, 3, 4, 6]; [2, 3, tokens, 5] is wanted"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(other_heads, value); }),
              HasSubstr("[2, 2, 4, 5]"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(key, other_tokens); }),
              HasSubstr("key has 4 tokens, value 3"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(other_type, value); }),
              HasSubstr("key is f64"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(vector, value); }),
              HasSubstr("key is [5]"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append({}, value); }),
              HasSubstr("key is not given"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.truncate(5); }),
              HasSubstr("truncate to 5 of 4"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.truncate(-1); }),
              HasSubstr("truncate to -1"));
  EXPECT_EQ(cache.tokens(), 4);
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [] { KvCache({.head_size = 0}); }),
              HasSubstr("head_size 0"));
  EXPECT_THAT(
      error_text(ErrorKind::invalid_argument, [] { KvCache({.head_size = 1}, DType::f64); }),
      HasSubstr("f64"));
  EXPECT_THAT(
      error_text(ErrorKind::invalid_argument, [] { KvCache({.head_size = 1}, DType::f32, -1); }),
      HasSubstr("-1"));
}

TEST(KvCache, IsEmptyOnceMovedFrom) {
  const Tensor token = Tensor::of<float>({1, 2}, {3, 4});
  KvCache cache({.head_size = 2, .value_size = 2});
  cache.append(token, token);
  KvCache taken(std::move(cache));
  EXPECT_EQ(taken.value().at<float>(0, 0, 0, 1), 4);
  EXPECT_EQ(cache.tokens(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(cache.capacity(), 0);
  EXPECT_EQ(cache.value().shape(), Shape({1, 1, 0, 2}));
  cache.append(token, token);
  cache.append(token, token);
  taken = std::move(cache);
  EXPECT_EQ(taken.tokens(), 2);
  EXPECT_EQ(cache.tokens(), 0);
}

TEST(KvCache, RefusesRoomForMoreTokensThanCanBeCounted) {
  const std::string text = error_text(ErrorKind::out_of_memory, [] {
    KvCache cache({.head_size = 2, .value_size = 2}, DType::f32, INT64_MAX);
  });
  EXPECT_EQ(text, "KvCache: out of memory: room for 9223372036854775807 tokens asked for");
  const std::string large = error_text(ErrorKind::out_of_memory, [] {
    KvCache cache({.key_heads = std::int64_t{1} << 40, .head_size = 1 << 20}, DType::f32, 128);
  });
  EXPECT_THAT(large, HasSubstr("out of memory"));
  // A broadcast row makes any number of tokens of a few bytes.
  const float row[2] = {1, 2};
  KvCache cache({.head_size = 2, .value_size = 2}, DType::f32, 0);
  cache.append(TensorView(row, {1, 2}), TensorView(row, {1, 2}));
  const TensorView endless(row, {INT64_MAX / 2, 2}, {0, 1});
  EXPECT_THAT(error_text(ErrorKind::out_of_memory, [&] { cache.append(endless, endless); }),
              HasSubstr("out of memory"));
  EXPECT_EQ(cache.tokens(), 1);
}

TEST(KvCache, RefusesStridesThatNoMemoryHolds) {
  const float row[2] = {1, 2};
  KvCache cache({.head_size = 2, .value_size = 2}, DType::f32, 0);
  for (const std::int64_t stride : {INT64_MAX, INT64_MIN, INT64_MAX / 2}) {
    const TensorView far(row, {3, 2}, {stride, 1});
    EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { cache.append(far, far); }),
                HasSubstr("reaches beyond all addresses"));
  }
  EXPECT_EQ(cache.tokens(), 0);
}

}  // namespace
}  // namespace fovea
