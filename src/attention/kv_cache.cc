// Appending turns each key into a column of its block; values are rows as they come.
#include "fovea/attention/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "fovea/core/error.h"

namespace fovea {
namespace {

[[noreturn]] void fail(const std::string& text) {
  throw Error(ErrorKind::invalid_argument, "KvCache: " + text);
}

std::int64_t blocks_of(std::int64_t tokens) noexcept {
  return tokens / kPackedKeys + (tokens % kPackedKeys > 0 ? 1 : 0);
}

// The view with 4 axes, once its sizes are those of the cache.
TensorView checked(const TensorView& view, const char* name, const KvCacheSizes& sizes,
                   std::int64_t last, DType dtype) {
  if (!view.given()) fail(fmt::format("{} is not given", name));
  if (view.dtype() != dtype) {
    fail(fmt::format("{} is {}; the cache holds {}", name, name_of(view.dtype()), name_of(dtype)));
  }
  const bool has_rank = view.rank() >= 2 && view.rank() <= 4;
  const TensorView wide = has_rank ? view.with_leading_axes(4 - view.rank()) : view;
  if (!has_rank || wide.size(0) != sizes.batch || wide.size(1) != sizes.key_heads ||
      wide.size(3) != last) {
    fail(fmt::format("{} is {}; [{}, {}, tokens, {}] is wanted", name, to_string(view.shape()),
                     sizes.batch, sizes.key_heads, last));
  }
  if (wide.element_count() > 0 && wide.data() == nullptr)
    fail(fmt::format("{} is a null pointer", name));
  if (!wide.is_within_addresses()) {
    fail(fmt::format("{} {} with strides {} reaches beyond all addresses", name,
                     to_string(view.shape()), to_string(view.strides())));
  }
  return wide;
}

// Element [b, h, t, 0], in bytes from the view's data.
std::int64_t row_bytes(const TensorView& view, std::int64_t b, std::int64_t h, std::int64_t t) {
  return (b * view.stride(0) + h * view.stride(1) + t * view.stride(2)) * size_of(view.dtype());
}

// Columns are kPackedKeys elements apart, a row's elements `stride`. Bits is an integer of the
// element's size.
template <typename Bits>
void put_column(const std::byte* row, std::int64_t stride, std::int64_t size, std::byte* column) {
  const auto* from = reinterpret_cast<const Bits*>(row);
  auto* to = reinterpret_cast<Bits*>(column);
  for (std::int64_t d = 0; d < size; ++d) to[d * kPackedKeys] = from[d * stride];
}

void put_row(const std::byte* from, std::int64_t stride, std::int64_t size, std::int64_t element,
             std::byte* to) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(size * element));
    return;
  }
  for (std::int64_t c = 0; c < size; ++c) {
    std::memcpy(to + c * element, from + c * stride * element, static_cast<std::size_t>(element));
  }
}

}  // namespace

KvCache::KvCache(const KvCacheSizes& sizes, DType dtype, std::int64_t capacity)
    : sizes_(sizes), dtype_(dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16 && dtype != DType::f16)
    fail(fmt::format("the type is {}; f32, bf16 or f16 is wanted", name_of(dtype)));
  if (sizes.batch < 0 || sizes.key_heads < 0 || sizes.head_size < 1 || sizes.value_size < 0) {
    fail(
        fmt::format("batch {}, key_heads {}, head_size {}, value_size {}; head_size must be at "
                    "least 1, the others 0",
                    sizes.batch, sizes.key_heads, sizes.head_size, sizes.value_size));
  }
  if (capacity < 0) fail(fmt::format("capacity is {}; it must be 0 or more", capacity));
  store_ = make_store(capacity);
}

KvCache::KvCache(KvCache&& other) noexcept
    : sizes_(other.sizes_),
      dtype_(other.dtype_),
      tokens_(std::exchange(other.tokens_, 0)),
      store_(std::exchange(other.store_, {})) {}

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  sizes_ = other.sizes_;
  dtype_ = other.dtype_;
  tokens_ = std::exchange(other.tokens_, 0);
  store_ = std::exchange(other.store_, {});
  return *this;
}

KvCache::Store KvCache::make_store(std::int64_t capacity) const {
  const std::int64_t blocks = blocks_of(capacity);
  std::int64_t elements = kPackedKeys;
  for (const std::int64_t count :
       {blocks, std::max(sizes_.head_size, sizes_.value_size),
        std::max<std::int64_t>(1, sizes_.key_heads), std::max<std::int64_t>(1, sizes_.batch)}) {
    if (!__builtin_mul_overflow(elements, count, &elements)) continue;
    throw Error(ErrorKind::out_of_memory,
                fmt::format("KvCache: out of memory: room for {} tokens asked for", capacity));
  }
  const std::int64_t whole = blocks * kPackedKeys;
  return {.keys = Tensor(dtype_,
                         {sizes_.batch, sizes_.key_heads, blocks, sizes_.head_size, kPackedKeys}),
          .values = Tensor(dtype_, {sizes_.batch, sizes_.key_heads, whole, sizes_.value_size}),
          .capacity = whole};
}

