// S = Q Kᵀ with keys in the lanes, for few rows: one load of K serves them all.
//
// K lies key by key, so 16 keys (a vector's lanes) are turned in registers: rows i and i + 4 are
// loaded as halves of one vector, four such vectors become columns by two rounds of interleaving.
// Every score is one FMA chain over the head dimension in order. Packed keys need no turning.
#if defined(FOVEA_KERNELS_DECODE_SCORES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_SCORES_INL_H_
#undef FOVEA_KERNELS_DECODE_SCORES_INL_H_
#else
#define FOVEA_KERNELS_DECODE_SCORES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "fovea/core/dtype.h"
#include "kernels/elements.h"
#include "kernels/load_floats-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/register_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// Columns of K that are turned at a time: half a vector of 512 bits, so that the columns and the
// sums of 8 rows stay in registers. Of bf16 it is as many pairs of columns.
#if HWY_TARGET <= HWY_AVX3
inline constexpr int kTurned = 8;
#elif HWY_TARGET != HWY_SCALAR
inline constexpr int kTurned = 4;
#else
inline constexpr int kTurned = 1;
#endif
template <typename T>
inline constexpr int kTurnedColumns = (HWY_TARGET != HWY_SCALAR) && std::is_same_v<T, BFloat16>
                                          ? 2 * kTurned
                                          : kTurned;

/// Vectors of keys that are scored at a time: two keep 8 chains of 4 rows going.
template <int R>
inline constexpr int kKeyVectors = R <= 4 ? 2 : 1;

/// R queries times the factor, and their scores with one key block.
struct DecodeScores {
  const float* query;  // [head_size][R]
  std::int64_t head_size;
  float* score;  // [rows][128]

  DecodeScores from(int row) const {
    return {query + row * head_size, head_size, score + row * kBlockKeys};
  }
};

#if HWY_TARGET != HWY_SCALAR
// The first kTurned columns (or pairs) of one key, or of two where a vector has room for them.
template <typename T>
HWY_INLINE FloatVector load_keys(const T* HWY_RESTRICT low, [[maybe_unused]] const T* high) {
#if HWY_TARGET > HWY_AVX2
  if constexpr (std::is_same_v<T, Float16>) return load_floats(low);
#endif
  const FloatTag tag;
  using Bits = std::conditional_t<std::is_same_v<T, float>, float, std::uint16_t>;
  // bf16 is loaded in pairs, f16 one by one and made f32.
  using Whole =
      std::conditional_t<std::is_same_v<T, BFloat16>, hn::Repartition<std::uint16_t, FloatTag>,
                         hn::Rebind<Bits, FloatTag>>;
  const Whole whole;
  const auto at = [](const T* p) { return reinterpret_cast<const Bits*>(p); };
#if HWY_TARGET <= HWY_AVX2
  const hn::Half<Whole> half;
  const auto bits = hn::Combine(whole, hn::LoadU(half, at(high)), hn::LoadU(half, at(low)));
#else
  const auto bits = hn::LoadU(whole, at(low));
#endif
  if constexpr (std::is_same_v<T, Float16>) {
    return hn::PromoteTo(tag, hn::BitCast(hn::Rebind<hwy::float16_t, FloatTag>(), bits));
  } else {
    return hn::BitCast(tag, bits);
  }
}
#endif

// `p` as a value that the compiler knows nothing of: or it keeps an address a key, far more than
// there are registers, where base, stride and a multiple of it are enough.
template <typename T>
HWY_INLINE const T* as_base(const T* p) {
#if defined(__GNUC__)
  asm("" : "+r"(p));
#endif
  return p;
}

// Fetches a line of each of `kKeys` keys.
template <typename T, int kKeys>
HWY_INLINE void prefetch_keys(const T* key, std::int64_t stride) {
  for (int i = 0; i < kKeys; ++i) {
    __builtin_prefetch(key, 0, kFetchInto);
    key = as_base(key + stride);
  }
}

