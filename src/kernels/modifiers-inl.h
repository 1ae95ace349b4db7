// What happens to a tile of S between the product and the softmax, in this order: the late factor,
// soft cap, bias, ALiBi, hiding. Each is one pass over a tile that lies in L1; passes that a call
// does not need are skipped.
//
// Scores are in log2 units. Hidden is -inf and nothing else. A finite score with a finite bias
// stays finite (clamped at ±FLT_MAX): a row that is masked with a huge negative number throughout
// is uniform, not empty.
#if defined(FOVEA_KERNELS_MODIFIERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_MODIFIERS_INL_H_
#undef FOVEA_KERNELS_MODIFIERS_INL_H_
#else
#define FOVEA_KERNELS_MODIFIERS_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/factors.h"
#include "kernels/score_tile.h"
#include "kernels/tanh-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;

/// `sum` of a score and a finite bias, brought back to ±FLT_MAX where only the addition overflowed.
HWY_INLINE FloatVector clamp_sum(FloatTag d, FloatVector score, FloatVector sum) {
  const FloatVector clamped = hn::CopySign(hn::Set(d, kFloatMax), sum);
  return hn::IfThenElse(hn::And(hn::IsInf(sum), hn::IsFinite(score)), clamped, sum);
}

HWY_INLINE void apply_late_factor(const TileRows& rows, const ScoreTile& tile) {
  const FloatTag d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    for (std::int64_t lane = 0; lane < tile.stride; lane += step) {
      float* s = tile.scores + j * tile.stride + lane;
      hn::StoreU(hn::Mul(hn::LoadU(d, s), hn::LoadU(d, rows.factor.data() + lane)), d, s);
    }
  }
}

HWY_INLINE void apply_softcap(float softcap, const ScoreTile& tile) {
  const FloatTag d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t at = 0; at < tile.keys * tile.stride; at += step) {
    const FloatVector capped =
        hn::Mul(tanh(d, hn::LoadU(d, tile.scores + at)), hn::Set(d, softcap));
    hn::StoreU(capped, d, tile.scores + at);
  }
}

/// `score` and a bias in natural units. -inf hides, whatever the score was.
HWY_INLINE FloatVector with_bias(FloatTag d, FloatVector score, FloatVector bias) {
  const FloatVector sum = hn::MulAdd(bias, hn::Set(d, kLog2E), score);
  const FloatVector kept = hn::IfThenElse(hn::IsFinite(bias), clamp_sum(d, score, sum), sum);
  const FloatVector hidden = hn::Set(d, -kFloatInfinity);
  return hn::IfThenElse(hn::Eq(bias, hidden), hidden, kept);
}

/// Adds one bias a lane to the scores of one key.
HWY_INLINE void add_bias_to_key(const float* bias, std::int64_t stride, float* scores) {
  const FloatTag d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t lane = 0; lane < stride; lane += step) {
    const FloatVector s = hn::LoadU(d, scores + lane);
    hn::StoreU(with_bias(d, s, hn::LoadU(d, bias + lane)), d, scores + lane);
  }
}

inline void apply_bias(const ValidAttention& problem, const TileRows& rows, const ScoreTile& tile) {
  HWY_ALIGN float bias[TileRows::kCapacity] = {};
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    for (int lane = 0; lane < rows.count; ++lane) {
      const auto at = static_cast<std::size_t>(lane);
      bias[lane] = finite_float(
          problem.bias.number_at(rows.batch, rows.head[at], rows.query[at], tile.first_key + j));
    }
    add_bias_to_key(bias, tile.stride, tile.scores + j * tile.stride);
  }
}

/// |diagonal - key|, exact below 2^24 keys, rounded once above.
inline float distance_from(std::int64_t diagonal, std::int64_t key) {
  const double distance = static_cast<double>(diagonal) - static_cast<double>(key);
  return static_cast<float>(distance < 0 ? -distance : distance);
}

/// ALiBi's factor of the distance in log2 units, minus sign included.
inline float alibi_factor(const ValidAttention& problem, std::int64_t head) {
  return finite_float(-problem.alibi_slopes.number_at(head) * std::numbers::log2e);
}

