// The caller's own observer: tiles of scores as they come by, tiles of weights when rows end.
#if defined(FOVEA_KERNELS_OBSERVE_OWN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_OWN_INL_H_
#undef FOVEA_KERNELS_OBSERVE_OWN_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_OWN_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/log-inl.h"
#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveOwn {
  static bool wanted(const RowWatch& watch) { return watch.own_tile != nullptr; }
  static bool needs_weights(const RowWatch&, std::int64_t) { return true; }

  // Scores in natural units, while they are there.
  static void scores(RowWatch& watch, const ObservedBlock& block) {
    const FloatTag tag;
    std::fill_n(watch.own_tile, kBlockKeys * kRows, -kFloatInfinity);
    for (int step = 0; step < block.rows.steps; ++step) {
      const KeyRange keys = block.segments.keys_of_step(step);
      for (std::int64_t j = keys.first; j < keys.last; ++j) {
        for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; lane += kVectorRows) {
          const FloatVector s = hn::Load(tag, block.panel + j * kRows + lane);
          hn::Store(natural(s), tag, watch.own_tile + j * kRows + lane);
        }
      }
    }
  }

  static void weights(RowWatch& watch, const ObservedBlock& block) {
    ObservedTile tile = place(watch, block.first_key);
    tile.scores = watch.own_tile;
    tile.weights = block.panel;
    watch.all->guarded([&] { watch.all->asked.own->tile(tile); });
  }

  static void share(RowWatch& watch, const ShareTile& of) {
    const FloatTag tag;
    for (int at = 0; at < kBlockKeys * kRows; at += kVectorRows) {
      const FloatVector factor = hn::Load(tag, of.factor + at % kRows);
      hn::Store(hn::Mul(hn::Load(tag, of.p + at), factor), tag, watch.own_tile + at);
    }
    ObservedTile tile = place(watch, of.first_key);
    tile.weights = watch.own_tile;
    watch.all->guarded([&] { watch.all->asked.own->weights(tile); });
  }

 private:
  static FloatVector natural(FloatVector s) {
    const FloatTag tag;
    const FloatVector hidden = hn::Set(tag, -kFloatInfinity);
    return hn::IfThenElse(hn::Eq(s, hidden), hidden, from_log2_units(s));
  }

  static ObservedTile place(const RowWatch& watch, std::int64_t first_key) {
    return {.batch = watch.batch,
            .head = watch.head,
            .first_query = watch.first_query,
            .queries = watch.count,
            .first_key = first_key,
            .keys = std::min<std::int64_t>(kBlockKeys, watch.all->problem.keys() - first_key)};
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
