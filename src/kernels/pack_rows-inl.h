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
using QuadTag = hn::CappedTag<float, 4>;

// Four floats from each of kVectorRows / 4 rows, rows[0], rows[4], rows[8], ...: a 128-bit block a
// row.
HWY_INLINE FloatVector load_quads(const float* const* HWY_RESTRICT rows, std::int64_t column) {
  const QuadTag quad;
#if HWY_TARGET <= HWY_AVX3
  const hn::CappedTag<float, 8> half;
  const auto low =
      hn::Combine(half, hn::LoadU(quad, rows[4] + column), hn::LoadU(quad, rows[0] + column));
  const auto high =
      hn::Combine(half, hn::LoadU(quad, rows[12] + column), hn::LoadU(quad, rows[8] + column));
  return hn::Combine(FloatTag(), high, low);
#elif HWY_TARGET <= HWY_AVX2
  return hn::Combine(FloatTag(), hn::LoadU(quad, rows[4] + column),
                     hn::LoadU(quad, rows[0] + column));
#else
  return hn::LoadU(quad, rows[0] + column);
#endif
}

HWY_INLINE void store_quads(FloatVector quads, float* const* HWY_RESTRICT rows,
                            std::int64_t column) {
  const QuadTag quad;
#if HWY_TARGET <= HWY_AVX3
  const hn::CappedTag<float, 8> half;
  const auto low = hn::LowerHalf(half, quads);
  const auto high = hn::UpperHalf(half, quads);
  hn::StoreU(hn::LowerHalf(quad, low), quad, rows[0] + column);
  hn::StoreU(hn::UpperHalf(quad, low), quad, rows[4] + column);
  hn::StoreU(hn::LowerHalf(quad, high), quad, rows[8] + column);
  hn::StoreU(hn::UpperHalf(quad, high), quad, rows[12] + column);
#elif HWY_TARGET <= HWY_AVX2
  hn::StoreU(hn::LowerHalf(quad, quads), quad, rows[0] + column);
  hn::StoreU(hn::UpperHalf(quad, quads), quad, rows[4] + column);
#else
  hn::StoreU(quads, quad, rows[0] + column);
#endif
}

// Transposes each 4 x 4 block of floats.
HWY_INLINE void transpose_quads(FloatVector (&t)[4]) {
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

// columns[c][lane] = factor · rows[lane][c] for 16 lanes; `columns` has rows of 64. Returns whether
// all are finite.
inline bool pack_step(const float* const* rows, std::int64_t count, float factor,
                      float* HWY_RESTRICT columns) {
  const FloatTag tag;
  const FloatVector f = hn::Set(tag, factor);
  FloatVector zero = hn::Zero(tag);  // becomes NaN with the first product that is not finite
  for (int lane = 0; lane < kRowStep; lane += kVectorRows) {
    std::int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; c + 4 <= count; c += 4) {
      FloatVector t[4];
      for (int i = 0; i < 4; ++i) t[i] = load_quads(rows + lane + i, c);
      transpose_quads(t);
      for (int i = 0; i < 4; ++i) {
        const FloatVector product = hn::Mul(t[i], f);
        zero = hn::MulAdd(product, hn::Zero(tag), zero);
        hn::Store(product, tag, columns + (c + i) * kRows + lane);
      }
    }
#endif
    for (; c < count; ++c) {
      HWY_ALIGN float column[kVectorRows];
      for (int i = 0; i < kVectorRows; ++i) column[i] = rows[lane + i][c];
      const FloatVector product = hn::Mul(hn::Load(tag, column), f);
      zero = hn::MulAdd(product, hn::Zero(tag), zero);
      hn::Store(product, tag, columns + c * kRows + lane);
    }
  }
  return hn::AllTrue(tag, hn::Eq(zero, hn::Zero(tag)));
}

// rows[lane][c] = columns[c][lane] / l[lane] as normalize has it, for 16 lanes. Returns whether
// some result is NaN whose sum l is not.
inline bool unpack_step(const float* HWY_RESTRICT columns, const float* l, std::int64_t count,
                        float* const* rows) {
  const FloatTag tag;
  auto nan = hn::FirstN(tag, 0);
  for (int lane = 0; lane < kRowStep; lane += kVectorRows) {
    const FloatVector sum = hn::Load(tag, l + lane);
    const auto usable = hn::Not(hn::IsNaN(sum));
    std::int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; c + 4 <= count; c += 4) {
      FloatVector t[4];
      for (int i = 0; i < 4; ++i) {
        t[i] = normalize(sum, hn::Load(tag, columns + (c + i) * kRows + lane));
        nan = hn::Or(nan, hn::And(usable, hn::IsNaN(t[i])));
      }
      transpose_quads(t);
      for (int i = 0; i < 4; ++i) store_quads(t[i], rows + lane + i, c);
    }
#endif
    for (; c < count; ++c) {
      HWY_ALIGN float column[kVectorRows];
      const FloatVector t = normalize(sum, hn::Load(tag, columns + c * kRows + lane));
      nan = hn::Or(nan, hn::And(usable, hn::IsNaN(t)));
      hn::Store(t, tag, column);
      for (int i = 0; i < kVectorRows; ++i) rows[lane + i][c] = column[i];
    }
  }
  return !hn::AllFalse(tag, nan);
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
