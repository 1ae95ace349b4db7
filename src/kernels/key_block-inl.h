// One key block against one row block: scores, the block's own softmax, weighted values, and the
// fold into (m, l, O).

#if defined(FOVEA_KERNELS_KEY_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_KEY_BLOCK_INL_H_
#undef FOVEA_KERNELS_KEY_BLOCK_INL_H_
#else
#define FOVEA_KERNELS_KEY_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/exp2-inl.h"
#include "kernels/observers-inl.h"
#include "kernels/register_tiles-inl.h"
#include "kernels/row_block.h"
#include "kernels/score_passes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// Stands for the weight of a hidden key where values are selected; weights are never negative.
inline constexpr float kHiddenWeight = -1.0F;

/// A block of key or value rows as the kernel reads them: f32, elements side by side.
struct PlainRows {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// What one key block is computed with.
struct BlockWork {
  PlainRows key;
  PlainRows value;
  std::int64_t head_size = 0;
  std::int64_t value_size = 0;
  float* panel = nullptr;    // Sᵀ, then Pᵀ: [128][64]
  float* partial = nullptr;  // [value_size][64]
  const ValidAttention* problem = nullptr;
  Factors factors;
  std::int64_t first_key = 0;
  bool modified = false;       // scores go through modify_segment
  KeepBits* keep = nullptr;    // of the row block at hand, null without a mask
  bool select_values = false;  // some value is not finite
  RowsAhead* ahead = nullptr;
  RowWatch* watch = nullptr;  // null where nothing is observed
};

struct ScorePass {
  const BlockWork& work;
  RowBlock& rows;
  const Segment& segment;
  template <int NV>
  HWY_INLINE void run(int lane) const {
    multiply_scores<NV>({.key = work.key.data + segment.first * work.key.stride,
                         .key_stride = work.key.stride,
                         .depth = work.head_size,
                         .query = rows.q + lane,
                         .score = work.panel + segment.first * kRows + lane,
                         .row_max = rows.m_b.data() + lane},
                        segment.last - segment.first, *work.ahead);
  }
};

// -inf would make NaN of -inf - -inf; exp2(-inf - 0) is the 0 that is wanted.
HWY_INLINE FloatVector finite_base(FloatVector m) {
  const FloatTag tag;
  return hn::IfThenZeroElse(hn::Eq(m, hn::Set(tag, -kFloatInfinity)), m);
}

// s becomes p = exp2(s - m_b); l_b is the sum of the stretches that are whole, l_part that of the
// stretch at hand.
/// What of a key block's weights is kept besides its sum.
enum class Kept {
  sums,
  stretches,
  spread
};  // each stretch's sum; and e_b, the sum of p · (s - m_b)

template <Kept kKept>
struct WeighPass {
  const BlockWork& work;
  RowBlock& rows;
  const Segment& segment;
  template <int NV>
  HWY_INLINE void run(int lane) const {
    const FloatTag tag;
    Vectors<NV> base;
    Vectors<NV> sum;
    [[maybe_unused]] Vectors<NV> spread;
    [[maybe_unused]] float* stretch = nullptr;
    [[maybe_unused]] float* e_b = nullptr;
    if constexpr (kKept != Kept::sums) {
      const RowWatch& watch = *work.watch;
      stretch = watch.stretch_of(watch.block) + lane;
      e_b = watch.e_b + (watch.all->needs_entropy ? watch.block * kRows : 0) + lane;
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) spread[v] = hn::Load(tag, e_b + v * kVectorRows);
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      base[v] = finite_base(hn::Load(tag, rows.m_b.data() + lane + v * kVectorRows));
      sum[v] = hn::Load(tag, rows.l_part.data() + lane + v * kVectorRows);
    }
    // A step's segments follow each other without a gap: a stretch goes on where the one
    // before ended.
    for (int first = segment.first; first < segment.last;) {
      const int stretch_end = (first / kSumKeys + 1) * kSumKeys;
      const int last = std::min(segment.last, stretch_end);
      float* const row = work.panel + first * kRows + lane;
      float* const end = work.panel + last * kRows + lane;
      if (work.select_values) {
        weigh_marking<NV>(row, end, base, sum, spread);
      } else {
        weigh<NV>(row, end, base, sum, spread);
      }
      if (last == stretch_end) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
          if constexpr (kKept != Kept::sums)
            hn::Store(sum[v], tag, stretch + first / kSumKeys * kRows + v * kVectorRows);
          float* const l_b = rows.l_b.data() + lane + v * kVectorRows;
          hn::Store(hn::Add(hn::Load(tag, l_b), sum[v]), tag, l_b);
          sum[v] = hn::Zero(tag);
        }
      }
      first = last;
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      hn::Store(sum[v], tag, rows.l_part.data() + lane + v * kVectorRows);
      if constexpr (kKept == Kept::spread) hn::Store(spread[v], tag, e_b + v * kVectorRows);
    }
  }

 private:
  // Below 2^-100 p is 0; a hidden key's x = -inf must not make NaN of it.
  static HWY_INLINE void add_spread(FloatVector x, FloatVector p, FloatVector& spread) {
    const FloatTag tag;
    spread = hn::MulAdd(p, hn::Max(x, hn::Set(tag, -1000.0F)), spread);
  }

  template <int NV>
  static HWY_INLINE void weigh(float* row, float* end, const Vectors<NV>& base, Vectors<NV>& sum,
                               [[maybe_unused]] Vectors<NV>& spread) {
    const FloatTag tag;
    for (; row < end; row += kRows) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) {
        const FloatVector x = hn::Sub(hn::Load(tag, row + v * kVectorRows), base[v]);
        const FloatVector p = exp2(tag, x);
        hn::Store(p, tag, row + v * kVectorRows);
        sum[v] = hn::Add(sum[v], p);
        if constexpr (kKept == Kept::spread) add_spread(x, p, spread[v]);
      }
    }
  }

  // As above, but a hidden key's weight is kHiddenWeight.
  template <int NV>
  static HWY_NOINLINE void weigh_marking(float* row, float* end, const Vectors<NV>& base,
                                         Vectors<NV>& sum, [[maybe_unused]] Vectors<NV>& spread) {
    const FloatTag tag;
    for (; row < end; row += kRows) {
      for (int v = 0; v < NV; ++v) {
        const FloatVector s = hn::Load(tag, row + v * kVectorRows);
        const auto hidden = hn::Eq(s, hn::Set(tag, -kFloatInfinity));
        const FloatVector x = hn::Sub(s, base[v]);
        const FloatVector p = hn::IfThenZeroElse(hidden, exp2(tag, x));
        sum[v] = hn::Add(sum[v], p);
        if constexpr (kKept == Kept::spread) add_spread(x, p, spread[v]);
        hn::Store(hn::IfThenElse(hidden, hn::Set(tag, kHiddenWeight), p), tag,
                  row + v * kVectorRows);
      }
    }
  }
};

