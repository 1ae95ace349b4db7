// One key block against the rows of a chunk: (m_b, l_b, O_b), and the fold of such a partial result
// into (m, l, O).
#if defined(FOVEA_KERNELS_DECODE_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_BLOCK_INL_H_
#undef FOVEA_KERNELS_DECODE_BLOCK_INL_H_
#else
#define FOVEA_KERNELS_DECODE_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/decode.h"
#include "kernels/decode_modifiers-inl.h"
#include "kernels/decode_scores-inl.h"
#include "kernels/decode_values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// What is fetched into the cache lies about this far ahead in the same stream.
inline constexpr std::int64_t kBytesAhead = 16384;

/// A thread's scratch.
struct DecodeScratch {
  float* query;   // [head_size][R] for each tile of R rows, times the factor
  float* score;   // [16][128]
  float* weight;  // [4][128][4]
  float* spare;  // [32][head_size]: the sequence's last keys, where a step of 32 would pass its end
  float* key;    // [128][key_stride], where keys are copied
  float* value;  // [128][value_stride], where values are copied
  float* block;  // a DecodeState: what a block gives before it is folded
};

/// Keys [first, last) of the block at `key`, of which `keys` exist.
struct DecodeBlock {
  std::int64_t key;
  std::int64_t keys;
  std::int64_t first;
  std::int64_t last;
};

/// A task's rows at work.
struct DecodeWork {
  const DecodeCall& call;
  const DecodeRows& chunk;
  DecodeScratch scratch;

  /// Element 0 of the head's token `token`.
  const std::byte* token(const TensorView& view, std::int64_t token) const {
    const std::int64_t offset = chunk.rows.batch * view.stride(0) +
                                chunk.key_head * view.stride(1) + token * view.stride(2);
    return static_cast<const std::byte*>(view.data()) + offset * size_of(view.dtype());
  }
};

template <typename T>
inline PlainTokens<T> tokens_in_place(const DecodeWork& work, const TensorView& view,
                                      std::int64_t first) {
  const auto row_bytes = std::max<std::int64_t>(1, view.size(3) * size_of(view.dtype()));
  return {.data = reinterpret_cast<const T*>(work.token(view, first)),
          .stride = view.stride(2),
          .ahead = (kBytesAhead + row_bytes - 1) / row_bytes * view.stride(2)};
}

// Tokens of the block as plain f32 in `to`.
inline PlainTokens<float> copy_tokens(const DecodeWork& work, const TensorView& view,
                                      const DecodeBlock& block, const PlainTokens<float>& to,
                                      float* memory) {
  for (std::int64_t j = block.first; j < block.last; ++j) {
    widen({.data = work.token(view, block.key + j), .type = view.dtype(), .stride = view.stride(3)},
          view.size(3), memory + j * to.stride);
  }
  return {memory, to.stride, 0};
}

template <typename T>
struct ScoreRows {
  PlainTokens<T> keys;
  const DecodeScores& scores;
  std::int64_t first;
  std::int64_t last;
  template <int R>
  HWY_INLINE void rows(int row) const {
    // Rows after the first find the keys in the cache.
    score_rows<T, R>({keys.data, keys.stride, row == 0 ? keys.ahead : 0}, scores.from(row), first,
                     last);
  }
};

template <typename T>
struct ScorePackedRows {
  PackedBlock<T> keys;
  const DecodeScores& scores;
  const DecodeBlock& block;
  template <int R>
  HWY_INLINE void rows(int row) const {
    score_packed_rows<T, R>({keys.data, row == 0 ? keys.ahead : 0}, scores.from(row), block.first,
                            block.last);
  }
};

inline DecodeScores scores_of(const DecodeWork& work) {
  return {.query = work.scratch.query,
          .head_size = work.call.problem.head_size(),
          .score = work.scratch.score};
}

