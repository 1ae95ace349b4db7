// Rows of a tensor in and out of the lanes: 16 rows x 4 columns at a time, transposed in registers;
// and key and value rows of any type and stride made plain f32.

#if defined(FOVEA_KERNELS_PACK_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_PACK_ROWS_INL_H_
#undef FOVEA_KERNELS_PACK_ROWS_INL_H_
#else
#define FOVEA_KERNELS_PACK_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "fovea/core/dtype.h"
#include "kernels/elements.h"
#include "kernels/finish-inl.h"
#include "kernels/register_tiles-inl.h"
#include "kernels/row_block.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
// Transposes each 4 x 4 block of floats of four vectors.
HWY_INLINE void transpose_quads(FloatVector* HWY_RESTRICT t) {
  const FloatTag tag;
  const hn::Repartition<double, FloatTag> wide;
  const auto a = hn::BitCast(wide, hn::InterleaveLower(tag, t[0], t[1]));
  const auto b = hn::BitCast(wide, hn::InterleaveUpper(tag, t[0], t[1]));
  const auto c = hn::BitCast(wide, hn::InterleaveLower(tag, t[2], t[3]));
  const auto d = hn::BitCast(wide, hn::InterleaveUpper(tag, t[2], t[3]));
  t[0] = hn::BitCast(tag, hn::InterleaveLower(wide, a, c));
  t[1] = hn::BitCast(tag, hn::InterleaveUpper(wide, a, c));
  t[2] = hn::BitCast(tag, hn::InterleaveLower(wide, b, d));
  t[3] = hn::BitCast(tag, hn::InterleaveUpper(wide, b, d));
}
#endif

// Transposes as many vectors as a vector has lanes.
HWY_INLINE void transpose(Vectors<kVectorRows>& t) {
#if HWY_TARGET == HWY_SCALAR
  static_cast<void>(t);
#else
  const FloatTag tag;
#pragma GCC unroll 4
  for (int i = 0; i < kVectorRows; i += 4) transpose_quads(t + i);
    // Now vector 4g + k has in its block b the rows 4g to 4g + 3 of column 4b + k: blocks change
    // places with vectors.
#if HWY_TARGET <= HWY_AVX3
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const FloatVector lower_even = hn::ConcatLowerLower(tag, t[8 + k], t[k]);
    const FloatVector upper_even = hn::ConcatUpperUpper(tag, t[8 + k], t[k]);
    const FloatVector lower_odd = hn::ConcatLowerLower(tag, t[12 + k], t[4 + k]);
    const FloatVector upper_odd = hn::ConcatUpperUpper(tag, t[12 + k], t[4 + k]);
    t[k] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(lower_odd), lower_even);
    t[4 + k] = hn::OddEvenBlocks(lower_odd, hn::SwapAdjacentBlocks(lower_even));
    t[8 + k] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(upper_odd), upper_even);
    t[12 + k] = hn::OddEvenBlocks(upper_odd, hn::SwapAdjacentBlocks(upper_even));
  }
#elif HWY_TARGET <= HWY_AVX2
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const FloatVector even = t[k];
    t[k] = hn::ConcatLowerLower(tag, t[4 + k], even);
    t[4 + k] = hn::ConcatUpperUpper(tag, t[4 + k], even);
  }
#endif
#endif
}

// columns[c][lane] = factor · rows[lane][c] for 16 lanes; `columns` has rows of 64. Returns whether
// all are finite.
inline bool pack_step(const float* const* rows, std::int64_t count, float factor,
                      float* HWY_RESTRICT columns) {
  const FloatTag tag;
  const FloatVector f = hn::Set(tag, factor);
  // Become NaN with the first product that is not finite; four, so that none waits for the last.
  Vectors<4> zero = {hn::Zero(tag), hn::Zero(tag), hn::Zero(tag), hn::Zero(tag)};
  for (int lane = 0; lane < kRowStep; lane += kVectorRows) {
    std::int64_t c = 0;
    for (; c + kVectorRows <= count; c += kVectorRows) {
      Vectors<kVectorRows> t;
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) {
        t[i] = hn::Mul(hn::LoadU(tag, rows[lane + i] + c), f);
        zero[i % 4] = hn::MulAdd(t[i], hn::Zero(tag), zero[i % 4]);
      }
      transpose(t);
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) hn::Store(t[i], tag, columns + (c + i) * kRows + lane);
    }
    for (; c < count; ++c) {
      HWY_ALIGN float column[kVectorRows];
      for (int i = 0; i < kVectorRows; ++i) column[i] = rows[lane + i][c];
      const FloatVector product = hn::Mul(hn::Load(tag, column), f);
      zero[0] = hn::MulAdd(product, hn::Zero(tag), zero[0]);
      hn::Store(product, tag, columns + c * kRows + lane);
    }
  }
  const FloatVector all = hn::Add(hn::Add(zero[0], zero[1]), hn::Add(zero[2], zero[3]));
  return hn::AllTrue(tag, hn::Eq(all, hn::Zero(tag)));
}

