// What observers are shown, and the one function that makes a weight of a score.
#if defined(FOVEA_KERNELS_OBSERVED_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVED_BLOCK_INL_H_
#undef FOVEA_KERNELS_OBSERVED_BLOCK_INL_H_
#else
#define FOVEA_KERNELS_OBSERVED_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/exp2-inl.h"
#include "kernels/register_tiles-inl.h"
#include "kernels/watch.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// A key block against the row block at hand. Scores and weights are [128][64]; outside of a step's
/// keys they have no meaning.
struct ObservedBlock {
  const Segments& segments;
  const RowBlock& rows;
  float* panel;            // S, then P
  std::int64_t first_key;  // of the block
};

/// Weights of a key block when the row block has ended: w = p · factor.
struct ShareTile {
  std::int64_t block;      // its number
  std::int64_t first_key;  // of the block
  KeyRange keys;           // that were scored, counted from the block's first
  const float* p;          // [128][64]; null where no observer asked for it
  const float* factor;     // [64]: 0 for rows that count for no total
};

/// w = exp2(s - m) · (1 / l): the bits of a weight, wherever it appears. Hidden keys have none.
HWY_INLINE FloatVector weight_of(FloatVector score, FloatVector m, FloatVector one_over_l) {
  const FloatTag tag;
  const FloatVector w = hn::Mul(exp2(tag, hn::Sub(score, m)), one_over_l);
  return hn::IfThenZeroElse(hn::Eq(score, hn::Set(tag, -kFloatInfinity)), w);
}

/// 1 / l as weights take it: 0 without a key, NaN for a row that is NaN.
HWY_INLINE FloatVector one_over(FloatVector l) {
  const FloatTag tag;
  return hn::IfThenZeroElse(hn::Eq(l, hn::Zero(tag)), hn::Div(hn::Set(tag, 1.0F), l));
}

/// Makes weights of 64 scores, one a row.
inline void weights_of_rows(const RowWatch& watch, float* scores) {
  const FloatTag tag;
  for (int lane = 0; lane < kRows; lane += kVectorRows) {
    const FloatVector w =
        weight_of(hn::LoadU(tag, scores + lane), hn::Load(tag, watch.m.data() + lane),
                  one_over(hn::Load(tag, watch.l.data() + lane)));
    hn::StoreU(w, tag, scores + lane);
  }
}

/// Makes weights of any number of scores of one row.
inline void weights_of_row(const RowWatch& watch, int lane, float* scores, std::int64_t count) {
  const FloatTag tag;
  const FloatVector m = hn::Set(tag, watch.m[static_cast<std::size_t>(lane)]);
  const FloatVector share = one_over(hn::Set(tag, watch.l[static_cast<std::size_t>(lane)]));
  HWY_ALIGN float part[kVectorRows];
  for (std::int64_t j = 0; j < count; j += kVectorRows) {
    const auto here = std::min<std::int64_t>(kVectorRows, count - j);
    std::fill(part, part + kVectorRows, -kFloatInfinity);
    std::copy_n(scores + j, here, part);
    hn::Store(weight_of(hn::Load(tag, part), m, share), tag, part);
    std::copy_n(part, here, scores + j);
  }
}

/// Where a row's results go.
inline std::int64_t result_offset(const RowWatch& watch, const TensorView& view, int lane) {
  return watch.batch * view.stride(0) + watch.slot * view.stride(1) +
         (watch.first_query + lane) * view.stride(2);
}

inline void store_rows(const RowWatch& watch, const float* numbers, const MutableTensorView& view) {
  if (!view.given()) return;
  float* const to = static_cast<float*>(view.mutable_data());
  for (int lane = 0; lane < watch.count; ++lane)
    to[result_offset(watch, view, lane)] = numbers[lane];
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
