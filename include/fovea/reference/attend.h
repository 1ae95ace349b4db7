// Attention as the textbook writes it: O(N²) memory, loops, double precision. The truth that all
// else is measured by.
// Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "fovea/attention/valid_attention.h"
#include "fovea/core/tensor.h"

namespace fovea::reference {

/// Every intermediate of one call, f64, [batch, query_heads, queries, keys] unless said otherwise.
/// A key that position, keep or key_lengths hides is -inf in `biased` and 0 in `weights`; `scaled`
/// and `capped` hold its score all the same.
struct Steps {
  Tensor scaled;   ///< scale · q · k
  Tensor capped;   ///< softcap · tanh(scaled / softcap), or scaled
  Tensor biased;   ///< capped + bias - slope · |diagonal - j|, hidden keys at -inf
  Tensor weights;  ///< softmax of each row, the sink's share left out
  Tensor output;  ///< [batch, query_heads, queries, value_size]: the visible keys' weights · value
  Tensor log_sum_exp;  ///< [batch, query_heads, queries], natural log, sink included
  Tensor row_max;      ///< [batch, query_heads, queries], sink included
  Tensor row_sum;  ///< [batch, query_heads, queries]: sum of exp(biased - row_max), sink included
  std::int64_t empty_rows = 0;  ///< rows without a visible key
};

/// Which steps to keep; `scores` means scaled, capped and biased.
struct Keep {
  bool scores = false;
  bool weights = false;
};

/// Computes all rows in double from inputs of any type. NaN, infinities and empty rows as
/// docs/semantics.md says. Tensors that `keep` leaves out are empty. Throws Error{out_of_memory}
/// when the steps asked for do not fit.
Steps attend(const ValidAttention& attention, const Keep& keep = {});

/// The steps of one row, as in Steps. The spans end with the visitor's call.
struct RowSteps {
  std::int64_t row = 0;  ///< (batch entry * query_heads + query head) * queries + query
  std::span<const double> scaled;   ///< [keys]
  std::span<const double> capped;   ///< [keys]
  std::span<const double> biased;   ///< [keys]
  std::span<const double> weights;  ///< [keys]
  std::span<const double> output;   ///< [value_size]
  double log_sum_exp = 0;
  double row_max = 0;
  double row_sum = 0;
  bool is_empty = false;  ///< no visible key
};

/// The same a row at a time, in rising order, for results that are too large to hold: memory is a copy of query, key
/// and value in double, and one row. What the visitor throws passes through.
void attend_by_rows(const ValidAttention& attention, const std::function<void(const RowSteps&)>& visit);

}  // namespace fovea::reference