// rows[lane][c] = columns[c][lane] / l[lane] as normalize has it, for 16 lanes. Returns whether
// some result is NaN whose sum l is not.
inline bool unpack_step(const float* HWY_RESTRICT columns, const float* l, std::int64_t count,
                        float* const* rows) {
  const FloatTag tag;
  bool found = false;
  for (int lane = 0; lane < kRowStep; lane += kVectorRows) {
    auto nan = hn::FirstN(tag, 0);
    const FloatVector sum = hn::Load(tag, l + lane);
    const auto usable = hn::Not(hn::IsNaN(sum));
    std::int64_t c = 0;
    for (; c + kVectorRows <= count; c += kVectorRows) {
      Vectors<kVectorRows> t;
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) {
        t[i] = normalize(sum, hn::Load(tag, columns + (c + i) * kRows + lane));
        nan = hn::Or(nan, hn::IsNaN(t[i]));
      }
      transpose(t);
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) hn::StoreU(t[i], tag, rows[lane + i] + c);
    }
    for (; c < count; ++c) {
      HWY_ALIGN float column[kVectorRows];
      const FloatVector t = normalize(sum, hn::Load(tag, columns + c * kRows + lane));
      nan = hn::Or(nan, hn::IsNaN(t));
      hn::Store(t, tag, column);
      for (int i = 0; i < kVectorRows; ++i) rows[lane + i][c] = column[i];
    }
    nan = hn::And(nan, usable);
    if (!hn::AllFalse(tag, nan)) found = true;
  }
  return found;
}

/// Elements of a floating type, `stride` apart.
struct Elements {
  const void* data;
  DType type;
  std::int64_t stride;
};

// `count` elements as f32.
inline void widen(const Elements& source, std::int64_t count, float* HWY_RESTRICT out) {
  [[maybe_unused]] const FloatTag tag;
  const std::int64_t stride = source.stride;
  std::int64_t i = 0;
  if (source.type == DType::f32) {
    const float* const from = static_cast<const float*>(source.data);
    if (stride == 1) {
      std::memcpy(out, from, static_cast<std::size_t>(count) * sizeof(float));
      return;
    }
    for (; i < count; ++i) out[i] = from[i * stride];
  } else if (source.type == DType::bf16) {
    const BFloat16* const from = static_cast<const BFloat16*>(source.data);
#if HWY_TARGET != HWY_SCALAR
    const hn::Rebind<std::uint16_t, FloatTag> narrow;
    const hn::RebindToUnsigned<FloatTag> bits;
    for (; stride == 1 && i + kVectorRows <= count; i += kVectorRows) {
      const auto half = hn::LoadU(narrow, reinterpret_cast<const std::uint16_t*>(from + i));
      hn::StoreU(hn::BitCast(tag, hn::ShiftLeft<16>(hn::PromoteTo(bits, half))), tag, out + i);
    }
#endif
    for (; i < count; ++i) out[i] = as_float(from[i * stride]);
  } else if (source.type == DType::f64) {
    const double* const from = static_cast<const double*>(source.data);
    for (; i < count; ++i) out[i] = finite_float(from[i * stride]);
  } else {
    const Float16* const from = static_cast<const Float16*>(source.data);
#if HWY_TARGET <= HWY_AVX2
    const hn::Rebind<hwy::float16_t, FloatTag> narrow;
    for (; stride == 1 && i + kVectorRows <= count; i += kVectorRows) {
      const auto half = hn::LoadU(narrow, reinterpret_cast<const hwy::float16_t*>(from + i));
      hn::StoreU(hn::PromoteTo(tag, half), tag, out + i);
    }
#endif
    for (; i < count; ++i) out[i] = as_float(from[i * stride]);
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
