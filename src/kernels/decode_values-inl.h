// The second half of a key block for few rows: scores become weights, and O_b = P V with value
// columns in the lanes, V read as it lies.
//
// Weights lie in quads of rows, [quad][128 keys][4]: the value product takes them one by one, and
// the row sums l_b advance four rows and eight stretches of the block at a time.
#if defined(FOVEA_KERNELS_DECODE_VALUES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_VALUES_INL_H_
#undef FOVEA_KERNELS_DECODE_VALUES_INL_H_
#else
#define FOVEA_KERNELS_DECODE_VALUES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "fovea/core/dtype.h"
#include "kernels/decode.h"
#include "kernels/elements.h"
#include "kernels/exp2-inl.h"
#include "kernels/key_block-inl.h"
#include "kernels/load_floats-inl.h"
#include "kernels/register_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

inline constexpr int kQuad = 4;

// The largest of a row of scores.
HWY_INLINE float max_of_row(const float* HWY_RESTRICT scores) {
  const FloatTag d;
  FloatVector largest = hn::Load(d, scores);
  for (int j = kVectorRows; j < kBlockKeys; j += kVectorRows)
    largest = hn::Max(largest, hn::Load(d, scores + j));
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// What a row's scores become: exp2(s - m_b).
struct Weighing {
  const float* scores;
  float base;

  HWY_INLINE FloatVector at(int j) const {
    const FloatTag d;
    return exp2(d, hn::Sub(hn::Load(d, scores + j), hn::Set(d, base)));
  }
  // As above, but a hidden key's weight is kHiddenWeight.
  HWY_INLINE FloatVector marked_at(int j) const {
    const FloatTag d;
    const auto hidden = hn::Eq(hn::Load(d, scores + j), hn::Set(d, -kFloatInfinity));
    return hn::IfThenElse(hidden, hn::Set(d, kHiddenWeight), at(j));
  }
};

// How the values of hidden keys are kept out of the sums.
enum class HiddenValues {
  finite,   // as if all were finite: weight 0 does it
  checked,  // key by key
};

/// Memory to fetch into the cache, a few lines at a time.
struct Ahead {
  const std::byte* from = nullptr;
  int lines = 0;  // at a time

  HWY_INLINE void fetch() {
    for (int i = 0; i < lines; ++i) __builtin_prefetch(from + 64 * i, 0, kFetchInto);
    from += 64 * lines;
  }
};

// l_b of a quad: the sums of its stretches, each a chain, added in order.
template <HiddenValues kHidden>
inline void sum_quad(const float* HWY_RESTRICT weights, float* HWY_RESTRICT sums) {
  constexpr int kStretches = kBlockKeys / kSumKeys;
  const hn::CappedTag<float, kQuad> d;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(d));
  for (int lane = 0; lane < kQuad; lane += kLanes) {
    hn::Vec<decltype(d)> sum[kStretches];
#pragma GCC unroll 8
    for (int q = 0; q < kStretches; ++q) sum[q] = hn::Zero(d);
    for (int j = 0; j < kSumKeys; ++j) {
#pragma GCC unroll 8
      for (int q = 0; q < kStretches; ++q) {
        auto p = hn::Load(d, weights + (q * kSumKeys + j) * kQuad + lane);
        if constexpr (kHidden == HiddenValues::checked)
          p = hn::IfThenZeroElse(hn::Eq(p, hn::Set(d, kHiddenWeight)), p);
        sum[q] = hn::Add(sum[q], p);
      }
    }
#pragma GCC unroll 8
    for (int q = 1; q < kStretches; ++q) sum[0] = hn::Add(sum[0], sum[q]);
    hn::Store(sum[0], d, sums + lane);
  }
}

