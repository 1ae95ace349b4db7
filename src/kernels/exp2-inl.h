// exp2 of scores below their block's maximum: the same bits on every target with FMA.
//
// x = r + f with r = x rounded to nearest even and f in [-.5, .5], exact. 2^f is a polynomial of
// degree 5, 2^r is made by integers. The polynomial is the best in ulps of the result (half as
// large below f = 0), with p(0) = 1 exactly so that the largest score has weight 1: 1.06 ulp off,
// with its own roundings 1.8; the best in relative error came to 2.01. Rounding by adding 1.5 *
// 2^23 is an IEEE addition and nothing else, so no target can differ.
//
// Below -100 the result is exactly 0, by a compare. Weights that far under their maximum add
// nothing to a float32 sum, and subnormal ones made the products that follow 80 times slower.
#if defined(FOVEA_KERNELS_EXP2_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_EXP2_INL_H_
#undef FOVEA_KERNELS_EXP2_INL_H_
#else
#define FOVEA_KERNELS_EXP2_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// 2^r * 2^f, where `shifted` is r + kExp2Shift as a float: r integer in [-126, 126], |f| <= .5.
/// NaN in f stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_parts(D d, V shifted, V f) {
  // Half of 2^f, since the exponent below is one too large; halving a coefficient is exact.
  V p = hn::Set(d, 0.5F * 0.0013224566F);
  p = hn::MulAdd(p, f, hn::Set(d, 0.5F * 0.009671722F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.5F * 0.05550896F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.5F * 0.24022238F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.5F * 0.6931468F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.5F));
  const hn::RebindToSigned<D> di;
  // The low bits of `shifted` are r + 128: moved into the exponent they are the float 2^(r+1). A
  // product by it, unlike an addition to the exponent, keeps NaN.
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::Mul(p, power);
}

/// 1.5 * 2^23 + 128: adding it rounds a float to an integer, nearest even, and leaves that + 128 in
/// its low bits.
constexpr float kExp2Shift = 12583040.0F;

#if HWY_TARGET <= HWY_AVX3
/// exp2 with AVX-512's own operations, all exact, so with the same bits: VREDUCEPS leaves f at
/// once, VSCALEFPS multiplies by 2^r, and the zeros cost a mask instead of an operation. 9
/// operations on the FMA ports instead of 12, which are 2.5 % of a whole attention at head size 64.
HWY_INLINE __m512 exp2_of_16(__m512 x) {
  const __m512 f = _mm512_reduce_ps(x, 0);  // x - r, r to nearest even
  __m512 p = _mm512_set1_ps(0.0013224566F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.009671722F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05550896F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24022238F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931468F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0F));
  const __mmask16 counts = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-100.0F), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(counts, p, _mm512_sub_ps(x, f));
}
#endif

/// 2^x for x <= 0 or NaN: exactly 0 below -100, exactly 1 at 0, NaN for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2(D d, V x) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(x.raw) == sizeof(__m512)) return V{exp2_of_16(x.raw)};
#endif
  const V shift = hn::Set(d, kExp2Shift);
  const V shifted = hn::Add(x, shift);
  const V f = hn::Sub(x, hn::Sub(shifted, shift));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -100.0F)), exp2_parts(d, shifted, f));
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