// m' = max(m, m_b), a = exp2(m - m'), c = exp2(m_b - m'), l' = l a + c l_b.
inline void fold_sums(RowBlock& rows) {
  const FloatTag tag;
  for (int lane = 0; lane < rows.steps * kRowStep; lane += kVectorRows) {
    const FloatVector m = hn::Load(tag, rows.m.data() + lane);
    const FloatVector m_b = hn::Load(tag, rows.m_b.data() + lane);
    const FloatVector m_new = hn::Max(m, m_b);
    const FloatVector base = finite_base(m_new);
    const FloatVector keep = exp2(tag, hn::Sub(m, base));
    const FloatVector take = exp2(tag, hn::Sub(m_b, base));
    const FloatVector l_b =
        hn::Add(hn::Load(tag, rows.l_b.data() + lane), hn::Load(tag, rows.l_part.data() + lane));
    const FloatVector seen = hn::Load(tag, rows.seen.data() + lane);
    const auto sees = hn::Not(hn::Eq(l_b, hn::Zero(tag)));
    hn::Store(hn::IfThenElse(sees, hn::Set(tag, 1.0F), seen), tag, rows.seen.data() + lane);
    hn::Store(m_new, tag, rows.m.data() + lane);
    hn::Store(keep, tag, rows.keep.data() + lane);
    hn::Store(take, tag, rows.take.data() + lane);
    hn::Store(hn::MulAdd(hn::Load(tag, rows.l.data() + lane), keep, hn::Mul(take, l_b)), tag,
              rows.l.data() + lane);
  }
}

