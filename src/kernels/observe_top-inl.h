// The k largest weights of each row.
//
// A key of the k largest lies in one of the k tiles of 8 keys with the largest maxima (of equal ones,
// the first). The maxima are put in order, for all rows of a vector at once, by k compare-exchanges; a
// tile that no row wants costs its maximum and a compare. Of the others the scores are kept, so the end
// needs no product: it picks what is not below the k-th maximum, and sorts it, again all rows of a
// vector at once. Scores that rise along the keys put every tile in order: 2 k operations for 8 keys of
// a vector of rows, which products of head size 64 outweigh 60 times at k = 8.
#if defined(FOVEA_KERNELS_OBSERVE_TOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_TOP_INL_H_
#undef FOVEA_KERNELS_OBSERVE_TOP_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_TOP_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveTop {
  static bool wanted(const RowWatch& watch) { return watch.top.k > 0; }

  static void start(RowWatch& watch) {
    TopWatch& top = watch.top;
    std::fill_n(top.largest, top.k * kRows, -kFloatInfinity);
    top.used.fill(0);
  }

  static void scores(RowWatch& watch, const ObservedBlock& block) {
    for (int step = 0; step < block.rows.steps; ++step) {
      const KeyRange keys = block.segments.keys_of_step(step);
      for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; lane += kVectorRows)
        put_tiles(watch, block, keys, lane);
    }
  }

  static void finish(RowWatch& watch) {
    for (int vector = 0; vector * kVectorRows < watch.count; ++vector) store_vector(watch, vector);
  }

 private:
  using Index = hn::RebindToSigned<FloatTag>;
  static constexpr std::int64_t kTileFloats = std::int64_t{kTopTile} * kVectorRows;

  static float* tile_at(const TopWatch& top, int vector, std::int64_t slot) {
    return top.scores + (vector * top.capacity + slot) * kTileFloats;
  }

  static HWY_INLINE void put_tiles(RowWatch& watch, const ObservedBlock& block,
                                   const KeyRange& keys, int lane) {
    const FloatTag tag;
    TopWatch& top = watch.top;
    const float* const least = top.largest + (top.k - 1) * kRows + lane;
    for (std::int64_t key = keys.first / kTopTile * kTopTile; key < keys.last; key += kTopTile) {
      const float* const from = block.panel + key * kRows + lane;
      Vectors<kTopTile> s;
      if (HWY_LIKELY(keys.first <= key && key + kTopTile <= keys.last)) {
#pragma GCC unroll 8
        for (int i = 0; i < kTopTile; ++i) s[i] = hn::Load(tag, from + i * kRows);
      } else {
        for (int i = 0; i < kTopTile; ++i) {
          const bool scored = keys.first <= key + i && key + i < keys.last;
          s[i] = scored ? hn::Load(tag, from + i * kRows) : hn::Set(tag, -kFloatInfinity);
        }
      }
      const FloatVector largest = hn::Max(hn::Max(hn::Max(s[0], s[1]), hn::Max(s[2], s[3])),
                                          hn::Max(hn::Max(s[4], s[5]), hn::Max(s[6], s[7])));
      if (hn::AllFalse(tag, hn::Gt(largest, hn::Load(tag, least)))) continue;
      keep_tile(top, lane, static_cast<std::int32_t>(block.first_key + key), s, largest);
    }
  }

  static HWY_INLINE void keep_tile(TopWatch& top, int lane, std::int32_t key,
                                   const Vectors<kTopTile>& s, FloatVector largest) {
    const FloatTag tag;
    const int vector = lane / kVectorRows;
    std::int64_t& used = top.used[static_cast<std::size_t>(vector)];
    if (used == top.capacity) clear_out(top, vector);
    float* const tile = tile_at(top, vector, used);
#pragma GCC unroll 8
    for (int i = 0; i < kTopTile; ++i) hn::Store(s[i], tag, tile + i * kVectorRows);
    top.first_key[vector * top.capacity + used++] = key;
    float* place = top.largest + lane;
    for (std::int64_t t = 0; t < top.k; ++t, place += kRows) {
      // Eight places at once where none is below it.
      constexpr std::int64_t kRun = 8;
      while (t + kRun < top.k &&
             hn::AllFalse(tag, hn::Gt(largest, hn::Load(tag, place + (kRun - 1) * kRows)))) {
        t += kRun;
        place += kRun * kRows;
      }
      const FloatVector there = hn::Load(tag, place);
      hn::Store(hn::Max(there, largest), tag, place);
      largest = hn::Min(there, largest);
    }
  }

  // Tiles that no row wants any more make room. Of maxima equal to the k-th the first k will do.
  static HWY_NOINLINE void clear_out(TopWatch& top, int vector) {
    const FloatTag tag;
    const FloatVector least =
        hn::Load(tag, top.largest + (top.k - 1) * kRows + vector * kVectorRows);
    const FloatVector most_equal = hn::Set(tag, static_cast<float>(top.k));
    FloatVector equal = hn::Zero(tag);
    std::int64_t used = 0;
    std::int32_t* const keys = top.first_key + vector * top.capacity;
    for (std::int64_t i = 0; i < top.capacity; ++i) {
      const float* const from = tile_at(top, vector, i);
      FloatVector largest = hn::Load(tag, from);
      for (int j = 1; j < kTopTile; ++j)
        largest = hn::Max(largest, hn::Load(tag, from + j * kVectorRows));
      const auto is_equal = hn::Eq(largest, least);
      const auto wanted =
          hn::Or(hn::Gt(largest, least), hn::And(is_equal, hn::Lt(equal, most_equal)));
      if (hn::AllFalse(tag, wanted)) continue;
      equal = hn::Add(equal, hn::IfThenElseZero(is_equal, hn::Set(tag, 1.0F)));
      if (used != i) std::memcpy(tile_at(top, vector, used), from, sizeof(float) * kTileFloats);
      keys[used++] = keys[i];
    }
    top.used[static_cast<std::size_t>(vector)] = used;
  }

  // Puts the scores that may be among their rows' k largest into the rows' columns, and their numbers
  // into `counts`. Tiles lie in the order of their keys; of scores equal to the k-th maximum the first
  // k will do, which bounds a column by 8 (k - 1) + k.
  static void find_rows(const RowWatch& watch, int vector, int rows, std::int64_t* counts) {
    const FloatTag tag;
    const TopWatch& top = watch.top;
    const int first = vector * kVectorRows;
    const FloatVector l = hn::Load(tag, watch.l.data() + first);
    const FloatVector least = hn::Load(tag, top.largest + (top.k - 1) * kRows + first);
    const auto asks =
        hn::And(hn::FirstN(tag, static_cast<std::size_t>(rows)), hn::Not(hn::IsNaN(l)));
    std::int64_t equal[kVectorRows] = {};
    HWY_ALIGN float least_of[kVectorRows];
    hn::Store(least, tag, least_of);
    for (std::int64_t slot = 0; slot < top.used[static_cast<std::size_t>(vector)]; ++slot) {
      const float* const tile = tile_at(top, vector, slot);
      const std::int32_t key = top.first_key[vector * top.capacity + slot];
      for (int i = 0; i < kTopTile; ++i) {
        const float* const scores = tile + i * kVectorRows;
        const FloatVector s = hn::Load(tag, scores);
        const auto wanted =
            hn::And(hn::And(hn::Ge(s, least), asks), hn::Gt(s, hn::Set(tag, -kFloatInfinity)));
        std::uint64_t bits = 0;
        hn::StoreMaskBits(tag, wanted, reinterpret_cast<std::uint8_t*>(&bits));
        for (; bits != 0; bits &= bits - 1) {
          const int lane = std::countr_zero(bits);
          if (scores[lane] == least_of[lane] && ++equal[lane] > top.k) continue;
          const std::int64_t at = counts[lane]++ * kVectorRows + lane;
          top.found_scores[at] = scores[lane];
          top.found_keys[at] = key + i;
        }
      }
    }
  }

  // Scores and their keys, one of each row of a vector.
  struct Entry {
    FloatVector score;
    hn::Vec<Index> key;
  };

  // Puts the larger score first, of equal ones the lower key.
  static HWY_INLINE void order(Entry& a, Entry& b) {
    const FloatTag tag;
    const auto lower = hn::RebindMask(tag, hn::Gt(a.key, b.key));
    const auto swap = hn::Or(hn::Gt(b.score, a.score), hn::And(hn::Eq(b.score, a.score), lower));
    const auto swap_keys = hn::RebindMask(Index(), swap);
    const Entry first{hn::IfThenElse(swap, b.score, a.score),
                      hn::IfThenElse(swap_keys, b.key, a.key)};
    b = {hn::IfThenElse(swap, a.score, b.score), hn::IfThenElse(swap_keys, a.key, b.key)};
    a = first;
  }

  static HWY_INLINE Entry load_entry(const TopWatch& top, std::int64_t i) {
    return {hn::Load(FloatTag(), top.found_scores + i * kVectorRows),
            hn::Load(Index(), top.found_keys + i * kVectorRows)};
  }
  static HWY_INLINE void store_entry(const TopWatch& top, std::int64_t i, const Entry& entry) {
    hn::Store(entry.score, FloatTag(), top.found_scores + i * kVectorRows);
    hn::Store(entry.key, Index(), top.found_keys + i * kVectorRows);
  }

  // The last three steps of each run on eight entries in registers; of the first runs all steps.
  template <bool kFirstRuns>
  static HWY_INLINE void sort_eight(const TopWatch& top, std::int64_t first, bool falling) {
    Entry e[8];
    // Entries that are to rise are taken from the end.
    const std::int64_t from = falling ? first : first + 7;
    const std::int64_t step = falling ? 1 : -1;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) e[i] = load_entry(top, from + i * step);
    if constexpr (kFirstRuns) {
#pragma GCC unroll 4
      for (int i = 0; i < 8; i += 4) {
        order(e[i], e[i + 1]);
        order(e[i + 3], e[i + 2]);
      }
      order(e[0], e[2]);
      order(e[1], e[3]);
      order(e[0], e[1]);
      order(e[2], e[3]);
      order(e[6], e[4]);
      order(e[7], e[5]);
      order(e[5], e[4]);
      order(e[7], e[6]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) order(e[i], e[i + 4]);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 4) {
      order(e[i], e[i + 2]);
      order(e[i + 1], e[i + 3]);
      order(e[i], e[i + 1]);
      order(e[i + 2], e[i + 3]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) store_entry(top, from + i * step, e[i]);
  }

  // Batcher's bitonic sorter over all rows of a vector at once; `count` is a power of two from 8.
  static void sort_rows(const TopWatch& top, std::int64_t count) {
    for (std::int64_t first = 0; first < count; first += 8)
      sort_eight<true>(top, first, (first & 8) == 0);
    for (std::int64_t run = 16; run <= count; run *= 2) {
      for (std::int64_t apart = run / 2; apart >= 8; apart /= 2) {
        for (std::int64_t first = 0; first < count; first += 2 * apart) {
          const bool falling = (first & run) == 0;
          for (std::int64_t i = first; i < first + apart; ++i) {
            Entry a = load_entry(top, falling ? i : i + apart);
            Entry b = load_entry(top, falling ? i + apart : i);
            order(a, b);
            store_entry(top, falling ? i : i + apart, a);
            store_entry(top, falling ? i + apart : i, b);
          }
        }
      }
      for (std::int64_t first = 0; first < count; first += 8)
        sort_eight<false>(top, first, (first & run) == 0);
    }
  }

  static void store_vector(const RowWatch& watch, int vector) {
    const TopWatch& top = watch.top;
    const int rows = std::min(kVectorRows, watch.count - vector * kVectorRows);
    std::int64_t counts[kVectorRows] = {};
    std::int64_t most = 0;
    find_rows(watch, vector, rows, counts);
    for (const std::int64_t count : counts) most = std::max(most, count);
    const auto size = static_cast<std::int64_t>(
        std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(8, most))));
    for (int lane = 0; lane < kVectorRows; ++lane) {
      for (std::int64_t i = counts[lane]; i < size; ++i) {
        top.found_scores[i * kVectorRows + lane] = -kFloatInfinity;
        top.found_keys[i * kVectorRows + lane] = INT32_MAX;
      }
    }
    sort_rows(top, size);
    store_sorted(watch, vector, rows, std::min(size, top.k));
  }

  static void store_sorted(const RowWatch& watch, int vector, int rows, std::int64_t count) {
    const FloatTag tag;
    const TopWatch& top = watch.top;
    const ObservationTargets& targets = watch.all->targets;
    const int first = vector * kVectorRows;
    const FloatVector m = hn::Load(tag, watch.m.data() + first);
    const FloatVector l = hn::Load(tag, watch.l.data() + first);
    const FloatVector share = one_over(l);
    const std::int64_t offset = result_offset(watch, targets.top_weights, first);
    float* const to = static_cast<float*>(targets.top_weights.mutable_data()) + offset;
    auto* const keys = static_cast<std::int32_t*>(targets.top_indices.mutable_data()) +
                       result_offset(watch, targets.top_indices, first);
    HWY_ALIGN float weights[kVectorRows];
    for (std::int64_t t = 0; t < top.k; ++t) {
      const float* const scores = top.found_scores + t * kVectorRows;
      const FloatVector none = hn::IfThenElseZero(hn::IsNaN(l), hn::Set(tag, kFloatNaN));
      hn::Store(t < count
                    ? hn::IfThenElse(hn::IsNaN(l), l, weight_of(hn::Load(tag, scores), m, share))
                    : none,
                tag, weights);
      for (int lane = 0; lane < rows; ++lane) {
        to[lane * targets.top_weights.stride(2) + t * targets.top_weights.stride(3)] =
            weights[lane];
        keys[lane * targets.top_indices.stride(2) + t * targets.top_indices.stride(3)] =
            t < count && scores[lane] > -kFloatInfinity ? top.found_keys[t * kVectorRows + lane]
                                                        : -1;
      }
    }
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