/// `score` and factor · distance, unless it is hidden.
HWY_INLINE FloatVector with_alibi(FloatTag d, FloatVector score, FloatVector factor,
                                  FloatVector distance) {
  const FloatVector sum = hn::MulAdd(factor, distance, score);
  const FloatVector kept = hn::IfThenElse(hn::IsFinite(factor), clamp_sum(d, score, sum), sum);
  const FloatVector hidden = hn::Set(d, -kFloatInfinity);
  return hn::IfThenElse(hn::Eq(score, hidden), hidden, kept);
}

/// Subtracts slope · |diagonal - key| from every score that is not hidden.
inline void apply_alibi(const ValidAttention& problem, const TileRows& rows,
                        const ScoreTile& tile) {
  const FloatTag d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float slope[TileRows::kCapacity] = {};
  HWY_ALIGN float distance[TileRows::kCapacity] = {};
  for (int lane = 0; lane < rows.count; ++lane) {
    slope[lane] = alibi_factor(problem, rows.head[static_cast<std::size_t>(lane)]);
  }
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    for (int lane = 0; lane < rows.count; ++lane) {
      distance[lane] =
          distance_from(rows.diagonal[static_cast<std::size_t>(lane)], tile.first_key + j);
    }
    for (std::int64_t lane = 0; lane < tile.stride; lane += step) {
      float* scores = tile.scores + j * tile.stride + lane;
      const FloatVector s = hn::LoadU(d, scores);
      hn::StoreU(with_alibi(d, s, hn::LoadU(d, slope + lane), hn::LoadU(d, distance + lane)), d,
                 scores);
    }
  }
}

/// Hides the keys that position does not let a lane see.
inline void hide_by_position(const TileRows& rows, const ScoreTile& tile) {
  const FloatTag d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float first[TileRows::kCapacity] = {};
  HWY_ALIGN float last[TileRows::kCapacity] = {};
  bool all_visible = true;
  for (int lane = 0; lane < rows.count; ++lane) {
    const KeyRange& range = rows.visible[static_cast<std::size_t>(lane)];
    const std::int64_t end = tile.first_key + tile.keys;
    all_visible = all_visible && range.first <= tile.first_key && range.last >= end;
    // Counted from the tile's first key, where a float is exact.
    first[lane] = static_cast<float>(std::clamp(range.first, tile.first_key, end) - tile.first_key);
    last[lane] = static_cast<float>(std::clamp(range.last, tile.first_key, end) - tile.first_key);
  }
  if (all_visible) return;
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    const FloatVector key = hn::Set(d, static_cast<float>(j));
    for (std::int64_t lane = 0; lane < tile.stride; lane += step) {
      float* scores = tile.scores + j * tile.stride + lane;
      const auto visible =
          hn::And(hn::Ge(key, hn::LoadU(d, first + lane)), hn::Lt(key, hn::LoadU(d, last + lane)));
      const FloatVector hidden = hn::Set(d, -kFloatInfinity);
      hn::StoreU(hn::IfThenElse(visible, hn::LoadU(d, scores), hidden), d, scores);
    }
  }
}

/// Hides the keys at which `keep` is false.
inline void hide_by_keep(const ValidAttention& problem, const TileRows& rows,
                         const ScoreTile& tile) {
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    for (int lane = 0; lane < rows.count; ++lane) {
      const auto at = static_cast<std::size_t>(lane);
      if (!problem.keep.at<bool>(rows.batch, rows.head[at], rows.query[at], tile.first_key + j)) {
        tile.scores[j * tile.stride + lane] = -kFloatInfinity;
      }
    }
  }
}

/// Brings S = q · k, with factors.query folded into q, to final scores.
HWY_INLINE void modify_scores(const ValidAttention& problem, const Factors& factors,
                              const TileRows& rows, const ScoreTile& tile) {
  if (rows.any_factor) apply_late_factor(rows, tile);
  if (problem.softcap > 0) apply_softcap(factors.softcap, tile);
  if (problem.bias.given()) apply_bias(problem, rows, tile);
  if (problem.alibi_slopes.given()) apply_alibi(problem, rows, tile);
  hide_by_position(rows, tile);
  if (problem.keep.given()) hide_by_keep(problem, rows, tile);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
