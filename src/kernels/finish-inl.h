// The end of every kernel: from (m, l, O) in log2 units to the output and the statistics that
// callers see.
#if defined(FOVEA_KERNELS_FINISH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_FINISH_INL_H_
#undef FOVEA_KERNELS_FINISH_INL_H_
#else
#define FOVEA_KERNELS_FINISH_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/factors.h"
#include "kernels/log-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// O · (1/l) + 0, and 0 for a row without anything in its sum. Every zero is +0, every NaN the same
/// one.
template <class V>
HWY_INLINE V normalize(V l, V output) {
  const hn::DFromV<V> d;
  // The product and + 0 are two operations: fused, a tiny negative product would round to -0.
  const V scaled = hn::Add(hn::Mul(output, hn::Div(hn::Set(d, 1.0F), l)), hn::Zero(d));
  const V with_empty = hn::IfThenZeroElse(hn::Eq(l, hn::Zero(d)), scaled);
  return hn::IfThenElse(hn::IsNaN(with_empty), hn::Set(d, kFloatNaN), with_empty);
}

/// Of each row, in natural units.
struct Statistics {
  hn::Vec<hn::ScalableTag<float>> row_max;
  hn::Vec<hn::ScalableTag<float>> row_sum;
  hn::Vec<hn::ScalableTag<float>> log_sum_exp;
};

/// `sink` is the raw logit and `sink_in_log2` what m started from, both -inf without a sink. Where
/// the sink is the maximum it comes back as it was given, not by way of log2 units. Rows whose sum
/// is NaN are NaN throughout, those with nothing in their sum -inf, -inf and 0.
template <class V>
HWY_INLINE Statistics natural_statistics(V m, V l, V sink, V sink_in_log2) {
  const hn::DFromV<V> d;
  const V one = hn::Set(d, 1.0F);
  const auto is_sink = hn::Eq(m, sink_in_log2);
  const auto only_sink = hn::And(is_sink, hn::Eq(l, one));
  V max = hn::IfThenElse(is_sink, sink, from_log2_units(m));
  V lse = hn::IfThenElse(only_sink, sink, log_sum_exp(m, l));
  const auto none = hn::Eq(l, hn::Zero(d));
  const V hidden = hn::Set(d, -kFloatInfinity);
  max = hn::IfThenElse(none, hidden, max);
  lse = hn::IfThenElse(none, hidden, lse);
  // Of -0 and +0 either may come out as the maximum: + 0 makes both +0.
  max = hn::Add(max, hn::Zero(d));
  lse = hn::Add(lse, hn::Zero(d));
  const auto broken = hn::IsNaN(l);
  const V nan = hn::Set(d, kFloatNaN);
  return {hn::IfThenElse(broken, nan, max), hn::IfThenElse(broken, nan, l),
          hn::IfThenElse(broken, nan, lse)};
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
