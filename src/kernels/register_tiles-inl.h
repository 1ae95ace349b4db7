// The two products of attention on register tiles: keys (or value columns) down, query rows across
// the lanes.
//
//   Sᵀ[key][row]     = Σ_d  K[key][d] · Qᵀ[d][row]       score_tile: R keys    x NV vectors of rows
//   Oᵀ[column][row] += Σ_j  V[j][column] · Pᵀ[j][row]    value_tile: R columns x NV vectors of rows
//
// K and V are read where they lie, an element broadcast at a time; Qᵀ and Pᵀ have rows of 64. Every
// sum is one chain of FMAs in order, so neither the tile's size nor the vector's shows in the bits.

#if defined(FOVEA_KERNELS_REGISTER_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_REGISTER_TILES_INL_H_
#undef FOVEA_KERNELS_REGISTER_TILES_INL_H_
#else
#define FOVEA_KERNELS_REGISTER_TILES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "kernels/row_block.h"
#include "kernels/rows_ahead.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;
template <int N>
using Vectors = FloatVector[static_cast<std::size_t>(N)];
template <int NV, int R>
using Tile = FloatVector[static_cast<std::size_t>(R)][static_cast<std::size_t>(NV)];

inline constexpr int kVectorRows = static_cast<int>(hn::MaxLanes(FloatTag()));

// Register blocks. 32 registers hold 6 x 4 sums, 4 vectors of rows and a broadcast; 16 hold 6 x 2,
// 2 and 1. With fewer vectors of rows (short tails) more keys or columns keep at least 8 chains
// going, as 2 FMAs a cycle of 4 cycles' latency need. Keys stop at 8: each needs a pointer, columns
// need only an offset.
#if HWY_TARGET <= HWY_AVX3
inline constexpr int kVectors = 4;
template <int NV>
inline constexpr int kTileKeys = NV == 4 ? 6 : 8;
template <int NV>
inline constexpr int kTileColumns = NV == 4   ? 6
                                    : NV == 3 ? 8
                                    : NV == 2 ? 12
                                              : 16;
#else
inline constexpr int kVectors = 2;
template <int NV>
inline constexpr int kTileKeys = 6;
template <int NV>
inline constexpr int kTileColumns = 6;
#endif

// K rows side by side with rows of Qᵀ, and where S goes; each vector at the first row of a pass.
struct ScoreProduct {
  const float* key;
  std::int64_t key_stride;
  std::int64_t depth;  // head size
  const float* query;  // [depth][64]
  float* score;        // [keys][64]
  float* row_max;      // [64]: raised to the largest score
};

// Scores of keys [first, first + R).
template <int NV, int R>
HWY_INLINE void score_tile(const ScoreProduct& product, std::int64_t first) {
  const FloatTag tag;
  const std::int64_t stride = product.key_stride;
  const std::int64_t depth = product.depth;
  const float* HWY_RESTRICT key = product.key + first * stride;
  const float* HWY_RESTRICT query = product.query;
  float* HWY_RESTRICT score = product.score + first * kRows;
  Tile<NV, R> sum;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) sum[r][v] = hn::Zero(tag);
  }
#pragma GCC unroll 4
  for (std::int64_t d = 0; d < depth; ++d) {
    Vectors<NV> q;
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) q[v] = hn::Load(tag, query + d * kRows + v * kVectorRows);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const FloatVector k = hn::Set(tag, key[r * stride + d]);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::MulAdd(k, q[v], sum[r][v]);
    }
  }
  Vectors<NV> largest;
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) largest[v] = hn::Load(tag, product.row_max + v * kVectorRows);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      hn::Store(sum[r][v], tag, score + r * kRows + v * kVectorRows);
      largest[v] = hn::Max(largest[v], sum[r][v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) hn::Store(largest[v], tag, product.row_max + v * kVectorRows);
}

// V rows and rows of Pᵀ, and where their product goes: into Oᵀ by the fold O a + c O_b, or, where a
// block's keys cannot come all at once, into the sums O_b so far.
struct ValueProduct {
  const float* value;
  std::int64_t value_stride;
  std::int64_t keys[kVectors];  // of each vector of rows, rising: of a vector that ends early the
                                // others go on
  const float* weight;          // [keys][64]
  float* out;                   // Oᵀ: [columns][64]
  float* partial;               // O_b: [columns][64], null where all keys are here
  bool first;                   // nothing is in O yet: with m' = m_b and c = 1 it becomes O_b
  const float* keep;            // [64]: a = exp2(m - m')
  const float* take;            // [64]: c = exp2(m_b - m')
};

