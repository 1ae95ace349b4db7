// All weights of chosen queries and of chosen keys: their scores are written where the weights will
// stand, and become weights there when the row block ends.
#if defined(FOVEA_KERNELS_OBSERVE_LINES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_LINES_INL_H_
#undef FOVEA_KERNELS_OBSERVE_LINES_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_LINES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveRows {
  static bool wanted(const RowWatch& watch) { return !watch.all->asked.rows.empty(); }

  static void start(RowWatch& watch) {
    for_rows(watch, [&](int, float* to, std::int64_t stride) {
      for (std::int64_t j = 0; j < watch.all->problem.keys(); ++j) to[j * stride] = -kFloatInfinity;
    });
  }

  static void scores(RowWatch& watch, const ObservedBlock& block) {
    for_rows(watch, [&](int lane, float* to, std::int64_t stride) {
      const KeyRange keys = block.segments.keys_of_step(lane / kRowStep);
      for (std::int64_t j = keys.first; j < keys.last; ++j)
        to[(block.first_key + j) * stride] = block.panel[j * kRows + lane];
    });
  }

  static void finish(RowWatch& watch) {
    const std::int64_t keys = watch.all->problem.keys();
    for_rows(watch, [&](int lane, float* to, std::int64_t stride) {
      if (stride == 1) return weights_of_row(watch, lane, to, keys);
      for (std::int64_t j = 0; j < keys; ++j) weights_of_row(watch, lane, to + j * stride, 1);
    });
  }

 private:
  template <class Visit>
  static void for_rows(const RowWatch& watch, const Visit& visit) {
    const MutableTensorView& view = watch.all->targets.rows;
    std::int64_t at = 0;
    for (const std::int64_t query : watch.all->asked.rows) {
      const std::int64_t lane = query - watch.first_query;
      if (0 <= lane && lane < watch.count) {
        const std::int64_t offset =
            watch.batch * view.stride(0) + watch.slot * view.stride(1) + at * view.stride(2);
        visit(static_cast<int>(lane), static_cast<float*>(view.mutable_data()) + offset,
              view.stride(3));
      }
      ++at;
    }
  }
};

struct ObserveColumns {
  static bool wanted(const RowWatch& watch) { return !watch.all->asked.columns.empty(); }

  static void start(RowWatch& watch) {
    for_columns(watch, [&](std::int64_t, float* to, std::int64_t stride) {
      for (int lane = 0; lane < watch.count; ++lane) to[lane * stride] = -kFloatInfinity;
    });
  }

  static void scores(RowWatch& watch, const ObservedBlock& block) {
    for_columns(watch, [&](std::int64_t key, float* to, std::int64_t stride) {
      const std::int64_t j = key - block.first_key;
      if (j < 0 || j >= kBlockKeys) return;
      for (int lane = 0; lane < watch.count; ++lane) {
        const KeyRange keys = block.segments.keys_of_step(lane / kRowStep);
        if (keys.first <= j && j < keys.last) to[lane * stride] = block.panel[j * kRows + lane];
      }
    });
  }

  static void finish(RowWatch& watch) {
    for_columns(watch, [&](std::int64_t, float* to, std::int64_t stride) {
      HWY_ALIGN float scores[kRows];
      std::fill(scores, scores + kRows, -kFloatInfinity);
      for (int lane = 0; lane < watch.count; ++lane) scores[lane] = to[lane * stride];
      weights_of_rows(watch, scores);
      for (int lane = 0; lane < watch.count; ++lane) to[lane * stride] = scores[lane];
    });
  }

 private:
  // `to` is where the row block's first query goes.
  template <class Visit>
  static void for_columns(const RowWatch& watch, const Visit& visit) {
    const MutableTensorView& view = watch.all->targets.columns;
    std::int64_t at = 0;
    for (const std::int64_t key : watch.all->asked.columns) {
      const std::int64_t offset = watch.batch * view.stride(0) + watch.slot * view.stride(1) +
                                  at++ * view.stride(2) + watch.first_query * view.stride(3);
      visit(key, static_cast<float*>(view.mutable_data()) + offset, view.stride(3));
    }
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
