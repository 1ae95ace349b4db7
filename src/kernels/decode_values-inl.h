// The second half of a key block for few rows: scores become weights, and O_b = P V with value
// columns in the lanes, V read as it lies.
//
// Weights lie in quads of rows, [quad][128 keys][4]: the value product takes them one by one, and
// the row sums l_b, chains in key order like any column of O_b, advance four rows at a time.
#if defined(FOVEA_KERNELS_DECODE_VALUES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_VALUES_INL_H_
#undef FOVEA_KERNELS_DECODE_VALUES_INL_H_
#else
#define FOVEA_KERNELS_DECODE_VALUES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

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

/// The weights of `count` rows into `quads`, their m_b into `block`. Rows that fill up a quad get
/// weights of 0.
template <HiddenValues kHidden>
inline void weigh_rows(const float* scores, int count, float* HWY_RESTRICT quads,
                       const DecodeState& block) {
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
  float* sums;  // l_b of the quad
};

// NV vectors of columns from `column` on; the last begins `last_offset` after it, so that it may
// overlap the one before: a row is read to its end and no further.
template <typename T, int R, int NV>
HWY_INLINE void quad_tile(const QuadProduct<T>& product, std::int64_t column,
                          std::int64_t last_offset) {
  const FloatTag d;
  const hn::CappedTag<float, kQuad> quad;
  constexpr int kQuadLanes = static_cast<int>(hn::MaxLanes(quad));
  const std::int64_t stride = product.value.stride;
  const std::int64_t ahead = product.value.ahead;
  const T* HWY_RESTRICT value = product.value.data + product.first * stride + column;
  const float* HWY_RESTRICT p = product.weight + product.first * kQuad;
  const float* const end = product.weight + product.last * kQuad;
  Tile<NV, R> sum;
  hn::Vec<decltype(quad)> l[kQuad / kQuadLanes];
  for (int i = 0; i < kQuad / kQuadLanes; ++i) l[i] = hn::Zero(quad);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) sum[r][v] = hn::Zero(d);
  }
  for (; p < end; p += kQuad, value += stride) {
    Vectors<NV> x;
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      const std::int64_t offset = v + 1 < NV ? v * kVectorRows : last_offset;
      __builtin_prefetch(value + offset + ahead, 0, 3);
      x[v] = load_floats(value + offset);
    }
    for (int i = 0; i < kQuad / kQuadLanes; ++i)
      l[i] = hn::Add(l[i], hn::Load(quad, p + i * kQuadLanes));
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const FloatVector w = hn::Set(d, p[r]);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::MulAdd(w, x[v], sum[r][v]);
    }
  }
  for (int i = 0; i < kQuad / kQuadLanes; ++i) hn::Store(l[i], quad, product.sums + i * kQuadLanes);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      const std::int64_t offset = v + 1 < NV ? v * kVectorRows : last_offset;
      hn::StoreU(sum[r][v], d, product.out + r * product.out_stride + column + offset);
    }
  }
}

// All columns, and the sums of weights even without any. `columns` is at least a vector, unless rows are padded to one.
template <typename T, int R>
HWY_NOINLINE void multiply_quad(const QuadProduct<T>& product, std::int64_t columns) {
  const std::int64_t vectors = std::max<std::int64_t>(1, (columns + kVectorRows - 1) / kVectorRows);
  const std::int64_t last = std::max<std::int64_t>(0, columns - kVectorRows);
  for (std::int64_t v = 0; v < vectors;) {
    const std::int64_t column = v * kVectorRows;
    const std::int64_t left = vectors - v;
    const auto last_offset = [&](int count) {
      return std::min<std::int64_t>((count - 1) * kVectorRows, last - column);
    };
    if (left >= 4) {
      quad_tile<T, R, 4>(product, column, last_offset(4));
      v += 4;
    } else if (left >= 2) {
      quad_tile<T, R, 2>(product, column, last_offset(2));
      v += 2;
    } else {
      // Alone, it may itself have to begin earlier.
      quad_tile<T, R, 1>(product, std::min(column, last), 0);
      v += 1;
    }
  }
}

// One quad key by key, hidden keys left out. For values that are not all finite.
template <typename T>
inline void select_quad(const QuadProduct<T>& product, int rows, std::int64_t columns) {
  const FloatTag d;
  for (int r = 0; r < rows; ++r) {
    float* const out = product.out + r * product.out_stride;
    std::fill_n(out, columns, 0.0F);
    product.sums[r] = 0.0F;
    for (std::int64_t j = product.first; j < product.last; ++j) {
      const float p = product.weight[j * kQuad + r];
      if (p == kHiddenWeight) continue;
      product.sums[r] += p;
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
