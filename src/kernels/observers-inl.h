// The list of observers, and when each is asked.
//
//   start    a row block begins
//   scores   a key block's final scores are in the panel
//   weights  its p = exp2(s - m_b) are there, and its sums in the log
//   finish   the row block's m and l are known
//   share    then, for each key block in order: its weights, as p times a factor a row
//   end      after the last
//
// An observer has of these functions what it needs; `wanted` says whether the call asks for it.
#if defined(FOVEA_KERNELS_OBSERVERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVERS_INL_H_
#undef FOVEA_KERNELS_OBSERVERS_INL_H_
#else
#define FOVEA_KERNELS_OBSERVERS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/observe_distance-inl.h"
#include "kernels/observe_entropy-inl.h"
#include "kernels/observe_lines-inl.h"
#include "kernels/observe_masses-inl.h"
#include "kernels/observe_own-inl.h"
#include "kernels/observe_pooled-inl.h"
#include "kernels/observe_received-inl.h"
#include "kernels/observe_top-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

template <class... Observers>
struct ObserverList {
  static void start(RowWatch& watch) {
    (
        [&] {
          if constexpr (requires { Observers::start(watch); })
            if (Observers::wanted(watch)) Observers::start(watch);
        }(),
        ...);
  }
  static void scores(RowWatch& watch, const ObservedBlock& block) {
    (
        [&] {
          if constexpr (requires { Observers::scores(watch, block); })
            if (Observers::wanted(watch)) Observers::scores(watch, block);
        }(),
        ...);
  }
  static void weights(RowWatch& watch, const ObservedBlock& block) {
    (
        [&] {
          if constexpr (requires { Observers::weights(watch, block); })
            if (Observers::wanted(watch)) Observers::weights(watch, block);
        }(),
        ...);
  }
  static void finish(RowWatch& watch) {
    (
        [&] {
          if constexpr (requires { Observers::finish(watch); })
            if (Observers::wanted(watch)) Observers::finish(watch);
        }(),
        ...);
  }
  static bool needs_weights(const RowWatch& watch, std::int64_t block) {
    bool needed = false;
    (
        [&] {
          if constexpr (requires { Observers::needs_weights(watch, block); })
            needed = needed || (Observers::wanted(watch) && Observers::needs_weights(watch, block));
        }(),
        ...);
    return needed;
  }
  static bool shares(const RowWatch& watch) {
    bool some = false;
    (
        [&] {
          if constexpr (requires(const ShareTile& tile, RowWatch& of) {
                          Observers::share(of, tile);
                        })
            some = some || Observers::wanted(watch);
        }(),
        ...);
    return some;
  }
  static void share(RowWatch& watch, const ShareTile& tile) {
    (
        [&] {
          if constexpr (requires { Observers::share(watch, tile); })
            if (Observers::wanted(watch)) Observers::share(watch, tile);
        }(),
        ...);
  }
  static void end(RowWatch& watch) {
    (
        [&] {
          if constexpr (requires { Observers::end(watch); })
            if (Observers::wanted(watch)) Observers::end(watch);
        }(),
        ...);
  }
};

using AllObservers =
    ObserverList<ObserveTop, ObserveEntropy, ObserveRows, ObserveColumns, ObserveKeyMasses,
                 ObserveMatch, ObservePooled, ObserveReceived, ObserveDistance, ObserveOwn>;

/// Begins a row block: what its rows are, and an empty log.
inline void start_watch(RowWatch& watch, const RowBlock& block) {
  const ValidAttention& problem = watch.all->problem;
  const TileRows& rows = block.rows;
  watch.batch = rows.batch;
  watch.head = rows.head[0];
  watch.slot = watch.all->slot_of(watch.head);
  watch.first_query = rows.query[0];
  watch.count = rows.count;
  // Far enough that no distance overflows, and farther than any key.
  constexpr std::int64_t kFarthest = std::int64_t{1} << 40;
  const std::int64_t diagonal =
      std::clamp(problem.diagonal_at(rows.batch, rows.query[0]), -kFarthest, kFarthest);
  for (std::size_t i = 0; i < kRows; ++i)
    watch.diagonal[i] = diagonal + static_cast<std::int64_t>(i);
  watch.first_block = 0;
  watch.last_block = 0;
  AllObservers::start(watch);
}

/// Begins a key block: nothing is known of it yet. Returns where its scores go.
inline float* start_block(RowWatch& watch, std::int64_t first_key, const Segments& segments,
                          float* panel) {
  const std::int64_t block = first_key / kBlockKeys;
  if (watch.first_block == watch.last_block) watch.first_block = watch.last_block = block;
  for (; watch.last_block < block; ++watch.last_block) watch.covered[watch.last_block] = {0, 0};
  watch.last_block = block + 1;
  watch.block = block;
  KeyRange& covered = watch.covered[block];
  covered = {kBlockKeys, 0};
  for (const Segment& segment : segments.all()) {
    covered.first = std::min<std::int64_t>(covered.first, segment.first);
    covered.last = std::max<std::int64_t>(covered.last, segment.last);
  }
  std::fill_n(watch.stretch_of(block), kStretches * kRows, 0.0F);
  std::fill_n(watch.e_b + (watch.all->needs_entropy ? block * kRows : 0), kRows, 0.0F);
  return watch.panel == nullptr ? panel : watch.panel_of(block);
}

