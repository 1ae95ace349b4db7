// How far back each head looks: weight by the distance of a key from its row's diagonal.
//
// The rows of a block follow each other, so a key's distances are 64 numbers in a row. Where 16 keys
// and 64 rows lie in one bucket, their sums are added; where a boundary between buckets, or the near
// distances that have a bucket each, pass through, a key's 64 weights are added to a slide of 128
// distances around the boundary, a vector add that starts at the key's own distance.
#if defined(FOVEA_KERNELS_OBSERVE_DISTANCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_DISTANCE_INL_H_
#undef FOVEA_KERNELS_OBSERVE_DISTANCE_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_DISTANCE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveDistance {
  static bool wanted(const RowWatch& watch) { return watch.distance != nullptr; }
  static bool needs_weights(const RowWatch& watch, std::int64_t block) {
    const std::int64_t base = watch.diagonal[0] - block * kBlockKeys;
    for (int key = 0; key < kBlockKeys; key += kSumKeys)
      if (!is_uniform(base - key - (kSumKeys - 1), base - key + kRows - 1)) return true;
    return false;
  }

  static void finish(RowWatch& watch) {
    std::fill_n(watch.near_slide, kNearSlide, 0.0F);
    std::fill_n(watch.slides, kSlides * kSlide, 0.0F);
    watch.slides_used = 0;
    for (int lane = 0; lane < watch.count; ++lane)
      watch.distance[kDistanceBuckets] += watch.share[static_cast<std::size_t>(lane)] > 0 ? 1 : 0;
  }

  static void share(RowWatch& watch, const ShareTile& tile) {
    // Row `lane` sees key j of the block at distance base + lane - j.
    const std::int64_t base = watch.diagonal[0] - tile.first_key;
    const float* const stretches = watch.stretch_of(tile.block);
    Pending pending;
    for (std::int64_t j = tile.keys.first / kSumKeys * kSumKeys; j < tile.keys.last;
         j += kSumKeys) {
      const std::int64_t least = base - j - (kSumKeys - 1);
      const std::int64_t most = base - j + kRows - 1;
      if (is_uniform(least, most)) {
        pending.add(watch, distance_bucket(least), stretches + j / kSumKeys * kRows, tile.factor);
        continue;
      }
      const std::int64_t last = std::min(tile.keys.last, j + kSumKeys);
      for (std::int64_t key = std::max(tile.keys.first, j); key < last; ++key)
        add_key(watch, tile.p + key * kRows, tile.factor, base - key, pending);
    }
    pending.flush(watch);
  }

  // After the last tile: each slide's distances go to their buckets.
  static void end(RowWatch& watch) {
    const float* const near = watch.near_slide + kNearSlide / 2;
    for (std::int64_t d = 1 - kNearDistances; d < kNearDistances; ++d)
      add_to(watch, distance_bucket(d), near[d]);
    for (std::int64_t d = kNearDistances; d < kNearSlide / 2; d *= 2) {
      add_to(watch, distance_bucket(d), sum_of(near + d, d));
      add_to(watch, distance_bucket(-d), sum_of(near - 2 * d + 1, d));
    }
    for (int i = 0; i < watch.slides_used; ++i) {
      const float* const slide = watch.slides + i * kSlide;
      const std::int64_t first = first_of(i);
      add_to(watch, distance_bucket(first), sum_of(slide, kRows));
      add_to(watch, distance_bucket(first + kRows), sum_of(slide + kRows, kRows));
    }
  }

 private:
  // 64 rows' sums for one bucket, until another has its turn.
  struct Pending {
    std::int64_t bucket = -1;
    HWY_ALIGN float sums[kRows];

    HWY_INLINE void add(RowWatch& watch, std::int64_t to, const float* numbers,
                        const float* factor) {
      const FloatTag tag;
      if (to != bucket) {
        flush(watch);
        bucket = to;
        std::fill(sums, sums + kRows, 0.0F);
      }
      for (int lane = 0; lane < kRows; lane += kVectorRows) {
        const FloatVector sum =
            hn::MulAdd(hn::Load(tag, numbers + lane), hn::Load(tag, factor + lane),
                       hn::Load(tag, sums + lane));
        hn::Store(sum, tag, sums + lane);
      }
    }
    void flush(RowWatch& watch) {
      if (bucket >= 0) add_to(watch, bucket, sum_of_64(sums));
      bucket = -1;
    }
  };

  static bool is_uniform(std::int64_t least, std::int64_t most) {
    return distance_bucket(least) == distance_bucket(most);
  }

  static void add_to(RowWatch& watch, std::int64_t bucket, float weight) {
    watch.distance[bucket] += to_fixed(static_cast<double>(weight));
  }

  static float sum_of(const float* numbers, std::int64_t count) {
    float sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += numbers[i];
    return sum;
  }

  // Slides hold 128 distances from here on, two for each power of two from 256: [power - 64, power +
  // 64), and the mirror of [power - 63, power + 65) after the diagonal.
  static std::int64_t first_of(int i) {
    const std::int64_t power = std::int64_t{kNearSlide / 2} << (i / 2);
    return i % 2 == 0 ? power - kRows : -power - kRows + 1;
  }

  // A key's 64 rows, at distances from `first` on.
  static HWY_INLINE void add_key(RowWatch& watch, const float* p, const float* factor,
                                 std::int64_t first, Pending& pending) {
    constexpr std::int64_t kNear = kNearSlide / 2;
    const std::int64_t last = first + kRows - 1;
    if (-kNear < first && last < kNear)
      return add_sliding(p, factor, watch.near_slide + (first + kNear));
    if (is_uniform(first, last)) return pending.add(watch, distance_bucket(first), p, factor);
    const auto farther = static_cast<std::uint64_t>(first > 0 ? last : -first);
    const int power = static_cast<int>(std::bit_width(farther)) - 1;
    const int slide = 2 * (power - 8) + (first > 0 ? 0 : 1);
    watch.slides_used = std::max(watch.slides_used, slide + 1);
    add_sliding(p, factor, watch.slides + slide * kSlide + (first - first_of(slide)));
  }

  static HWY_INLINE void add_sliding(const float* p, const float* factor, float* to) {
    const FloatTag tag;
    for (int lane = 0; lane < kRows; lane += kVectorRows) {
      const FloatVector sum = hn::MulAdd(hn::Load(tag, p + lane), hn::Load(tag, factor + lane),
                                         hn::LoadU(tag, to + lane));
      hn::StoreU(sum, tag, to + lane);
    }
  }

  // In one order on every target: 16 chains of 4, then a tree.
  static float sum_of_64(const float* numbers) {
    float part[kRowStep];
    for (int i = 0; i < kRowStep; ++i) {
      part[i] = ((numbers[i] + numbers[kRowStep + i]) + numbers[2 * kRowStep + i]) +
                numbers[3 * kRowStep + i];
    }
    for (int half = kRowStep / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) part[i] += part[half + i];
    return part[0];
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
