// Keys and values of any type, a vector at a time, as f32.
#if defined(FOVEA_KERNELS_LOAD_FLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_LOAD_FLOATS_INL_H_
#undef FOVEA_KERNELS_LOAD_FLOATS_INL_H_
#else
#define FOVEA_KERNELS_LOAD_FLOATS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "kernels/elements.h"
#include "kernels/register_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// Into which cache keys and values are fetched ahead of their use: as the last argument of
/// __builtin_prefetch, 3 the nearest. Into the second: more lines can be under way than into the
/// first, and from memory that is 1.5 times as fast; from the third-level cache it makes no difference.
inline constexpr int kFetchInto = 2;

/// Rows of keys or values as they lie, the elements of each side by side.
template <typename T>
struct PlainTokens {
  const T* data;
  std::int64_t stride;
  std::int64_t ahead;  // what is fetched into the cache lies this many elements further on
};

/// A vector of elements; exact.
template <typename T>
HWY_INLINE FloatVector load_floats(const T* HWY_RESTRICT from) {
  const FloatTag d;
  if constexpr (std::is_same_v<T, float>) return hn::LoadU(d, from);
#if HWY_TARGET != HWY_SCALAR
  [[maybe_unused]] const auto narrow = [from]() HWY_ATTR {
    return hn::LoadU(hn::Rebind<std::uint16_t, FloatTag>(),
                     reinterpret_cast<const std::uint16_t*>(from));
  };
  if constexpr (std::is_same_v<T, BFloat16>) {
    const hn::RebindToUnsigned<FloatTag> wide;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(wide, narrow())));
  }
#endif
#if HWY_TARGET <= HWY_AVX2
  if constexpr (std::is_same_v<T, Float16>)
    return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, FloatTag>(), narrow()));
#endif
  HWY_ALIGN float floats[kVectorRows];
  for (int i = 0; i < kVectorRows; ++i) floats[i] = as_float(from[i]);
  return hn::Load(d, floats);
}

#if HWY_TARGET != HWY_SCALAR
/// Two vectors' lanes of bf16 elements: those of even and those of odd places. Sooner than each
/// vector by itself: no element changes its lane.
HWY_INLINE void split_pairs(FloatVector pairs, FloatVector& even, FloatVector& odd) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> wide;
  const auto bits = hn::BitCast(wide, pairs);
  even = hn::BitCast(d, hn::ShiftLeft<16>(bits));
  odd = hn::BitCast(d, hn::And(bits, hn::Set(wide, 0xFFFF0000U)));
}
HWY_INLINE void load_pairs(const BFloat16* HWY_RESTRICT from, FloatVector& even, FloatVector& odd) {
  const hn::Repartition<std::uint16_t, FloatTag> narrow;
  const auto bits = hn::LoadU(narrow, reinterpret_cast<const std::uint16_t*>(from));
  split_pairs(hn::BitCast(FloatTag(), bits), even, odd);
}
#endif

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