/// What is not scored must not be seen: 0, like weights that are.
inline void clear_unscored(const Segments& segments, float* panel) {
  const Segment& first = segments.items[0];
  const bool all = segments.whole() && first.first == 0 && first.last == kBlockKeys &&
                   first.step_first == 0 && first.step_last == kSteps;
  if (!all) std::fill_n(panel, kBlockKeys * kRows, 0.0F);
}

// Sums of stretches that no segment completed.
inline void store_last_stretches(RowWatch& watch, const ObservedBlock& block) {
  float* const stretches = watch.stretch_of(watch.block);
  for (int step = 0; step < block.rows.steps; ++step) {
    const std::int64_t last = block.segments.keys_of_step(step).last;
    if (last % kSumKeys == 0) continue;
    const int lane = step * kRowStep;
    std::copy_n(block.rows.l_part.data() + lane, kRowStep,
                stretches + last / kSumKeys * kRows + lane);
  }
}

/// Ends a key block: it enters the log.
inline void log_block(RowWatch& watch, const ObservedBlock& block) {
  const FloatTag tag;
  if (watch.all->keeps_stretches) store_last_stretches(watch, block);
  if (watch.all->needs_log) {
    const std::int64_t at = watch.block * kRows;
    std::copy_n(block.rows.m_b.data(), kRows, watch.m_b + at);
    for (int lane = 0; lane < kRows; lane += kVectorRows) {
      const FloatVector l_b = hn::Add(hn::Load(tag, block.rows.l_b.data() + lane),
                                      hn::Load(tag, block.rows.l_part.data() + lane));
      hn::Store(l_b, tag, watch.l_b + at + lane);
    }
  }
  AllObservers::weights(watch, block);
}

// The row block's final m and l, and what its rows' weights count in totals.
inline void set_final(RowWatch& watch, const RowBlock& block) {
  watch.any_nan = false;
  for (std::size_t i = 0; i < kRows; ++i) {
    const float l = block.l[i];
    const bool counts = static_cast<int>(i) < watch.count && block.seen[i] != 0 && !std::isnan(l);
    if (static_cast<int>(i) < watch.count && std::isnan(l)) ++watch.nan_rows;
    watch.any_nan = watch.any_nan || std::isnan(l);
    watch.m[i] = block.m[i] == -kFloatInfinity ? 0.0F : block.m[i];
    watch.l[i] = l;
    watch.share[i] = counts && l > 0 ? 1.0F / l : 0.0F;
  }
}

inline void store_row_statistics(const RowWatch& watch, const RowBlock& block) {
  HWY_ALIGN float m[kRows];
  for (std::size_t i = 0; i < kRows; ++i)
    m[i] = std::isnan(block.l[i]) ? kFloatNaN : (block.l[i] == 0 ? -kFloatInfinity : block.m[i]);
  store_rows(watch, m, watch.all->targets.log2_max);
  store_rows(watch, block.l.data(), watch.all->targets.row_sum);
}

// NaN times 0 is NaN: rows that count for no total leave the tile, in the log and in P.
inline void clear_nan_rows(RowWatch& watch, const ShareTile& tile) {
  for (int lane = 0; lane < kRows; ++lane) {
    if (!std::isnan(watch.l[static_cast<std::size_t>(lane)])) continue;
    watch.l_b[tile.block * kRows + lane] = 0;
    for (int s = 0; s < kStretches && watch.all->keeps_stretches; ++s)
      watch.stretch_of(tile.block)[s * kRows + lane] = 0;
    for (int j = 0; j < kBlockKeys && tile.p != nullptr; ++j)
      const_cast<float*>(tile.p)[j * kRows + lane] = 0;
  }
}

/// Ends a row block. `weights_again(block)` computes P of a key block a second time, and returns it.
template <class WeightsAgain>
inline void finish_watch(RowWatch& watch, const RowBlock& block,
                         const WeightsAgain& weights_again) {
  const FloatTag tag;
  set_final(watch, block);
  if (watch.all->targets.log2_max.given()) store_row_statistics(watch, block);
  AllObservers::finish(watch);
  if (!AllObservers::shares(watch)) return;
  HWY_ALIGN float factor[kRows];
  for (std::int64_t b = watch.first_block; b < watch.last_block; ++b) {
    if (!watch.is_covered(b) || watch.all->failed()) continue;
    for (int lane = 0; lane < kRows; lane += kVectorRows) {
      const FloatVector share = hn::Load(tag, watch.share.data() + lane);
      const FloatVector m = hn::Load(tag, watch.m.data() + lane);
      const FloatVector c = exp2(tag, hn::Sub(hn::Load(tag, watch.m_b + b * kRows + lane), m));
      const auto counts = hn::Gt(share, hn::Zero(tag));
      hn::Store(hn::IfThenElseZero(counts, hn::Mul(c, share)), tag, factor + lane);
    }
    ShareTile tile{b, b * kBlockKeys, watch.covered[b], nullptr, factor};
    if (AllObservers::needs_weights(watch, b))
      tile.p = watch.panel != nullptr ? watch.panel_of(b) : weights_again(b);
    if (watch.any_nan) clear_nan_rows(watch, tile);
    AllObservers::share(watch, tile);
  }
  AllObservers::end(watch);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
