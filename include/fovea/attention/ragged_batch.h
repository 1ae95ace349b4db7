// A ragged batch taken apart: a question for each of its sequences.
#pragma once

#include <cstdint>

#include "fovea/attention/valid_attention.h"

namespace fovea {

/// True when `attention` asks about packed sequences rather than one tensor of equal ones.
inline bool is_ragged(const Attention& attention) noexcept {
  return attention.query_offsets.given() || attention.key_offsets.given();
}

/// Tokens [first, first + count) of a packed axis.
struct TokenRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Sequences packed one after the other along the token axis, as Attention::query_offsets says. Views still belong to the
/// caller.
class RaggedBatch {
 public:
  /// Checks the batch and the question of each of its sequences, all before any is answered. Throws
  /// Error{invalid_argument}; allocates nothing.
  RaggedBatch(const Attention& attention, const Execution& execution);

  std::int64_t sequences() const noexcept { return attention_.query_offsets.size(0) - 1; }
  TokenRange queries(std::int64_t sequence) const noexcept;
  TokenRange keys(std::int64_t sequence) const noexcept;

  /// The question of one sequence, checked.
  ValidAttention question(std::int64_t sequence) const;

  /// The packed tensors as if they were of one sequence, without masks: sizes and types of the results.
  const ValidAttention& packed() const noexcept { return packed_; }

 private:
  Attention attention_;
  Execution execution_;
  ValidAttention packed_;
};

}  // namespace fovea
