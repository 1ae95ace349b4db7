// Any weight of a call after the fact, without a second attend: from the question and two numbers a
// row.
#pragma once

#include <cstdint>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/engine/weights.h"

namespace fovea {

/// A query head of a batch entry.
struct HeadAt {
  std::int64_t head = 0;
  std::int64_t batch = 0;
};

/// Queries or keys [first, first + count).
struct IndexRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// A key, and what a row gives it.
struct KeyWeight {
  std::int64_t key = 0;
  float weight = 0;
};

/// How large a result Lens::dense may make.
enum class DenseLimit : std::uint8_t {
  mib_256,  ///< at most 256 MiB
  none,     ///< as large as memory allows
};

/// The weights of an answered question, computed when they are asked for:
///
///   const Attended answer = attend(question, Observe{.row_statistics = true});
///   const Lens lens(question, answer);
///   lens.row({.head = 3}, 17);                // [keys]: what query 17 looks at in head 3
///   lens.top({.head = 3, .batch = 1}, 17, 5);  // its five largest weights
///
/// All have the bits that Observed has, and are 0 at hidden keys. A row that is NaN is NaN at the
/// keys that it sees. A number costs a product of head_size numbers, on the calling thread; nothing
/// is kept between calls.
///
/// A Lens holds the question's views and a copy of the statistics, 8 bytes a row: the Attended may
/// go, but what the question looks at must stay alive and unchanged. A view of a KvCache ends with
/// the next append or truncate, and the Lens with it: make a new one then, or ask before. Any number
/// of threads may use one at once.
///
/// Every function throws Error{invalid_argument} for what does not lie in the question (`lens: head
/// is 12; there are 8`) and for a head that was not observed; Error{unsupported} for f64 queries and
/// sizes above 512 (weights_into); Error{out_of_memory}.
class Lens {
 public:
  /// `answer` is what attend made of `attention` when asked for Observe::row_statistics. Where it
  /// observed some heads only, the Lens answers for those. Throws Error{invalid_argument} for an
  /// answer without row statistics or of another question's sizes, and for what attend would refuse;
  /// Error{unsupported} for a ragged batch.
  Lens(const Attention& attention, const Attended& answer);
  /// The same from statistics of all query heads, as attend_into leaves them.
  Lens(const Attention& attention, const RowStatistics& statistics);

  std::int64_t batch() const noexcept { return batch_; }
  std::int64_t query_heads() const noexcept { return heads_; }
  std::int64_t queries() const noexcept { return queries_; }
  std::int64_t keys() const noexcept { return keys_; }
  /// Query heads that it can answer for, rising.
  const std::vector<std::int64_t>& heads() const noexcept { return observed_; }

  /// Returns one weight.
  float cell(const HeadAt& at, std::int64_t query, std::int64_t key) const;
  /// Returns what one query gives to all keys: [keys], f32.
  Tensor row(const HeadAt& at, std::int64_t query) const;
  /// Returns what one key gets from all queries: [queries], f32.
  Tensor column(const HeadAt& at, std::int64_t key) const;
  /// Returns the `k` largest weights of a row by falling weight, equal ones by rising key. Keys of
  /// weight 0 are left out, so there may be fewer; of a row that is NaN there are none. k >= 0.
  std::vector<KeyWeight> top(const HeadAt& at, std::int64_t query, std::int64_t k) const;
  /// Returns a part of the matrix: [queries.count, keys.count], f32.
  Tensor block(const HeadAt& at, const IndexRange& queries, const IndexRange& keys) const;
  /// Returns all weights of a batch entry: [query_heads, queries, keys], f32, the O(N²) array that
  /// attend never makes. Throws Error{unsupported} when it exceeds the limit, with its size in the
  /// text.
  Tensor dense(std::int64_t batch, DenseLimit limit = DenseLimit::mib_256) const;

 private:
  struct Cells;
  void write(const HeadAt& at, const Cells& cells, float* to) const;
  void check_head(const HeadAt& at) const;

  Attention attention_;
  Tensor
      log2_max_;  // of the query's shape without its last axis; NaN where a head was not observed
  Tensor row_sum_;
  std::vector<std::int64_t> observed_;
  std::int64_t batch_ = 0;
  std::int64_t heads_ = 0;
  std::int64_t queries_ = 0;
  std::int64_t keys_ = 0;
};

}  // namespace fovea
