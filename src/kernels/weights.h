// Weights after the fact: a block of the weight matrix from the question and (m, l) of its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fovea/attention/valid_attention.h"

namespace fovea::kernels {

/// Queries [first_query, ...) against keys [first_key, ...) of one query head.
struct WeightsPart {
  std::int64_t batch;
  std::int64_t head;
  std::int64_t first_query;
  std::int64_t queries;
  std::int64_t first_key;
  std::int64_t keys;
  TensorView log2_max;    // [batch, query_heads, queries] f32
  TensorView row_sum;     // likewise
  MutableTensorView out;  // [queries, keys] f32
};

std::string_view refuse_weights(const ValidAttention& problem);
/// Bytes of scratch, aligned to 64.
std::int64_t weights_scratch(const ValidAttention& problem);
void run_weights(const ValidAttention& problem, const WeightsPart& part,
                 std::span<std::byte> scratch) noexcept;

}  // namespace fovea::kernels