// Adds keys [first, last) to the vectors from `kFirst` on.
template <int NV, int R, int kFirst>
HWY_INLINE void add_values(const float* HWY_RESTRICT value, const ValueProduct& product,
                           std::int64_t first, Tile<NV, R>& sum) {
  const FloatTag tag;
  const std::int64_t stride = product.value_stride;
  const float* HWY_RESTRICT weight = product.weight;
  const std::int64_t last = product.keys[kFirst];
#pragma GCC unroll 4
  for (std::int64_t j = first; j < last; ++j) {
    Vectors<NV> p;
#pragma GCC unroll 4
    for (int v = kFirst; v < NV; ++v) p[v] = hn::Load(tag, weight + j * kRows + v * kVectorRows);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const FloatVector x = hn::Set(tag, value[j * stride + r]);
#pragma GCC unroll 4
      for (int v = kFirst; v < NV; ++v) sum[r][v] = hn::MulAdd(x, p[v], sum[r][v]);
    }
  }
}

// Columns [first, first + R).
template <int NV, int R>
HWY_INLINE void value_tile(const ValueProduct& product, std::int64_t first) {
  const FloatTag tag;
  const float* HWY_RESTRICT value = product.value + first;
  float* const out = (product.partial == nullptr ? product.out : product.partial) + first * kRows;
  Tile<NV, R> sum;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) sum[r][v] = hn::Zero(tag);
  }
  if (product.partial != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::Load(tag, out + r * kRows + v * kVectorRows);
    }
  }
  add_values<NV, R, 0>(value, product, 0, sum);
  if (product.keys[NV - 1] > product.keys[0]) {
    if constexpr (NV > 1) add_values<NV, R, 1>(value, product, product.keys[0], sum);
    if constexpr (NV > 2) add_values<NV, R, 2>(value, product, product.keys[1], sum);
    if constexpr (NV > 3) add_values<NV, R, 3>(value, product, product.keys[2], sum);
  }
  if (product.partial == nullptr && !product.first) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      const FloatVector keep = hn::Load(tag, product.keep + v * kVectorRows);
      const FloatVector take = hn::Load(tag, product.take + v * kVectorRows);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const FloatVector before = hn::Load(tag, out + r * kRows + v * kVectorRows);
        sum[r][v] = hn::MulAdd(before, keep, hn::Mul(take, sum[r][v]));
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) hn::Store(sum[r][v], tag, out + r * kRows + v * kVectorRows);
  }
}

// Covers [0, n) with tiles of R and, so that nothing is left over where that can be, of R - 1; else
// of 4, 2 and 1. Calls run.template tile<R>(first).
template <int R, typename Run>
HWY_INLINE void for_tiles(std::int64_t n, const Run& run) {
  const std::int64_t tiles = (n + R - 1) / R;
  const bool exact = n >= (R - 1) * tiles;
  const std::int64_t large = exact ? n - (R - 1) * tiles : n / R;
  const std::int64_t small = exact ? tiles - large : 0;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < large; ++i, at += R) run.template tile<R>(at);
  for (std::int64_t i = 0; i < small; ++i, at += R - 1) run.template tile<R - 1>(at);
  for (; at + 4 <= n; at += 4) run.template tile<4>(at);
  for (; at + 2 <= n; at += 2) run.template tile<2>(at);
  for (; at < n; ++at) run.template tile<1>(at);
}

template <int NV>
struct ScoreTiles {
  const ScoreProduct& product;
  RowsAhead& ahead;
  template <int R>
  HWY_INLINE void tile(std::int64_t first) const {
    score_tile<NV, R>(product, first);
    ahead.fetch();
  }
};

template <int NV>
HWY_NOINLINE void multiply_scores(const ScoreProduct& product, std::int64_t keys,
                                  RowsAhead& ahead) {
  for_tiles<kTileKeys<NV>>(keys, ScoreTiles<NV>{product, ahead});
}

template <int NV>
struct ValueTiles {
  const ValueProduct& product;
  RowsAhead& ahead;
  template <int R>
  HWY_INLINE void tile(std::int64_t first) const {
    value_tile<NV, R>(product, first);
    ahead.fetch();
  }
};

template <int NV>
HWY_NOINLINE void multiply_values(const ValueProduct& product, std::int64_t columns,
                                  RowsAhead& ahead) {
  for_tiles<kTileColumns<NV>>(columns, ValueTiles<NV>{product, ahead});
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