// Scores from keys as they lie. Whole steps of 32 keys are read in place; the keys after them, at
// the sequence's end, are copied so that nothing is read behind it.
template <typename T>
inline void score_in_place(const DecodeWork& work, const DecodeBlock& block,
                           const PlainTokens<T>& keys, std::int64_t readable) {
  constexpr std::int64_t kStep = 32;
  const int count = work.chunk.rows.count;
  const DecodeScores scores = scores_of(work);
  const std::int64_t whole = readable / kStep * kStep;
  const std::int64_t last = std::min(block.last, whole);
  if (block.first < last) for_score_rows(count, ScoreRows<T>{keys, scores, block.first, last});
  if (block.last <= whole) return;
  const auto size = static_cast<std::size_t>(scores.head_size);
  T* const spare = reinterpret_cast<T*>(work.scratch.spare);
  std::memset(static_cast<void*>(spare), 0, kStep * size * sizeof(T));
  for (std::int64_t j = whole; j < readable; ++j) {
    std::memcpy(static_cast<void*>(spare + (j - whole) * scores.head_size),
                keys.data + j * keys.stride, size * sizeof(T));
  }
  DecodeScores rest = scores;
  rest.score += whole;
  for_score_rows(count, ScoreRows<T>{{spare, scores.head_size, 0}, rest, 0, block.last - whole});
}

template <typename T>
inline void score_block_of(const DecodeWork& work, const DecodeBlock& block) {
  const ValidAttention& problem = work.call.problem;
  if (work.call.shape.keys == Reading::packed) {
    const TensorView& packed = problem.packed_key;
    const std::int64_t at = work.chunk.rows.batch * packed.stride(0) +
                            work.chunk.key_head * packed.stride(1) +
                            block.key / kBlockKeys * packed.stride(2);
    const PackedBlock<T> keys{static_cast<const T*>(packed.data()) + at,
                              kBytesAhead / static_cast<std::int64_t>(sizeof(T))};
    for_score_rows(work.chunk.rows.count, ScorePackedRows<T>{keys, scores_of(work), block});
  } else {
    score_in_place<T>(work, block, tokens_in_place<T>(work, problem.key, block.key), block.keys);
  }
}

// S of all rows, modified, with hidden scores at -inf.
inline void score_block(const DecodeWork& work, const DecodeBlock& block) {
  const DecodeShape& shape = work.call.shape;
  const TensorView& key = work.call.problem.key;
  if (shape.keys == Reading::copied) {
    score_in_place<float>(
        work, block,
        copy_tokens(work, key, block, {nullptr, shape.key_stride, 0}, work.scratch.key),
        block.last);
  } else if (key.dtype() == DType::f32) {
    score_block_of<float>(work, block);
  } else if (key.dtype() == DType::bf16) {
    score_block_of<BFloat16>(work, block);
  } else {
    score_block_of<Float16>(work, block);
  }
  for (int row = 0; row < work.chunk.rows.count; ++row) {
    modify_row(work.call, work.chunk.rows,
               {.scores = work.scratch.score + row * kBlockKeys,
                .first_key = block.key,
                .keys = block.keys,
                .row = static_cast<std::size_t>(row)});
  }
}

template <typename T>
inline void multiply_values_of(const DecodeWork& work, const DecodeBlock& block,
                               const PlainTokens<T>& values, HiddenValues hidden,
                               const DecodeState& out) {
  const DecodeShape& shape = work.call.shape;
  const std::int64_t columns = work.call.problem.value_size();
  for (int row = 0; row < work.chunk.rows.count; row += kQuad) {
    const QuadProduct<T> product{.value = {values.data, values.stride, row == 0 ? values.ahead : 0},
                                 .weight = work.scratch.weight + row * kBlockKeys,
                                 .first = block.first,
                                 .last = block.last,
                                 .out = out.o + row * shape.value_stride,
                                 .out_stride = shape.value_stride};
    const int rows = std::min(kQuad, work.chunk.rows.count - row);
    if (hidden == HiddenValues::checked) {
      select_quad(product, rows, columns);
    } else if (rows == 1) {
      multiply_quad<T, 1>(product, columns);
    } else if (rows == 2) {
      multiply_quad<T, 2>(product, columns);
    } else {
      multiply_quad<T, kQuad>(product, columns);
    }
  }
}

