// The ends of a chunk of rows: its queries and its state before key 0, its results written out.
#if defined(FOVEA_KERNELS_DECODE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_ROWS_INL_H_
#undef FOVEA_KERNELS_DECODE_ROWS_INL_H_
#else
#define FOVEA_KERNELS_DECODE_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/decode.h"
#include "kernels/decode_scores-inl.h"
#include "kernels/finish-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/partial_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// Multiplies a row of Q by the factor. Where that would overflow, or some q is not finite, Q stays
// as it is and the scores take the factor, or NaN.
inline float scale_query(float factor, float* query, std::int64_t head_size) {
  bool finite = true;
  bool fits = true;
  for (std::int64_t d = 0; d < head_size; ++d) {
    finite = finite && std::isfinite(query[d]);
    fits = fits && std::isfinite(query[d] * factor);
  }
  if (!finite) return kFloatNaN;
  if (!fits) return factor;
  for (std::int64_t d = 0; d < head_size; ++d) query[d] *= factor;
  return 1;
}

// Puts the R rows of a tile side by side: [head_size][R] of [R][head_size].
struct InterleaveRows {
  const float* from;
  std::int64_t head_size;
  float* to;
  template <int R>
  HWY_INLINE void rows(int row) const {
    const float* const tile = from + row * head_size;
    float* next = to + row * head_size;
    for (std::int64_t d = 0; d < head_size; ++d)
      for (int r = 0; r < R; ++r) *next++ = tile[r * head_size + d];
  }
};

/// Fills `query`, the tiles of for_score_rows one after the other, and the rows' late factors. Rows
/// of padding ask 0. `spare` has room for 16 rows.
inline void load_queries(const DecodeCall& call, DecodeRows& chunk, float* spare, float* query) {
  const TensorView& from = call.problem.query;
  const std::int64_t head_size = call.problem.head_size();
  TileRows& rows = chunk.rows;
  for (int row = 0; row < rows.count; ++row) {
    float* const to = spare + row * head_size;
    const std::int64_t offset = row_offset(from, rows, row);
    widen({.data = static_cast<const std::byte*>(from.data()) + offset * size_of(from.dtype()),
           .type = from.dtype(),
           .stride = from.stride(3)},
          head_size, to);
    const float factor = scale_query(call.factors.query, to, head_size);
    rows.factor[static_cast<std::size_t>(row)] = factor;
    rows.any_factor |= !(factor == 1);
  }
  std::fill(spare + rows.count * head_size, spare + kDecodeRows * head_size, 0.0F);
  for_score_rows(rows.count, InterleaveRows{spare, head_size, query});
}

inline StateRows state_rows(const DecodeCall& call, const DecodeState& state) {
  return {.m = state.m,
          .l = state.l,
          .o = state.o,
          .lane_stride = call.shape.value_stride,
          .column_stride = 1,
          .first_column = 0,
          .columns = call.problem.value_size()};
}

/// The state before the call's first key: the caller's, or that before key 0; a sink is a block before it: m = sink, l = 1, O = 0.
inline void start_state(const DecodeCall& call, const DecodeRows& chunk, const DecodeState& state) {
  for (int row = 0; row < kDecodeRows; ++row) {
    const auto at = static_cast<std::size_t>(std::min(row, chunk.rows.count - 1));
    const float sink = call.sink_of(chunk.rows.head[at]);
    state.m[row] = in_log2_units(sink);
    state.l[row] = sink == -kFloatInfinity ? 0.0F : 1.0F;
    state.seen[row] = 0.0F;
  }
  std::fill_n(state.o, chunk.rows.count * call.shape.value_stride, 0.0F);
  if (call.targets.state.resume)
    take_state(call.targets.state, chunk.rows, chunk.rows.count, state_rows(call, state));
}

/// False when some O / l is NaN for which l has no reason.
inline bool is_explained(const DecodeCall& call, const DecodeRows& chunk,
                         const DecodeState& state) {
  const FloatTag tag;
  const std::int64_t size = call.problem.value_size();
  for (int row = 0; row < chunk.rows.count; ++row) {
    const float* const o = state.o + row * call.shape.value_stride;
    const FloatVector l = hn::Set(tag, state.l[row]);
    auto nan = hn::FirstN(tag, 0);
    for (std::int64_t c = 0; c < size; c += kVectorRows) {
      const auto inside = hn::FirstN(tag, static_cast<std::size_t>(size - c));
      nan = hn::Or(nan, hn::And(hn::IsNaN(normalize(l, hn::Load(tag, o + c))), inside));
    }
    if (!std::isnan(state.l[row]) && !hn::AllFalse(tag, nan)) return false;
  }
  return true;
}

/// Writes O / l, which it leaves in the state.
inline void store_output(const DecodeCall& call, const DecodeRows& chunk,
                         const DecodeState& state) {
  const FloatTag tag;
  const MutableTensorView& output = call.targets.output;
  const std::int64_t size = call.problem.value_size();
  const bool plain = output.dtype() == DType::f32 && output.stride(3) == 1;
  for (int row = 0; row < chunk.rows.count; ++row) {
    float* const o = state.o + row * call.shape.value_stride;
    const FloatVector l = hn::Set(tag, state.l[row]);
    for (std::int64_t c = 0; c < size; c += kVectorRows)
      hn::Store(normalize(l, hn::Load(tag, o + c)), tag, o + c);
    const std::int64_t at = row_offset(output, chunk.rows, row);
    if (plain) {
      std::copy_n(o, size, static_cast<float*>(output.mutable_data()) + at);
      continue;
    }
    for (std::int64_t c = 0; c < size; ++c)
      store_number(o[c], output.dtype(), output.mutable_data(), at + c * output.stride(3));
  }
}

/// Writes the statistics; returns the rows that saw no key.
inline std::int64_t store_statistics(const DecodeCall& call, const DecodeRows& chunk,
                                     const DecodeState& state) {
  const FloatTag tag;
  HWY_ALIGN float sink[kDecodeRows];
  HWY_ALIGN float sink_in_log2[kDecodeRows];
  HWY_ALIGN float numbers[3][kDecodeRows];
  const int count = chunk.rows.count;
  for (int row = 0; row < kDecodeRows; ++row) {
    const auto at = static_cast<std::size_t>(std::min(row, count - 1));
    sink[row] = call.sink_of(chunk.rows.head[at]);
    sink_in_log2[row] = in_log2_units(sink[row]);
  }
  for (int row = 0; row < count; row += kVectorRows) {
    const Statistics natural =
        natural_statistics(hn::Load(tag, state.m + row), hn::Load(tag, state.l + row),
                           hn::Load(tag, sink + row), hn::Load(tag, sink_in_log2 + row));
    hn::Store(natural.row_max, tag, numbers[0] + row);
    hn::Store(natural.row_sum, tag, numbers[1] + row);
    hn::Store(natural.log_sum_exp, tag, numbers[2] + row);
  }
  const MutableTensorView* const targets[] = {&call.targets.row_max, &call.targets.row_sum,
                                              &call.targets.log_sum_exp};
  for (int i = 0; i < 3; ++i) {
    if (!targets[i]->given()) continue;
    float* const data = static_cast<float*>(targets[i]->mutable_data());
    for (int row = 0; row < count; ++row)
      data[row_offset(*targets[i], chunk.rows, row)] = numbers[i][row];
  }
  return std::count(state.seen, state.seen + count, 0.0F);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
