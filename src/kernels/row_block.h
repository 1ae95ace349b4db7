// 64 query rows that are computed together, one in each lane, and what each of them may see.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/factors.h"
#include "kernels/score_tile.h"

namespace fovea::kernels {

inline constexpr int kRows = TileRows::kCapacity;  // of a block: the lanes of four 512-bit vectors
inline constexpr int kRowStep = 16;                // rows are skipped in steps of this
inline constexpr int kSteps = kRows / kRowStep;
inline constexpr int kBlockKeys = static_cast<int>(kKeyBlock);

/// Keys [first, last) of a key block in which the same steps of rows [step_first, step_last) have
/// something to see.
struct Segment {
  int first;
  int last;
  int step_first;
  int step_last;
  unsigned hiding;  // a bit a step: some of these keys are hidden from some of its rows
};

/// The segments of one key block, in key order. Each step adds at most two cuts, all together two
/// more.
struct Segments {
  std::array<Segment, 2 * kSteps + 3> items;
  int count = 0;
  std::span<const Segment> all() const noexcept {
    return {items.data(), static_cast<std::size_t>(count)};
  }
  bool whole() const noexcept { return count == 1; }
  /// The keys that a step sees something of: an unbroken range.
  KeyRange keys_of_step(int step) const noexcept;
  /// True where each segment follows the one before without a gap and loses steps only from the
  /// first on: what a causal mask makes. A whole block is one too.
  bool is_staircase(int steps) const noexcept;
};

/// What a bool mask keeps of one key block, a bit a key.
struct KeepBits {
  static constexpr int kWords = kBlockKeys / 32;
  alignas(64) std::array<std::array<std::uint32_t, kRows>, kWords> words;
  std::array<KeyRange, kSteps> some;  // of each step: outside of these keys it keeps none
  bool all = false;                   // every key of the block for every row
};

/// 64 rows under way. Lanes past the last row repeat that row.
struct RowBlock {
  alignas(64) std::array<float, kRows> m;       // largest score so far, log2 units
  alignas(64) std::array<float, kRows> l;       // sum of exp2(s - m)
  alignas(64) std::array<float, kRows> m_b;     // the key block's own
  alignas(64) std::array<float, kRows> l_b;     // sum of the block's whole stretches
  alignas(64) std::array<float, kRows> l_part;  // and of the stretch under way
  alignas(64) std::array<float, kRows> keep;    // factors of old and new when they join
  alignas(64) std::array<float, kRows> take;
  alignas(64) std::array<float, kRows> seen;  // 1 where a visible key was folded in, else 0
  alignas(
      64) std::array<std::int32_t, kRows> first;  // visible keys, from the key block's first key
  alignas(64) std::array<std::int32_t, kRows> last;
  TileRows rows;
  std::int64_t least_first = 0;  // of the lanes' visible keys; lanes without any do not count
  std::int64_t most_last = 0;
  std::int64_t most_first = 0;  // of all lanes
  std::int64_t least_last = 0;
  int steps = 0;           // steps in use
  bool packed = false;     // q holds the queries
  bool untouched = false;  // nothing was folded into (m, l, O) yet: O is 0, whatever `o` holds
  bool stored = false;     // the output is written
  float* q = nullptr;      // [head_size][64], times the query factor
  float* o = nullptr;      // [value_size][64], not yet divided by l
};

/// Fills `first` and `last` and returns the segments of the key block at `key`, `keys` long. What
/// `keep`, unless null, empties is left out; what it hides besides is not in `hiding`.
Segments cut_key_block(RowBlock& block, std::int64_t key, int keys, const KeepBits* keep) noexcept;

}  // namespace fovea::kernels