/// (m_b, l_b, O_b) of one block.
inline void compute_block(const DecodeWork& work, const DecodeBlock& block, HiddenValues hidden,
                          const DecodeState& out) {
  const DecodeShape& shape = work.call.shape;
  const TensorView& value = work.call.problem.value;
  const int count = work.chunk.rows.count;
  score_block(work, block);
  // Weighing leaves the memory idle: the time to fetch the values that come first.
  Ahead ahead;
  if (shape.values == Reading::in_place && value.stride(2) == value.size(3)) {
    ahead.from = work.token(value, block.key + block.first) + kBytesAhead;
    ahead.lines = 8;
  }
  if (hidden == HiddenValues::checked) {
    weigh_rows<HiddenValues::checked>(work.scratch.score, count, work.scratch.weight, out, ahead);
  } else {
    weigh_rows<HiddenValues::finite>(work.scratch.score, count, work.scratch.weight, out, ahead);
  }
  if (shape.values == Reading::copied) {
    const PlainTokens<float> rows =
        copy_tokens(work, value, block, {nullptr, shape.value_stride, 0}, work.scratch.value);
    multiply_values_of<float>(work, block, rows, hidden, out);
  } else if (value.dtype() == DType::f32) {
    multiply_values_of<float>(work, block, tokens_in_place<float>(work, value, block.key), hidden,
                              out);
  } else if (value.dtype() == DType::bf16) {
    multiply_values_of<BFloat16>(work, block, tokens_in_place<BFloat16>(work, value, block.key),
                                 hidden, out);
  } else {
    multiply_values_of<Float16>(work, block, tokens_in_place<Float16>(work, value, block.key),
                                hidden, out);
  }
}

/// m' = max(m, m_b), a = exp2(m - m'), c = exp2(m_b - m'), l' = l a + c l_b, O' = O a + c O_b.
inline void fold_block(const DecodeWork& work, const DecodeState& block, const DecodeState& state) {
  const FloatTag d;
  HWY_ALIGN float keep[kDecodeRows];
  HWY_ALIGN float take[kDecodeRows];
  for (int row = 0; row < work.chunk.rows.count; row += kVectorRows) {
    const FloatVector m = hn::Load(d, state.m + row);
    const FloatVector m_b = hn::Load(d, block.m + row);
    const FloatVector l_b = hn::Load(d, block.l + row);
    const FloatVector m_new = hn::Max(m, m_b);
    const FloatVector base = finite_base(m_new);
    const FloatVector a = exp2(d, hn::Sub(m, base));
    const FloatVector c = exp2(d, hn::Sub(m_b, base));
    const auto sees = hn::Not(hn::Eq(l_b, hn::Zero(d)));
    hn::Store(hn::IfThenElse(sees, hn::Set(d, 1.0F), hn::Load(d, state.seen + row)), d,
              state.seen + row);
    hn::Store(m_new, d, state.m + row);
    hn::Store(hn::MulAdd(hn::Load(d, state.l + row), a, hn::Mul(c, l_b)), d, state.l + row);
    hn::Store(a, d, keep + row);
    hn::Store(c, d, take + row);
  }
  const std::int64_t stride = work.call.shape.value_stride;
  for (int row = 0; row < work.chunk.rows.count; ++row) {
    const FloatVector a = hn::Set(d, keep[row]);
    const FloatVector c = hn::Set(d, take[row]);
    const float* const from = block.o + row * stride;
    float* const to = state.o + row * stride;
    for (std::int64_t i = 0; i < work.call.problem.value_size(); i += kVectorRows)
      hn::Store(hn::MulAdd(hn::Load(d, to + i), a, hn::Mul(c, hn::Load(d, from + i))), d, to + i);
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