// O_b of the keys [first, first + keys[v]) of each vector v of rows.
struct ValuePass {
  const BlockWork& work;
  RowBlock& rows;
  std::int64_t first;
  std::array<std::int64_t, kVectors> keys;
  float* partial;
  template <int NV>
  HWY_INLINE void run(int lane) const {
    ValueProduct product{.value = work.value.data + first * work.value.stride,
                         .value_stride = work.value.stride,
                         .keys = {},
                         .weight = work.panel + first * kRows + lane,
                         .out = rows.o + lane,
                         .partial = partial == nullptr ? nullptr : partial + lane,
                         .first = rows.untouched,
                         .keep = rows.keep.data() + lane,
                         .take = rows.take.data() + lane};
    std::copy(keys.begin(), keys.end(), product.keys);
    multiply_values<NV>(product, work.value_size, *work.ahead);
  }
};

// O is 0, not just said to be so.
inline void clear_output(const BlockWork& work, RowBlock& rows) {
  if (rows.untouched) std::fill_n(rows.o, work.value_size * kRows, 0.0F);
  rows.untouched = false;
}

// All keys of a block at once, straight into O. Returns false where they do not come in a
// staircase.
inline bool fold_values(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  const Segment& first = segments.items[0];
#if HWY_TARGET <= HWY_AVX3
  const bool staircase = segments.is_staircase(rows.steps);
  if (!staircase && !segments.whole()) return false;
  if (!staircase) clear_output(work, rows);
  ValuePass pass{work, rows, first.first, {}, nullptr};
  for (int step = first.step_first; step < first.step_last; ++step) {
    pass.keys[static_cast<std::size_t>(step - first.step_first)] =
        segments.keys_of_step(step).last - first.first;
  }
  for_vectors(first, pass);
#else
  static_cast<void>(first);
  if (!segments.whole() || first.step_first > 0 || first.step_last < rows.steps)
    clear_output(work, rows);
  for (int step = 0; step < rows.steps; ++step) {
    const KeyRange keys = segments.keys_of_step(step);
    if (keys.first >= keys.last) continue;
    ValuePass pass{work, rows, keys.first, {}, nullptr};
    pass.keys.fill(keys.last - keys.first);
    for_vectors(Segment{0, 0, step, step + 1, 0}, pass);
  }
#endif
  rows.untouched = false;
  return true;
}

// O' = O a + c O_b over the rows' steps in use, where O_b was gathered segment by segment.
inline void fold_partial(const BlockWork& work, RowBlock& rows) {
  const FloatTag tag;
  for (int lane = 0; lane < rows.steps * kRowStep; lane += kVectorRows) {
    const FloatVector keep = hn::Load(tag, rows.keep.data() + lane);
    const FloatVector take = hn::Load(tag, rows.take.data() + lane);
    for (std::int64_t c = 0; c < work.value_size; ++c) {
      float* const out = rows.o + c * kRows + lane;
      const FloatVector sum = hn::Load(tag, work.partial + c * kRows + lane);
      hn::Store(hn::MulAdd(hn::Load(tag, out), keep, hn::Mul(take, sum)), tag, out);
    }
  }
}

// Keys of a segment whose values are not all finite: each lane takes only the keys that it sees. 0
// · inf is NaN.
inline void select_values(const BlockWork& work, const Segment& segment) {
  const FloatTag tag;
  for (int lane = segment.step_first * kRowStep; lane < segment.step_last * kRowStep;
       lane += kVectorRows) {
    for (std::int64_t c = 0; c < work.value_size; ++c) {
      float* const out = work.partial + c * kRows + lane;
      FloatVector sum = hn::Load(tag, out);
      for (int j = segment.first; j < segment.last; ++j) {
        const FloatVector p = hn::Load(tag, work.panel + j * kRows + lane);
        const FloatVector x = hn::Set(tag, work.value.data[j * work.value.stride + c]);
        sum = hn::IfThenElse(hn::Eq(p, hn::Set(tag, kHiddenWeight)), sum, hn::MulAdd(x, p, sum));
      }
      hn::Store(sum, tag, out);
    }
  }
}