// t[i] = column (or pair) i of a vector's lanes of keys.
template <typename T>
HWY_INLINE void turn_keys(const T* key, std::int64_t stride, Vectors<kTurned>& t) {
#if HWY_TARGET == HWY_SCALAR
  static_cast<void>(stride);
  t[0] = hn::Set(FloatTag(), as_float(*key));
#elif HWY_TARGET <= HWY_AVX3
  const T* high = as_base(key + 4 * stride);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) t[i] = load_keys(key + i * stride, high + i * stride);
  transpose_quads(t);
  key = as_base(high + 4 * stride);
  high = as_base(key + 4 * stride);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) t[i + 4] = load_keys(key + i * stride, high + i * stride);
  transpose_quads(t + 4);
  // Blocks 0 and 2 of vectors i and i + 4 are column i, blocks 1 and 3 are column i + 4.
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512 low = t[i].raw;
    const __m512 high = t[i + 4].raw;
    t[i] = FloatVector{_mm512_shuffle_f32x4(low, high, _MM_SHUFFLE(2, 0, 2, 0))};
    t[i + 4] = FloatVector{_mm512_shuffle_f32x4(low, high, _MM_SHUFFLE(3, 1, 3, 1))};
  }
#else
  const T* const high = as_base(key + 4 * stride);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) t[i] = load_keys(key + i * stride, high + i * stride);
  transpose_quads(t);
#endif
}

// Adds one column of each of G vectors of keys to the chains of R rows; `query` has the rows side
// by side.
template <int R, int G>
HWY_INLINE void add_column(const Vectors<G>& key, const float* HWY_RESTRICT query,
                           Tile<R, G>& sum) {
  const FloatTag tag;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const FloatVector q = hn::Set(tag, query[r]);
#pragma GCC unroll 2
    for (int g = 0; g < G; ++g) sum[g][r] = hn::MulAdd(key[g], q, sum[g][r]);
  }
}

// Adds the columns that turn_keys gives.
template <typename T, int R, int G>
HWY_INLINE void add_turned(const T* key, std::int64_t stride, const float* HWY_RESTRICT query,
                           Tile<R, G>& sum) {
  FloatVector t[2][static_cast<std::size_t>(kTurned)];
#pragma GCC unroll 2
  for (int g = 0; g < G; ++g) {
    turn_keys(key, stride, t[g]);
    key = as_base(key + kVectorRows * stride);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kTurned; ++i) {
    Vectors<G> column;
    if constexpr (kTurnedColumns<T> == kTurned) {
#pragma GCC unroll 2
      for (int g = 0; g < G; ++g) column[g] = t[g][i];
      add_column<R, G>(column, query + i * R, sum);
    } else {
      Vectors<G> odd;
#pragma GCC unroll 2
      for (int g = 0; g < G; ++g) split_pairs(t[g][i], column[g], odd[g]);
      add_column<R, G>(column, query + 2 * i * R, sum);
      add_column<R, G>(odd, query + (2 * i + 1) * R, sum);
    }
  }
}

// Scores of R rows with kKeyVectors<R> vectors of keys, of which the first is `first`.
template <typename T, int R>
HWY_INLINE void score_keys(const PlainTokens<T>& keys, const DecodeScores& scores,
                           std::int64_t first) {
  constexpr int G = kKeyVectors<R>;
  constexpr std::int64_t kLine = std::max<std::int64_t>(1, 64 / sizeof(T) / kTurnedColumns<T>);
  const FloatTag tag;
  const std::int64_t stride = keys.stride;
  const float* HWY_RESTRICT query = scores.query;
  const T* HWY_RESTRICT key = keys.data + first * stride;
  Tile<R, G> sum;
#pragma GCC unroll 2
  for (int g = 0; g < G; ++g) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[g][r] = hn::Zero(tag);
  }
  const T* from = key;
  const T* linear = key + keys.ahead;
  const std::int64_t turns = scores.head_size / kTurnedColumns<T>;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    from = as_base(from);
    if (turn % kLine == 0) {
      if (stride == scores.head_size) {
#pragma GCC unroll 32
        for (int i = 0; i < G * kVectorRows; ++i)
          __builtin_prefetch(reinterpret_cast<const char*>(linear) + 64 * i, 0, kFetchInto);
        linear += G * kVectorRows * 64 / sizeof(T);
      } else {
        prefetch_keys<T, G * kVectorRows>(from + keys.ahead, stride);
      }
    }
    add_turned<T, R, G>(from, stride, query, sum);
    from += kTurnedColumns<T>;
    query += kTurnedColumns<T> * R;
  }
  for (std::int64_t c = turns * kTurnedColumns<T>; c < scores.head_size; ++c, query += R) {
    Vectors<G> column;
    for (int g = 0; g < G; ++g) {
      HWY_ALIGN float floats[kVectorRows];
      for (int i = 0; i < kVectorRows; ++i)
        floats[i] = as_float(key[(g * kVectorRows + i) * stride + c]);
      column[g] = hn::Load(tag, floats);
    }
    add_column<R, G>(column, query, sum);
  }
