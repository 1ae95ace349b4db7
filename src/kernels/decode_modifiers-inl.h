// What happens to a row of scores between the product and the softmax, with keys in the lanes: the
// steps of modifiers-inl.h in their order, by the same formulas. What differs from key to key lies
// in lanes, what differs from row to row is one number.
#if defined(FOVEA_KERNELS_DECODE_MODIFIERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_DECODE_MODIFIERS_INL_H_
#undef FOVEA_KERNELS_DECODE_MODIFIERS_INL_H_
#else
#define FOVEA_KERNELS_DECODE_MODIFIERS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/decode.h"
#include "kernels/modifiers-inl.h"
#include "kernels/pack_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// The scores of one row with a key block, [128], and which row it is. Those from `keys` on are not
/// of keys.
struct ScoreRow {
  float* scores;
  std::int64_t first_key;
  std::int64_t keys;
  std::size_t row;
};

template <typename Change>
HWY_INLINE void change_scores(float* HWY_RESTRICT scores, const Change& change) {
  const FloatTag d;
  for (int j = 0; j < kBlockKeys; j += kVectorRows)
    hn::Store(change(hn::Load(d, scores + j), j), d, scores + j);
}

// The row's biases with the block's keys, 0 after the last.
inline void load_bias(const ValidAttention& problem, const TileRows& rows, const ScoreRow& row,
                      float* HWY_RESTRICT bias) {
  const TensorView& from = problem.bias;
  std::fill(bias + row.keys, bias + kBlockKeys, 0.0F);
  if (from.dtype() == DType::f64) {
    for (std::int64_t j = 0; j < row.keys; ++j) {
      bias[j] = finite_float(
          from.number_at(rows.batch, rows.head[row.row], rows.query[row.row], row.first_key + j));
    }
    return;
  }
  const std::int64_t offset =
      row_offset(from, rows, static_cast<int>(row.row)) + row.first_key * from.stride(3);
  widen({.data = static_cast<const std::byte*>(from.data()) + offset * size_of(from.dtype()),
         .type = from.dtype(),
         .stride = from.stride(3)},
        row.keys, bias);
}

inline void add_bias(const ValidAttention& problem, const TileRows& rows, const ScoreRow& row) {
  const FloatTag d;
  HWY_ALIGN float bias[kBlockKeys];
  load_bias(problem, rows, row, bias);
  change_scores(row.scores, [&](FloatVector s, int j)
                                HWY_ATTR { return with_bias(d, s, hn::Load(d, bias + j)); });
}

inline void add_alibi(const ValidAttention& problem, const TileRows& rows, const ScoreRow& row) {
  const FloatTag d;
  HWY_ALIGN float distance[kBlockKeys];
  for (std::int64_t j = 0; j < kBlockKeys; ++j)
    distance[j] = distance_from(rows.diagonal[row.row], row.first_key + j);
  const FloatVector factor = hn::Set(d, alibi_factor(problem, rows.head[row.row]));
  change_scores(row.scores, [&](FloatVector s, int j) HWY_ATTR {
    return with_alibi(d, s, factor, hn::Load(d, distance + j));
  });
}

// Hides the keys outside of the row's visible range, and what is not of keys.
inline void hide_outside(const TileRows& rows, const ScoreRow& row) {
  const FloatTag d;
  const KeyRange& seen = rows.visible[row.row];
  const std::int64_t end = row.first_key + kBlockKeys;
  if (seen.first <= row.first_key && seen.last >= end) return;
  const auto from = [&](std::int64_t key) {
    return static_cast<float>(std::clamp(key, row.first_key, end) - row.first_key);
  };
  const FloatVector first = hn::Set(d, from(seen.first));
  const FloatVector last = hn::Set(d, from(seen.last));
  change_scores(row.scores, [&](FloatVector s, int j) HWY_ATTR {
    const FloatVector key = hn::Iota(d, static_cast<float>(j));
    const auto visible = hn::And(hn::Ge(key, first), hn::Lt(key, last));
    return hn::IfThenElse(visible, s, hn::Set(d, -kFloatInfinity));
  });
}

// Hides the keys at which `keep` is false.
inline void hide_unkept(const ValidAttention& problem, const TileRows& rows, const ScoreRow& row) {
  const TensorView& keep = problem.keep;
  const std::int64_t stride = keep.stride(3);
  const auto* const kept = static_cast<const std::uint8_t*>(keep.data()) +
                           row_offset(keep, rows, static_cast<int>(row.row)) +
                           row.first_key * stride;
  std::int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> wide;
  const hn::Rebind<std::uint8_t, FloatTag> narrow;
  for (; stride == 1 && j + kVectorRows <= row.keys; j += kVectorRows) {
    const auto hidden = hn::Eq(hn::PromoteTo(wide, hn::LoadU(narrow, kept + j)), hn::Zero(wide));
    const FloatVector s = hn::Load(d, row.scores + j);
    hn::Store(hn::IfThenElse(hn::RebindMask(d, hidden), hn::Set(d, -kFloatInfinity), s), d,
              row.scores + j);
  }
#endif
  for (; j < row.keys; ++j) {
    if (kept[j * stride] == 0) row.scores[j] = -kFloatInfinity;
  }
}

/// Brings S = q · k, with factors.query folded into q, to final scores.
inline void modify_row(const DecodeCall& call, const TileRows& rows, const ScoreRow& row) {
  const FloatTag d;
  const ValidAttention& problem = call.problem;
  if (rows.any_factor) {
    const FloatVector factor = hn::Set(d, rows.factor[row.row]);
    change_scores(row.scores, [&](FloatVector s, int) HWY_ATTR { return hn::Mul(s, factor); });
  }
  if (problem.softcap > 0)
    apply_softcap(call.factors.softcap, {.scores = row.scores, .keys = 1, .stride = kBlockKeys});
  if (problem.bias.given()) add_bias(problem, rows, row);
  if (problem.alibi_slopes.given()) add_alibi(problem, rows, row);
  hide_outside(rows, row);
  if (problem.keep.given()) hide_unkept(problem, rows, row);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
