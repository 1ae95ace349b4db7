// Weights after the fact: any part of the weight matrix, from the question and two numbers a row.
#pragma once

#include <cstdint>

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea {

/// What attend left of the rows: Observed::log2_max and Observed::row_sum (or a PartialState's after the last part),
/// [batch, query_heads, queries] f32, of the query's rank, any strides.
struct RowStatistics {
  TensorView log2_max = {};
  TensorView row_sum = {};
};

/// A block of the weight matrix of one query head.
struct WeightBlock {
  std::int64_t batch = 0;
  std::int64_t head = 0;
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t first_key = 0;
  std::int64_t keys = 0;
};

/// Writes w(i, j) = exp2(s · log2(e) - log2_max(i)) / row_sum(i) of the block's queries and keys to `out` [queries, keys],
/// f32, any strides but 0: the bits that top_weights, rows and columns have. Hidden keys are 0; rows that are NaN are NaN
/// at the keys that they see. Takes O(queries · keys · head_size) time on the calling thread, and scratch of O(head_size).
/// `attention` is the question as it was asked, its views still alive. Throws Error{invalid_argument} for what attend
/// would refuse, for statistics or `out` of another shape or type, and a block that does not lie in the matrix;
/// Error{unsupported} for a ragged batch, f64 queries and sizes above 512; Error{out_of_memory}.
void weights_into(const Attention& attention, const RowStatistics& rows, const WeightBlock& block,
                  const MutableTensorView& out);

}  // namespace fovea