#pragma GCC unroll 2
  for (int g = 0; g < G; ++g) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      hn::Store(sum[g][r], tag, scores.score + r * kBlockKeys + first + g * kVectorRows);
  }
}

// Scores with keys [first, last) of R rows; may compute more, up to a multiple of 32 keys.
template <typename T, int R>
HWY_NOINLINE void score_rows(const PlainTokens<T>& keys, const DecodeScores& scores,
                             std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kStep = kKeyVectors<R> * kVectorRows;
  for (std::int64_t j = first / kStep * kStep; j < last; j += kStep)
    score_keys<T, R>(keys, scores, j);
}

/// Keys of one packed block, [head_size][128].
template <typename T>
struct PackedBlock {
  const T* data;
  std::int64_t ahead;
};

// Scores of R rows with the KV vectors of keys from `first` on.
template <typename T, int R, int KV>
HWY_INLINE void score_packed_keys(const PackedBlock<T>& keys, const DecodeScores& scores,
                                  std::int64_t first) {
  // bf16 by pairs of keys, where there is a pair of vectors for them.
  constexpr int kPer = HWY_TARGET != HWY_SCALAR && std::is_same_v<T, BFloat16> && KV > 1 ? 2 : 1;
  const FloatTag tag;
  const std::int64_t size = scores.head_size;
  const T* HWY_RESTRICT key = keys.data + first;
  Tile<KV, R> sum;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < KV; ++v) sum[r][v] = hn::Zero(tag);
  }
  for (std::int64_t c = 0; c < size; ++c, key += kBlockKeys) {
    Vectors<KV> k;
#pragma GCC unroll 4
    for (int v = 0; v < KV; v += kPer) {
      __builtin_prefetch(key + v * kVectorRows + keys.ahead, 0, kFetchInto);
      if constexpr (kPer == 1) {
        k[v] = load_floats(key + v * kVectorRows);
      } else {
        load_pairs(key + v * kVectorRows, k[v], k[v + 1]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const FloatVector q = hn::Set(tag, scores.query[c * R + r]);
#pragma GCC unroll 4
      for (int v = 0; v < KV; ++v) sum[r][v] = hn::MulAdd(k[v], q, sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < KV; v += kPer) {
      float* const to = scores.score + r * kBlockKeys + first + v * kVectorRows;
      if constexpr (kPer == 1) {
        hn::Store(sum[r][v], tag, to);
      } else {
        hn::StoreInterleaved2(sum[r][v], sum[r][v + 1], tag, to);
      }
    }
  }
}

// Scores with keys [first, last) of R rows; may compute more, up to a multiple of 64 keys.
template <typename T, int R>
HWY_NOINLINE void score_packed_rows(const PackedBlock<T>& keys, const DecodeScores& scores,
                                    std::int64_t first, std::int64_t last) {
  constexpr int kSums = HWY_TARGET <= HWY_AVX3 ? 16 : 8;
  constexpr int kVectorsOfKeys = std::clamp(kSums / R, 1, 4);
  constexpr std::int64_t kStep = kVectorsOfKeys * kVectorRows;
  for (std::int64_t j = first / kStep * kStep; j < last; j += kStep)
    score_packed_keys<T, R, kVectorsOfKeys>(keys, scores, j);
}

/// Calls run.template rows<R>(first) until `count` rows are covered, R in 1, 2, 4, 8: rows are
/// padded to a multiple of R.
template <typename Run>
HWY_INLINE void for_score_rows(int count, const Run& run) {
  for (int row = 0; row < count; row += 8) {
    switch (std::min(count - row, 8)) {
      case 1:
        run.template rows<1>(row);
        break;
      case 2:
        run.template rows<2>(row);
        break;
      case 3:
      case 4:
        run.template rows<4>(row);
        break;
      default:
        run.template rows<8>(row);
        break;
    }
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