void KvCache::append(const TensorView& key, const TensorView& value) {
  const TensorView keys = checked(key, "key", sizes_, sizes_.head_size, dtype_);
  const TensorView values = checked(value, "value", sizes_, sizes_.value_size, dtype_);
  const std::int64_t added = keys.size(2);
  if (values.size(2) != added)
    fail(fmt::format("key has {} tokens, value {}; as many are wanted", added, values.size(2)));
  std::int64_t needed = 0;
  if (__builtin_add_overflow(tokens_, added, &needed))
    throw Error(ErrorKind::out_of_memory,
                fmt::format("KvCache: out of memory: {} tokens and {} more", tokens_, added));
  if (needed <= store_.capacity) {
    put_key(store_, keys);
    put_value(store_, values);
  } else {
    // The old memory lives until the new tokens are in: they may lie in it.
    Store grown = make_store(
        std::max(needed, store_.capacity > INT64_MAX / 2 ? needed : 2 * store_.capacity));
    copy_tokens(grown);
    put_key(grown, keys);
    put_value(grown, values);
    store_ = std::move(grown);
  }
  tokens_ = needed;
}

void KvCache::truncate(std::int64_t tokens) {
  if (tokens < 0 || tokens > tokens_)
    fail(fmt::format("truncate to {} of {} tokens; 0 to {} is wanted", tokens, tokens_, tokens_));
  tokens_ = tokens;
}

void KvCache::copy_tokens(Store& to) const {
  const auto element = static_cast<std::size_t>(size_of(dtype_));
  const auto heads = static_cast<std::size_t>(sizes_.batch * sizes_.key_heads);
  const auto copy = [heads, element](const Tensor& from, Tensor& target, std::int64_t elements) {
    if (heads == 0 || elements == 0) return;
    const std::size_t old_bytes = from.bytes().size() / heads;
    const std::size_t new_bytes = target.bytes().size() / heads;
    for (std::size_t head = 0; head < heads; ++head) {
      std::memcpy(target.bytes().data() + head * new_bytes, from.bytes().data() + head * old_bytes,
                  static_cast<std::size_t>(elements) * element);
    }
  };
  copy(store_.keys, to.keys, blocks_of(tokens_) * sizes_.head_size * kPackedKeys);
  copy(store_.values, to.values, tokens_ * sizes_.value_size);
}

void KvCache::put_key(Store& store, const TensorView& key) const {
  const std::int64_t element = size_of(dtype_);
  const std::int64_t blocks = store.capacity / kPackedKeys;
  const std::int64_t block_bytes = sizes_.head_size * kPackedKeys * element;
  const auto* const data = static_cast<const std::byte*>(key.data());
  for (std::int64_t b = 0; b < sizes_.batch; ++b) {
    for (std::int64_t h = 0; h < sizes_.key_heads; ++h) {
      std::byte* const head =
          store.keys.bytes().data() + (b * sizes_.key_heads + h) * blocks * block_bytes;
      for (std::int64_t t = 0; t < key.size(2); ++t) {
        const std::int64_t token = tokens_ + t;
        std::byte* const column =
            head + token / kPackedKeys * block_bytes + token % kPackedKeys * element;
        const std::byte* const row = data + row_bytes(key, b, h, t);
        if (element == sizeof(std::uint32_t)) {
          put_column<std::uint32_t>(row, key.stride(3), sizes_.head_size, column);
        } else {
          put_column<std::uint16_t>(row, key.stride(3), sizes_.head_size, column);
        }
      }
    }
  }
}

void KvCache::put_value(Store& store, const TensorView& value) const {
  const std::int64_t element = size_of(dtype_);
  const auto* const data = static_cast<const std::byte*>(value.data());
  for (std::int64_t b = 0; b < sizes_.batch; ++b) {
    for (std::int64_t h = 0; h < sizes_.key_heads; ++h) {
      for (std::int64_t t = 0; t < value.size(2); ++t) {
        const std::int64_t row = (b * sizes_.key_heads + h) * store.capacity + tokens_ + t;
        std::byte* const to = store.values.bytes().data() + row * sizes_.value_size * element;
        const std::byte* const from = data + row_bytes(value, b, h, t);
        put_row(from, value.stride(3), sizes_.value_size, element, to);
      }
    }
  }
}

TensorView KvCache::packed_key() const {
  const std::int64_t head = store_.capacity * sizes_.head_size;
  return {store_.keys.bytes().data(),
          dtype_,
          {sizes_.batch, sizes_.key_heads, blocks_of(tokens_), sizes_.head_size, kPackedKeys},
          {sizes_.key_heads * head, head, sizes_.head_size * kPackedKeys, kPackedKeys, 1}};
}

TensorView KvCache::value() const {
  const std::int64_t head = store_.capacity * sizes_.value_size;
  return {store_.values.bytes().data(),
          dtype_,
          {sizes_.batch, sizes_.key_heads, tokens_, sizes_.value_size},
          {sizes_.key_heads * head, head, sizes_.value_size, 1}};
}

}  // namespace fovea
