// tanh for the soft cap, within 2 ulp.
//
// Below 3/4 an odd polynomial (Chebyshev fit of (tanh(x)/x - 1)/x^2 on [0, 9/16], 0.11 units of
// 2^-24 off); above, 1 - 2 / (e^2x + 1), whose cancellation is harmless from there on. 2x log2(e)
// is reduced with the product's own rounding error, or the exponential would lose two ulps of its
// argument.
#if defined(FOVEA_KERNELS_TANH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_TANH_INL_H_
#undef FOVEA_KERNELS_TANH_INL_H_
#else
#define FOVEA_KERNELS_TANH_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/exp2-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// tanh(x) for 3/4 <= x <= 10.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_large(D d, V x) {
  // 2 log2(e) = kHigh + kLow.
  const V high = hn::Set(d, 2.88539004F);
  const V low = hn::Set(d, 3.85192607e-8F);
  const V shift = hn::Set(d, kExp2Shift);
  const V shifted = hn::MulAdd(x, high, shift);
  const V f = hn::MulAdd(x, low, hn::MulSub(x, high, hn::Sub(shifted, shift)));
  const V one = hn::Set(d, 1.0F);
  return hn::Sub(one, hn::Div(hn::Set(d, 2.0F), hn::Add(exp2_parts(d, shifted, f), one)));
}

/// Where tanh is small.
inline constexpr float kSmallTanh = 0.75F;

/// tanh(x) for |x| < kSmallTanh.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_small(D d, V x) {
  const V u = hn::Mul(x, x);
  V p = hn::Set(d, 0.0019095024326816201F);
  p = hn::MulAdd(p, u, hn::Set(d, -0.00793380755931139F));
  p = hn::MulAdd(p, u, hn::Set(d, 0.021615318953990936F));
  p = hn::MulAdd(p, u, hn::Set(d, -0.05393585190176964F));
  p = hn::MulAdd(p, u, hn::Set(d, 0.1333317905664444F));
  p = hn::MulAdd(p, u, hn::Set(d, -0.3333333134651184F));
  return hn::MulAdd(hn::Mul(x, u), p, x);
}

/// tanh(x): odd, ±1 at ±infinity, NaN for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const V magnitude = hn::Abs(x);
  const V small = tanh_small(d, x);
  const V large = hn::CopySign(tanh_large(d, hn::Min(magnitude, hn::Set(d, 10.0F))), x);
  const V finite = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, kSmallTanh)), small, large);
  return hn::IfThenElse(hn::IsNaN(x), x, finite);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
