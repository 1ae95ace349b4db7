// An Attention that has been checked and brought to one form: what every implementation computes from.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fovea/attention/attention.h"

namespace fovea {

/// Keys [first, last) that position alone (causal, window, key length) lets a query see. Empty when last <= first.
struct KeyRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Made by `validate` alone, so that whoever holds one need not check anything. All tensors have four axes, the masks
/// are broadcast (stride 0), the defaults are filled in. Views still belong to the caller.
class ValidAttention {
 public:
  std::int64_t batch() const noexcept { return query.size(0); }
  std::int64_t query_heads() const noexcept { return query.size(1); }
  std::int64_t queries() const noexcept { return query.size(2); }
  std::int64_t head_size() const noexcept { return query.size(3); }
  std::int64_t key_heads() const noexcept { return key.size(1); }
  std::int64_t keys() const noexcept { return key.size(2); }
  std::int64_t value_size() const noexcept { return value.size(3); }

  /// Rows of the result: batch * query_heads * queries. With none, no input may be read.
  std::int64_t rows() const noexcept { return batch() * query_heads() * queries(); }

  /// The key head that a query head uses.
  std::int64_t key_head_of(std::int64_t query_head) const noexcept { return query_head / group_size; }

  /// Valid keys of a batch entry.
  std::int64_t key_length(std::int64_t batch_entry) const noexcept {
    if (!key_lengths.given()) return keys();
    return key_lengths.dtype() == DType::i32 ? key_lengths.at<std::int32_t>(batch_entry)
                                             : key_lengths.at<std::int64_t>(batch_entry);
  }

  /// Number d of key j, whichever form the keys have.
  double key_at(std::int64_t batch_entry, std::int64_t key_head, std::int64_t j, std::int64_t d) const noexcept {
    if (!packed_key.given()) return key.number_at(batch_entry, key_head, j, d);
    return packed_key.number_at(batch_entry, key_head, j / kPackedKeys, d, j % kPackedKeys);
  }

  /// Key position of query 0 of a batch entry: query i stands at key diagonal_offset + i.
  std::int64_t diagonal_offset(std::int64_t batch_entry) const noexcept {
    switch (diagonal.kind()) {
      case Diagonal::Kind::bottom_right: return key_length(batch_entry) - queries();
      case Diagonal::Kind::top_left: return 0;
      case Diagonal::Kind::offset: return diagonal.offset();
    }
    return 0;
  }

  /// Key position of query `row`: diagonal_offset + row, held within 64 bits.
  std::int64_t diagonal_at(std::int64_t batch_entry, std::int64_t row) const noexcept;

  /// What position alone lets query `row` see; `keep` and `bias` may hide more.
  KeyRange visible_keys(std::int64_t batch_entry, std::int64_t row) const noexcept;

  TensorView query;                 ///< [batch, query_heads, queries, head_size]
  TensorView key;                   ///< [batch, key_heads, keys, head_size]; without data where packed_key is given
  TensorView packed_key;            ///< [batch, key_heads, ceil(keys / 128), head_size, 128], or not given
  TensorView value;                 ///< [batch, key_heads, keys, value_size]
  TensorView bias;                  ///< [batch, query_heads, queries, keys], or not given
  TensorView keep;                  ///< [batch, query_heads, queries, keys], or not given
  TensorView alibi_slopes;          ///< [query_heads], or not given
  TensorView sinks;                 ///< [query_heads], or not given
  TensorView key_lengths;           ///< [batch], or not given
  double scale = 1;
  double softcap = 0;
  bool causal = false;
  Window window;
  Diagonal diagonal;
  std::int64_t group_size = 1;      ///< query heads to a key head
  DType output_type = DType::f32;
  /// Rank of the query as the caller gave it: the output gets the same.
  int given_rank = 4;

 private:
  ValidAttention() = default;
  friend ValidAttention validate(const Attention& attention, const Execution& execution);
};

/// Checks everything that can be wrong with the question. Throws Error{invalid_argument} that names the argument, what
/// was given and what is wanted; allocates nothing.
ValidAttention validate(const Attention& attention, const Execution& execution);

}  // namespace fovea
