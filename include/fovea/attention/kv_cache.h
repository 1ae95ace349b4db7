// The keys and values of a sequence that grows: what decoding asks its queries of.
#pragma once

#include <cstdint>

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea {

/// Sizes of a KvCache, fixed when it is made.
struct KvCacheSizes {
  std::int64_t batch = 1;
  std::int64_t key_heads = 1;
  std::int64_t head_size = 0;   ///< numbers to a key, at least 1
  std::int64_t value_size = 0;  ///< numbers to a value
};

/// Keys, packed as Attention::packed_key has them, and values of all tokens so far. attend over the cache gives the bits
/// of attend over the same keys and values in plain tensors, however they were appended:
///
///   KvCache cache({.key_heads = 8, .head_size = 64, .value_size = 64});
///   cache.append(key, value);  // [1, 8, tokens, 64], again and again
///   attend({.query = query, .value = cache.value(), .packed_key = cache.packed_key(), .causal = true});
///
/// All batch entries have the same number of tokens; entries of different lengths are padded, and masked by
/// Attention::key_lengths. Not thread-safe while it changes; any number of calls may read it at once.
class KvCache {
 public:
  /// An empty cache of f32, bf16 or f16, with room for `capacity` tokens before it must grow. Throws
  /// Error{invalid_argument} for another type, a head_size below 1 and negative sizes, Error{out_of_memory}.
  explicit KvCache(const KvCacheSizes& sizes, DType dtype = DType::f32, std::int64_t capacity = 0);
  /// What is moved from is an empty cache of the same sizes.
  KvCache(KvCache&& other) noexcept;
  KvCache& operator=(KvCache&& other) noexcept;

  const KvCacheSizes& sizes() const noexcept { return sizes_; }
  DType dtype() const noexcept { return dtype_; }
  std::int64_t tokens() const noexcept { return tokens_; }
  /// Tokens that fit before the next append moves all to larger memory: a multiple of kPackedKeys.
  std::int64_t capacity() const noexcept { return store_.capacity; }

  /// Appends key [batch, key_heads, n, head_size] and value [batch, key_heads, n, value_size], of the cache's type and any
  /// strides; leading axes of size 1 may be left out. They may be views of this cache. Memory doubles when it is full, so a
  /// token costs the same on average, however many there are. Throws Error{invalid_argument} for other shapes and types,
  /// Error{out_of_memory}; the cache is then as it was.
  void append(const TensorView& key, const TensorView& value);

  /// Forgets all but the first `tokens`; the memory is kept. Throws Error{invalid_argument} unless 0 <= tokens <= tokens().
  void truncate(std::int64_t tokens);

  /// [batch, key_heads, ceil(tokens / 128), head_size, 128]: for Attention::packed_key. Like value(), a view that the next
  /// append or truncate ends.
  TensorView packed_key() const;
  /// [batch, key_heads, tokens, value_size]
  TensorView value() const;

 private:
  struct Store {
    Tensor keys;    // [batch, key_heads, capacity / 128, head_size, 128]
    Tensor values;  // [batch, key_heads, capacity, value_size]
    std::int64_t capacity = 0;
  };

  Store make_store(std::int64_t capacity) const;
  void copy_tokens(Store& to) const;
  void put_key(Store& store, const TensorView& key) const;
  void put_value(Store& store, const TensorView& value) const;

  KvCacheSizes sizes_;
  DType dtype_;
  std::int64_t tokens_ = 0;
  Store store_;
};

}  // namespace fovea