/// The weights of `count` rows into `quads`, their m_b and l_b into `block`. Rows that fill up a
/// quad get weights of 0.
template <HiddenValues kHidden>
inline void weigh_rows(const float* scores, int count, float* HWY_RESTRICT quads,
                       const DecodeState& block, Ahead ahead) {
  const FloatTag d;
  for (int row = 0; row < count; row += kQuad) {
    Weighing weighing[kQuad];
    for (int r = 0; r < kQuad; ++r) {
      const int at = row + r;
      weighing[r].scores = scores + std::min(at, count - 1) * kBlockKeys;
      const float m = max_of_row(weighing[r].scores);
      // -inf would make NaN of -inf - -inf.
      weighing[r].base = m == -kFloatInfinity ? 0.0F : m;
      block.m[at] = m;
    }
    for (int j = 0; j < kBlockKeys; j += kVectorRows) {
      ahead.fetch();
      FloatVector p[kQuad];
      for (int r = 0; r < kQuad; ++r) {
        if (row + r >= count) {
          p[r] = hn::Zero(d);
        } else if constexpr (kHidden == HiddenValues::checked) {
          p[r] = weighing[r].marked_at(j);
        } else {
          p[r] = weighing[r].at(j);
        }
      }
      hn::StoreInterleaved4(p[0], p[1], p[2], p[3], d, quads + j * kQuad);
    }
    sum_quad<kHidden>(quads, block.l + row);
    quads += kQuad * kBlockKeys;
  }
}

/// One quad's product with the values of keys [first, last).
template <typename T>
struct QuadProduct {
  PlainTokens<T> value;
  const float* weight;  // [128][4]
  std::int64_t first;
  std::int64_t last;
  float* out;  // O_b of the quad's first row
  std::int64_t out_stride;
  int lines = 0;       // cache lines to fetch ahead for each key
  bool starts = true;  // the chains start with `first`
};

// Columns of values that are loaded together. bf16 comes in pairs: even columns are a shift, odd
// ones a mask, without the shuffle that each vector of its own would take.
template <typename T>
inline constexpr int kUnitVectors = HWY_TARGET != HWY_SCALAR&& std::is_same_v<T, BFloat16> ? 2 : 1;
template <typename T>
inline constexpr int kUnitColumns = kUnitVectors<T>* kVectorRows;

template <typename T>
HWY_INLINE void load_unit(const T* HWY_RESTRICT from, FloatVector* HWY_RESTRICT x) {
  if constexpr (kUnitVectors<T> == 1) {
    x[0] = load_floats(from);
  } else {
    load_pairs(from, x[0], x[1]);
  }
}

// The chains of R rows and a unit's columns in memory.
template <typename T>
HWY_INLINE void load_sums(const float* from, FloatVector* HWY_RESTRICT sum) {
  const FloatTag d;
  if constexpr (kUnitVectors<T> == 1) {
    sum[0] = hn::LoadU(d, from);
  } else {
    hn::LoadInterleaved2(d, from, sum[0], sum[1]);
  }
}
template <typename T>
HWY_INLINE void store_sums(const FloatVector* HWY_RESTRICT sum, float* to) {
  const FloatTag d;
  if constexpr (kUnitVectors<T> == 1) {
    hn::StoreU(sum[0], d, to);
  } else {
    hn::StoreInterleaved2(sum[0], sum[1], d, to);
  }
}