// Modifiers but for what position hides. The maximum is that of the last pass: each begins from
// what the segments before had.
inline void modify_segment(const BlockWork& work, const Segment& segment,
                           const std::array<float, kRows>& before, RowBlock& rows) {
  const ValidAttention& problem = *work.problem;
  const auto pass = [&]() -> ScoreSegment {
    rows.m_b = before;
    return {segment, work.panel, rows.m_b.data(), work.first_key};
  };
  if (rows.rows.any_factor) modify(pass(), LateFactor{rows.rows});
  if (problem.softcap > 0) modify(pass(), Softcap{work.factors.softcap});
  if (problem.bias.given()) add_bias(pass(), problem, rows.rows);
  if (problem.alibi_slopes.given()) add_alibi(pass(), problem, rows.rows);
  if (work.keep != nullptr && !work.keep->all) modify(pass(), HideByKeep{*work.keep});
}

// S of all segments, modified, with hidden scores at -inf, and its maximum m_b.
inline void score_block(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  const bool modified = work.modified || rows.rows.any_factor;
  rows.m_b.fill(-kFloatInfinity);
  for (const Segment& segment : segments.all()) {
    const std::array<float, kRows> before = rows.m_b;
    for_vectors(segment, ScorePass{work, rows, segment});
    if (modified) modify_segment(work, segment, before, rows);
    for (int step = segment.step_first; step < segment.step_last; ++step) {
      if ((segment.hiding >> step & 1U) == 0) continue;
      const auto lane = static_cast<std::size_t>(step * kRowStep);
      std::copy_n(before.begin() + lane, kRowStep, rows.m_b.begin() + lane);
      const Segment hiding{segment.first, segment.last, step, step + 1, 1U << step};
      modify({hiding, work.panel, rows.m_b.data(), work.first_key}, HideByRange{rows});
    }
  }
}

// O_b of all keys, into O.
inline void add_values(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  if (!work.select_values && fold_values(work, segments, rows)) return;
  clear_output(work, rows);
  std::fill_n(work.partial, work.value_size * kRows, 0.0F);
  for (const Segment& segment : segments.all()) {
    if (work.select_values) {
      select_values(work, segment);
      continue;
    }
    ValuePass pass{work, rows, segment.first, {}, work.partial};
    pass.keys.fill(segment.last - segment.first);
    for_vectors(segment, pass);
  }
  fold_partial(work, rows);
}

// S becomes P, and its sums.
template <Kept kKept>
inline void weigh_block(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  rows.l_b.fill(0.0F);
  rows.l_part.fill(0.0F);
  for (const Segment& segment : segments.all())
    for_vectors(segment, WeighPass<kKept>{work, rows, segment});
}

// One key block into (m, l, O).
inline void fold_key_block(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  score_block(work, segments, rows);
  weigh_block<Kept::sums>(work, segments, rows);
  fold_sums(rows);
  add_values(work, segments, rows);
}

// The same, watched. Nothing that observers do reaches (m, l, O).
inline void fold_watched_block(BlockWork work, const Segments& segments, RowBlock& rows) {
  RowWatch& watch = *work.watch;
  work.panel = start_block(watch, work.first_key, segments, work.panel);
  if (watch.all->needs_weights) clear_unscored(segments, work.panel);
  const ObservedBlock observed{segments, rows, work.panel, work.first_key};
  score_block(work, segments, rows);
  AllObservers::scores(watch, observed);
  if (watch.all->needs_entropy) {
    weigh_block<Kept::spread>(work, segments, rows);
  } else if (watch.all->keeps_stretches) {
    weigh_block<Kept::stretches>(work, segments, rows);
  } else {
    weigh_block<Kept::sums>(work, segments, rows);
  }
  fold_sums(rows);
  add_values(work, segments, rows);
  // Marks of hidden keys have done their work.
  for (int i = 0; i < kBlockKeys * kRows && work.select_values; ++i)
    if (work.panel[i] == kHiddenWeight) work.panel[i] = 0;
  log_block(watch, observed);
}

// P of a key block a second time, relative to its own maximum, which comes out the same.
inline const float* weigh_again(const BlockWork& work, const Segments& segments, RowBlock& rows) {
  clear_unscored(segments, work.panel);
  score_block(work, segments, rows);
  weigh_block<Kept::sums>(work, segments, rows);
  return work.panel;
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
