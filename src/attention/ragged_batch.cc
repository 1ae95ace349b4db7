// The checks of a ragged batch, and the views of its sequences.
#include "fovea/attention/ragged_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fovea/core/error.h"

namespace fovea {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "attend: " + fmt::format(text, std::forward<Args>(args)...));
}

std::int64_t offset_at(const TensorView& offsets, std::int64_t n) noexcept {
  return offsets.dtype() == DType::i32 ? offsets.at<std::int32_t>(n) : offsets.at<std::int64_t>(n);
}

TokenRange tokens_of(const TensorView& offsets, std::int64_t sequence) noexcept {
  const std::int64_t first = offset_at(offsets, sequence);
  return {first, offset_at(offsets, sequence + 1) - first};
}

// `tokens` is the size of the packed axis of `packed`.
void check_offsets(const TensorView& offsets, const char* name, std::int64_t tokens,
                   const char* packed) {
  if (offsets.dtype() != DType::i32 && offsets.dtype() != DType::i64)
    fail("{} are {}; they must be i32 or i64", name, name_of(offsets.dtype()));
  if (offsets.rank() != 1 || offsets.size(0) < 1)
    fail("{} have shape {}; wanted is [sequences + 1]", name, to_string(offsets.shape()));
  if (offsets.data() == nullptr) fail("{} are a null pointer", name);
  const std::int64_t last = offsets.size(0) - 1;
  if (offset_at(offsets, 0) != 0)
    fail("{} begin with {}; they must begin with 0", name, offset_at(offsets, 0));
  for (std::int64_t n = 0; n < last; ++n) {
    if (offset_at(offsets, n + 1) >= offset_at(offsets, n)) continue;
    fail("{} fall from {} to {} at sequence {}; they must not fall", name, offset_at(offsets, n),
         offset_at(offsets, n + 1), n);
  }
  if (offset_at(offsets, last) != tokens) {
    fail("{} end with {}; {} has {} tokens", name, offset_at(offsets, last), packed, tokens);
  }
}

// The question about the packed tensors that holds whatever the sequences are.
Attention without_sequences(const Attention& attention) {
  if (!attention.query_offsets.given() || !attention.key_offsets.given())
    fail("query_offsets and key_offsets must be given together");
  if (attention.packed_key.given()) fail("packed_key is given with offsets; give key");
  if (attention.key_lengths.given()) {
    fail("key_lengths are given with offsets, which tell the length of each sequence themselves");
  }
  if (attention.query.given() && attention.query.rank() > 3) {
    fail("query is {}; with offsets it must be [heads, tokens, size] or [tokens, size]",
         to_string(attention.query.shape()));
  }
  Attention packed = attention;
  packed.query_offsets = packed.key_offsets = {};
  packed.bias = packed.keep = {};
  return packed;
}

// A mask of the batch is [query heads, query tokens, longest sequence's keys], or broadcast to it.
void check_mask(const TensorView& mask, const ValidAttention& packed, std::int64_t longest,
                const char* name) {
  if (!mask.given()) return;
  const Shape wanted{packed.query_heads(), packed.queries(), longest};
  bool fits = mask.rank() <= 3;
  for (int axis = 0; fits && axis < mask.rank(); ++axis) {
    const std::int64_t size = wanted[axis + 3 - mask.rank()];
    fits = mask.size(axis) == size || mask.size(axis) == 1;
  }
  if (fits) return;
  fail("{} {} cannot be broadcast to {} [query heads, query tokens, keys of the longest sequence]",
       name, to_string(mask.shape()), to_string(wanted));
}

// The part of a mask that belongs to one sequence.
TensorView mask_of(const TensorView& mask, const TokenRange& queries, std::int64_t keys) {
  if (!mask.given() || mask.rank() == 0) return mask;
  TensorView part = mask;
  const int key_axis = mask.rank() - 1;
  if (mask.size(key_axis) != 1) part = part.sliced(key_axis, 0, keys);
  const int query_axis = mask.rank() - 2;
  if (query_axis >= 0 && mask.size(query_axis) != 1)
    part = part.sliced(query_axis, queries.first, queries.count);
  return part;
}

}  // namespace

RaggedBatch::RaggedBatch(const Attention& attention, const Execution& execution)
    : attention_(attention),
      execution_(execution),
      packed_(validate(without_sequences(attention), execution)) {
  check_offsets(attention.query_offsets, "query_offsets", packed_.queries(), "query");
  check_offsets(attention.key_offsets, "key_offsets", packed_.keys(), "key");
  if (attention.query_offsets.size(0) != attention.key_offsets.size(0)) {
    fail("query_offsets tell of {} sequences, key_offsets of {}; as many are wanted",
         attention.query_offsets.size(0) - 1, attention.key_offsets.size(0) - 1);
  }
  std::int64_t longest = 0;
  for (std::int64_t n = 0; n < sequences(); ++n) longest = std::max(longest, keys(n).count);
  check_mask(attention.bias, packed_, longest, "bias");
  check_mask(attention.keep, packed_, longest, "keep");
  for (std::int64_t n = 0; n < sequences(); ++n) question(n);
}

TokenRange RaggedBatch::queries(std::int64_t sequence) const noexcept {
  return tokens_of(attention_.query_offsets, sequence);
}

TokenRange RaggedBatch::keys(std::int64_t sequence) const noexcept {
  return tokens_of(attention_.key_offsets, sequence);
}

ValidAttention RaggedBatch::question(std::int64_t sequence) const {
  const int axis = attention_.query.rank() - 2;
  const TokenRange asking = queries(sequence);
  const TokenRange asked = keys(sequence);
  Attention one = attention_;
  one.query_offsets = one.key_offsets = {};
  one.query = attention_.query.sliced(axis, asking.first, asking.count);
  one.key = attention_.key.sliced(axis, asked.first, asked.count);
  one.value = attention_.value.sliced(axis, asked.first, asked.count);
  one.bias = mask_of(attention_.bias, asking, asked.count);
  one.keep = mask_of(attention_.keep, asking, asked.count);
  return validate(one, execution_);
}

}  // namespace fovea