// NU units of columns from `column` on; the last begins `last_offset` after it, so that it may
// overlap the one before: a row is read to its end and no further. Chains go on from `out`, or
// start from 0 with the block's first key.
template <typename T, int R, int NU>
HWY_INLINE void quad_tile(const QuadProduct<T>& product, std::int64_t column,
                          std::int64_t last_offset) {
  constexpr int kPer = kUnitVectors<T>;
  const FloatTag d;
  const std::int64_t stride = product.value.stride;
  const T* HWY_RESTRICT value = product.value.data + product.first * stride + column;
  const T* HWY_RESTRICT ahead = product.value.data + product.first * stride + product.value.ahead;
  const int lines = column == 0 ? product.lines : 0;
  const float* HWY_RESTRICT p = product.weight + product.first * kQuad;
  const float* const end = product.weight + product.last * kQuad;
  Tile<NU * kPer, R> sum;
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int u = 0; u < NU; ++u) {
      const std::int64_t offset = u + 1 < NU ? u * kUnitColumns<T> : last_offset;
      load_sums<T>(product.out + r * product.out_stride + column + offset, sum[r] + u * kPer);
    }
  }
  if (product.starts) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < NU * kPer; ++v) sum[r][v] = hn::Zero(d);
    }
  }
  for (; p < end; p += kQuad, value += stride, ahead += stride) {
    for (int i = 0; i < lines; ++i)
      __builtin_prefetch(reinterpret_cast<const std::byte*>(ahead) + 64 * i, 0, kFetchInto);
    Vectors<NU * kPer> x;
#pragma GCC unroll 4
    for (int u = 0; u < NU; ++u)
      load_unit(value + (u + 1 < NU ? u * kUnitColumns<T> : last_offset), x + u * kPer);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const FloatVector w = hn::Set(d, p[r]);
#pragma GCC unroll 4
      for (int v = 0; v < NU * kPer; ++v) sum[r][v] = hn::MulAdd(w, x[v], sum[r][v]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int u = 0; u < NU; ++u) {
      const std::int64_t offset = u + 1 < NU ? u * kUnitColumns<T> : last_offset;
      store_sums<T>(sum[r] + u * kPer, product.out + r * product.out_stride + column + offset);
    }
  }
}

// All columns of some keys.
template <typename T, int R>
HWY_INLINE void multiply_keys(const QuadProduct<T>& product, std::int64_t columns) {
  constexpr int kMost = 4 / kUnitVectors<T>;
  constexpr std::int64_t kUnit = kUnitColumns<T>;
  const std::int64_t units = (columns + kUnit - 1) / kUnit;
  const std::int64_t last = std::max<std::int64_t>(0, columns - kUnit);
  for (std::int64_t u = 0; u < units;) {
    const std::int64_t column = u * kUnit;
    const std::int64_t left = units - u;
    const auto last_offset = [&](int count) {
      return std::min((count - 1) * kUnit, last - column);
    };
    if (left >= kMost) {
      quad_tile<T, R, kMost>(product, column, last_offset(kMost));
      u += kMost;
    } else if (kMost > 2 && left >= 2) {
      quad_tile<T, R, 2>(product, column, last_offset(2));
      u += 2;
    } else {
      // Alone, it may itself have to begin earlier.
      quad_tile<T, R, 1>(product, std::min(column, last), 0);
      u += 1;
    }
  }
}

// O_b of a quad. Rows too wide for one tile of columns are taken 8 KB of keys at a time,
// which stay in L1 until all columns have been; but whole units only, as an overlap would be added
// twice.
template <typename T, int R>
HWY_NOINLINE void multiply_quad(QuadProduct<T> product, std::int64_t columns) {
  constexpr std::int64_t kBytes = 8192;
  const std::int64_t last = product.last;
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, columns * static_cast<std::int64_t>(sizeof(T)));
  const bool at_once = columns <= 4 * kVectorRows || columns % kUnitColumns<T> != 0;
  const std::int64_t step = at_once ? kBlockKeys : std::max<std::int64_t>(8, kBytes / row_bytes);
  product.lines = product.value.ahead == 0 ? 0 : static_cast<int>((row_bytes + 63) / 64);
  for (product.starts = true; product.first < last; product.first = product.last) {
    product.last = std::min(last, product.first + step);
    multiply_keys<T, R>(product, columns);
    product.starts = false;
  }
}

// One quad key by key, hidden keys left out. For values that are not all finite.
template <typename T>
inline void select_quad(const QuadProduct<T>& product, int rows, std::int64_t columns) {
  const FloatTag d;
  for (int r = 0; r < rows; ++r) {
    float* const out = product.out + r * product.out_stride;
    std::fill_n(out, columns, 0.0F);
    for (std::int64_t j = product.first; j < product.last; ++j) {
      const float p = product.weight[j * kQuad + r];
      if (p == kHiddenWeight) continue;
      const T* const value = product.value.data + j * product.value.stride;
      for (std::int64_t c = 0; c < columns; ++c) {
        const FloatVector x = hn::Set(d, as_float(value[c]));
        out[c] = hn::GetLane(hn::MulAdd(hn::Set(d, p), x, hn::Set(d, out[c])));
      }
    }
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
