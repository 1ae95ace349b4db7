// A small picture of each head: weights added up over cells of queries and keys.
//
// Cells of 16 keys times a whole number need no single weight: the sums that the softmax makes anyway,
// of a key block or of 16 keys, times the row's factor. Other cells read P.
#if defined(FOVEA_KERNELS_OBSERVE_POOLED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_POOLED_INL_H_
#undef FOVEA_KERNELS_OBSERVE_POOLED_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_POOLED_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObservePooled {
  static bool wanted(const RowWatch& watch) { return watch.pooled != nullptr; }
  static bool needs_weights(const RowWatch& watch, std::int64_t) {
    return watch.all->cells.keys % kSumKeys != 0;
  }

  static void finish(RowWatch& watch) {
    for (int lane = 0; lane < watch.count; ++lane) {
      if (watch.share[static_cast<std::size_t>(lane)] > 0)
        ++watch.pooled_rows[(watch.first_query + lane) / watch.all->cells.queries];
    }
  }

  static void share(RowWatch& watch, const ShareTile& tile) {
    const std::int64_t cell = watch.all->cells.keys;
    if (cell % kBlockKeys == 0) {
      add_sums(watch, tile.first_key / cell, watch.l_b + tile.block * kRows, tile.factor);
    } else if (cell % kSumKeys == 0) {
      add_stretches(watch, tile, cell);
    } else {
      add_keys(watch, tile, cell);
    }
  }

 private:
  static void add_stretches(RowWatch& watch, const ShareTile& tile, std::int64_t cell) {
    const FloatTag tag;
    const float* const stretches = watch.stretch_of(tile.block);
    const int last = static_cast<int>((tile.keys.last + kSumKeys - 1) / kSumKeys);
    for (int s = static_cast<int>(tile.keys.first / kSumKeys); s < last;) {
      const std::int64_t column = (tile.first_key + s * kSumKeys) / cell;
      HWY_ALIGN float sums[kRows];
      std::copy_n(stretches + s * kRows, kRows, sums);
      while (++s < last && (tile.first_key + s * kSumKeys) / cell == column) {
        for (int lane = 0; lane < kRows; lane += kVectorRows) {
          const FloatVector more = hn::Load(tag, stretches + s * kRows + lane);
          hn::Store(hn::Add(hn::Load(tag, sums + lane), more), tag, sums + lane);
        }
      }
      add_sums(watch, column, sums, tile.factor);
    }
  }

  static void add_keys(RowWatch& watch, const ShareTile& tile, std::int64_t cell) {
    const FloatTag tag;
    for (std::int64_t j = tile.keys.first; j < tile.keys.last;) {
      const std::int64_t column = (tile.first_key + j) / cell;
      const std::int64_t end = std::min(tile.keys.last, (column + 1) * cell - tile.first_key);
      HWY_ALIGN float sums[kRows] = {};
      for (; j < end; ++j) {
        for (int lane = 0; lane < kRows; lane += kVectorRows) {
          const FloatVector p = hn::Load(tag, tile.p + j * kRows + lane);
          hn::Store(hn::Add(hn::Load(tag, sums + lane), p), tag, sums + lane);
        }
      }
      add_sums(watch, column, sums, tile.factor);
    }
  }

  // Adds the rows' sums, times their factors, to a column of cells.
  static void add_sums(RowWatch& watch, std::int64_t column, const float* sums,
                       const float* factor) {
    const std::int64_t cell = watch.all->cells.queries;
    const std::int64_t columns = watch.all->cell_columns;
    for (int lane = 0; lane < watch.count;) {
      const std::int64_t row = (watch.first_query + lane) / cell;
      const auto end = static_cast<int>(
          std::min<std::int64_t>(watch.count, (row + 1) * cell - watch.first_query));
      // Four chains: one of 64 would wait for each addition.
      float part[4] = {};
      for (int i = lane; i < end; ++i) part[i % 4] += sums[i] * factor[i];
      watch.pooled[row * columns + column] +=
          to_fixed(static_cast<double>((part[0] + part[1]) + (part[2] + part[3])));
      lane = end;
    }
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
