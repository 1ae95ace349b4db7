// The natural logarithm of row sums.
//
// x = 2^n * m with m in [sqrt(1/2), sqrt(2)); with f = m - 1 and s = f / (2 + f), log(m) = 2
// atanh(s) is f - s (f - R), R = 2/3 s^2 + 2/5 s^4 + 2/7 s^6 + 2/9 s^8: |s| <= 0.172, so what is
// left out is below 2^-29 of the result. n log(2) is added in two parts, the first exact.
#if defined(FOVEA_KERNELS_LOG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_LOG_INL_H_
#undef FOVEA_KERNELS_LOG_INL_H_
#else
#define FOVEA_KERNELS_LOG_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// log(x) for normal positive x, within 1 ulp; exactly 0 for 1. Other x give anything.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3F3504F3)));  // sqrt(1/2)
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const V n = hn::ConvertTo(d, exponent);
  const V f = hn::Sub(m, hn::Set(d, 1.0F));
  const V s = hn::Div(f, hn::Add(f, hn::Set(d, 2.0F)));
  const V s2 = hn::Mul(s, s);
  V r = hn::MulAdd(s2, hn::Set(d, 2.0F / 9.0F), hn::Set(d, 2.0F / 7.0F));
  r = hn::MulAdd(s2, r, hn::Set(d, 2.0F / 5.0F));
  r = hn::MulAdd(s2, r, hn::Set(d, 2.0F / 3.0F));
  r = hn::Mul(s2, r);
  // log(2) = 0x1.62e3p-1 + 9.0580014e-6: the first has 17 bits, so that its product with n is
  // exact.
  const V low = hn::Mul(n, hn::Set(d, 9.0580014e-6F));
  const V correction = hn::Sub(hn::Mul(s, hn::Sub(f, r)), low);
  return hn::Add(hn::Mul(n, hn::Set(d, 0x1.62e3p-1F)), hn::Sub(f, correction));
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
