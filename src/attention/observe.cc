// The few facts about observations that need no kernel: cells, buckets.
#include "fovea/attention/observe.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace fovea {
namespace {

constexpr std::int64_t kMostCells = 64;
constexpr int kNearBits = 6;
static_assert(kNearDistances == std::int64_t{1} << kNearBits);

std::int64_t cell_for(std::int64_t tokens) noexcept {
  std::int64_t cell = 1;
  while (cell * kMostCells < tokens) cell *= 2;
  return cell;
}

// Of distances from 0 up.
std::int64_t back_bucket(std::int64_t distance) noexcept {
  if (distance < kNearDistances) return distance;
  const int power = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(distance))) - 1;
  return std::min(kNearDistances + power - kNearBits, kBackBuckets - 1);
}

}  // namespace

PoolCells filled(const PoolCells& asked, std::int64_t queries, std::int64_t keys) noexcept {
  return {asked.queries > 0 ? asked.queries : cell_for(queries),
          asked.keys > 0 ? asked.keys : cell_for(keys)};
}

void TileObserver::tile(const ObservedTile&) {}
void TileObserver::weights(const ObservedTile&) {}

bool Observe::any() const noexcept {
  return top_weights != 0 || entropy || received || pooled_map || distance || !rows.empty() ||
         !columns.empty() || mass_first != 0 || mass_self || mass_previous ||
         query_labels.given() || key_labels.given() || row_statistics || own != nullptr;
}

std::int64_t distance_bucket(std::int64_t distance) noexcept {
  // Keys after the diagonal have no bucket for 0; the least number has no counterpart.
  distance = std::max(distance, -std::numeric_limits<std::int64_t>::max());
  return distance >= 0 ? back_bucket(distance) : kBackBuckets - 1 + back_bucket(-distance);
}

DistanceRange distances_of(std::int64_t bucket) noexcept {
  const bool ahead = bucket >= kBackBuckets;
  const std::int64_t back = ahead ? bucket - kBackBuckets + 1 : bucket;
  DistanceRange range{back, back};
  if (back >= kNearDistances) {
    range.nearest = std::int64_t{1} << (back - kNearDistances + kNearBits);
    range.farthest = 2 * range.nearest - 1;
  }
  return ahead ? DistanceRange{-range.nearest, -range.farthest} : range;
}

}  // namespace fovea
