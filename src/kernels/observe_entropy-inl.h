// How spread each row's weights are: H = -sum of w ln w over its keys, in nats.
//
// With p = exp2(s - m) and l, H = sum of w · (ln l - ln 2 · (s - m)). Each key block leaves
// e_b = sum of p · (s - m_b), one more FMA beside its row sum; the end brings it to the row's maximum:
// sum of p · (s - m) over the block is c · (e_b + l_b · (m_b - m)) with c = exp2(m_b - m). A sink is in
// l, and no key's weight.
#if defined(FOVEA_KERNELS_OBSERVE_ENTROPY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_ENTROPY_INL_H_
#undef FOVEA_KERNELS_OBSERVE_ENTROPY_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_ENTROPY_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "kernels/log-inl.h"
#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveEntropy {
  static bool wanted(const RowWatch& watch) { return watch.all->needs_entropy; }

  static void finish(RowWatch& watch) {
    HWY_ALIGN float entropy[kRows];
    for (int lane = 0; lane < kRows; lane += kVectorRows)
      hn::Store(of_rows(watch, lane), FloatTag(), entropy + lane);
    store_rows(watch, entropy, watch.all->targets.entropy);
  }

 private:
  static FloatVector of_rows(const RowWatch& watch, int lane) {
    const FloatTag tag;
    const FloatVector m = hn::Load(tag, watch.m.data() + lane);
    const FloatVector l = hn::Load(tag, watch.l.data() + lane);
    FloatVector keys = hn::Zero(tag);  // sum of w
    FloatVector sum = hn::Zero(tag);   // sum of w · (s - m)
    // In stretches, so that a thousand blocks round as a few dozen.
    constexpr std::int64_t kTogether = 32;
    for (std::int64_t b = watch.first_block; b < watch.last_block;) {
      FloatVector keys_part = hn::Zero(tag);
      FloatVector sum_part = hn::Zero(tag);
      const std::int64_t end = std::min(watch.last_block, b + kTogether);
      for (; b < end; ++b) {
        if (!watch.is_covered(b)) continue;
        const std::int64_t at = b * kRows + lane;
        // A block that a row does not see has m_b = -inf, l_b = 0.
        const FloatVector below =
            hn::Max(hn::Sub(hn::Load(tag, watch.m_b + at), m), hn::Set(tag, -1000.0F));
        const FloatVector c = exp2(tag, below);
        const FloatVector l_b = hn::Load(tag, watch.l_b + at);
        keys_part = hn::MulAdd(c, l_b, keys_part);
        const FloatVector e = hn::MulAdd(l_b, below, hn::Load(tag, watch.e_b + at));
        sum_part = hn::MulAdd(c, e, sum_part);
      }
      keys = hn::Add(keys, keys_part);
      sum = hn::Add(sum, sum_part);
    }
    const FloatVector share = one_over(l);
    const FloatVector ln_l = log_sum_exp(hn::Zero(tag), l);
    const FloatVector of_sum = hn::Mul(hn::Mul(sum, share), hn::Set(tag, -kLn2Head));
    const FloatVector entropy = hn::MulAdd(hn::Mul(keys, share), ln_l, of_sum);
    const FloatVector some = hn::IfThenZeroElse(hn::Eq(l, hn::Zero(tag)), entropy);
    const FloatVector positive = hn::IfThenZeroElse(hn::Lt(some, hn::Zero(tag)), some);
    return hn::IfThenElse(hn::IsNaN(l), hn::Set(tag, kFloatNaN), positive);
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
