// The log-sum-exp of a row, from its maximum in log2 units and its sum.
//
// l = 2^n * x with x in [sqrt(1/2), sqrt(2)); with f = x - 1 and s = f / (2 + f), log(x) = 2
// atanh(s) is f - s (f - R), R = 2/3 s^2 + 2/5 s^4 + 2/7 s^6 + 2/9 s^8: |s| <= 0.172, so what is
// left out is below 2^-29 of the result. As |log(x)| < 0.35, its error is a fraction of an ulp of
// the whole. m + n is taken exactly, in two parts, and times log(2) in two parts.
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

/// log(2) as the sum of two floats.
inline constexpr float kLn2Head = 0x1.62e430p-1F;
inline constexpr float kLn2Tail = -0x1.05c610p-29F;

/// m log(2), rounded once.
template <class V>
HWY_INLINE V from_log2_units(V m) {
  const hn::DFromV<V> d;
  return hn::MulAdd(m, hn::Set(d, kLn2Head), hn::Mul(m, hn::Set(d, kLn2Tail)));
}

/// m log(2) + log(l) for finite m and normal positive l, within 1.1 ulp of the larger of its two
/// terms and 1; from_log2_units(m) for l = 1. Other m and l give anything.
template <class V>
HWY_INLINE V log_sum_exp(V m, V l) {
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto bits = hn::BitCast(di, l);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3F3504F3)));  // sqrt(1/2)
  const V x = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const V n = hn::ConvertTo(d, exponent);
  const V f = hn::Sub(x, hn::Set(d, 1.0F));
  const V s = hn::Div(f, hn::Add(f, hn::Set(d, 2.0F)));
  const V s2 = hn::Mul(s, s);
  V r = hn::MulAdd(s2, hn::Set(d, 2.0F / 9.0F), hn::Set(d, 2.0F / 7.0F));
  r = hn::MulAdd(s2, r, hn::Set(d, 2.0F / 5.0F));
  r = hn::MulAdd(s2, r, hn::Set(d, 2.0F / 3.0F));
  r = hn::Mul(s2, r);
  const V log_x = hn::Sub(f, hn::Mul(s, hn::Sub(f, r)));
  // head + tail = m + n, exactly (Knuth's sum, for either order of magnitude).
  const V head = hn::Add(m, n);
  const V of_n = hn::Sub(head, m);
  const V tail = hn::Add(hn::Sub(m, hn::Sub(head, of_n)), hn::Sub(n, of_n));
  V small = hn::MulAdd(tail, hn::Set(d, kLn2Head), log_x);
  small = hn::MulAdd(head, hn::Set(d, kLn2Tail), small);
  return hn::MulAdd(head, hn::Set(d, kLn2Head), small);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
