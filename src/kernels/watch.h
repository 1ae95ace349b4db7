// What observers keep while rows are computed: one Watch a call, one RowWatch a thread.
//
// A row's weights are known only when its last key was seen. So the row block at hand keeps, for each
// key block, the block's own maximum, sum and what else observers need of it (the log), and, where
// single weights are needed, P itself (the panel): exp2(s - m_b). When the row block ends, one factor a
// row, exp2(m_b - m) / l, makes weights of them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "fovea/attention/observe.h"
#include "fovea/attention/valid_attention.h"
#include "kernels/row_block.h"

namespace fovea::kernels {

/// Past so many keys the panel would not fit the caches: where single weights are needed, scores are
/// then computed a second time.
inline constexpr std::int64_t kMostPanelKeys = 16384;
inline constexpr std::int64_t kMostFirstKeys = 1024;
/// Keys to a tile of which the largest scores keep the best.
inline constexpr int kTopTile = 8;
inline constexpr int kStretches = kBlockKeys / kSumKeys;
/// Where distances that a row block sees straddle a boundary between buckets they are added up side by
/// side first: near the diagonal, and around each power of two from 256.
inline constexpr int kNearSlide = 512;  // distances (-256, 256)
inline constexpr int kSlide = 2 * kRows;
inline constexpr int kSlides = 2 * 23;  // up to 2^30, before the diagonal and after it

/// Where observations go; all views begin with the axes [batch, observed heads].
struct ObservationTargets {
  MutableTensorView top_weights, top_indices, entropy, received, pooled_map, distance, rows,
      columns;
  MutableTensorView mass_first, mass_self, mass_previous, mass_match, mass_sink;
  MutableTensorView log2_max, row_sum;
};

/// A total over rows in fixed point, so that the order of addition does not show: 2^-34 is far below
/// the rounding of a row block's own sum.
inline constexpr double kFixedUnit = 0x1p-34;
inline std::int64_t to_fixed(double number) noexcept {
  // Adding 1.5 · 2^52 units rounds to whole units and leaves them in the low bits.
  constexpr double kShift = 1.5 * 0x1p52 * kFixedUnit;
  return std::bit_cast<std::int64_t>(number + kShift) - std::bit_cast<std::int64_t>(kShift);
}

/// The largest scores of a row block. A key of the k largest lies in one of the k tiles with the
/// largest maxima: the maxima are kept in order, and the scores of tiles that were among them.
struct TopWatch {
  std::int64_t k = 0;
  std::int64_t capacity = 0;          // tiles that fit, for each vector of rows
  float* largest = nullptr;           // [k][64], falling
  float* scores = nullptr;            // [64 rows' vectors][capacity][8][lanes]
  std::int32_t* first_key = nullptr;  // [vectors][capacity]
  float* found_scores = nullptr;      // [9 k][lanes]: of a vector of rows, those to sort
  std::int32_t* found_keys = nullptr;
  std::array<std::int64_t, kRows> used{};  // tiles, of each vector
};

class Watch;

/// Of one thread: the row block at hand, and totals of the head at hand.
struct RowWatch {
  Watch* all = nullptr;

  std::int64_t batch = 0;
  std::int64_t head = 0;
  std::int64_t slot = -1;  // the head's number among those observed
  std::int64_t first_query = 0;
  int count = 0;

  // The log, for each key block.
  float* m_b = nullptr;      // [blocks][64]
  float* l_b = nullptr;      // [blocks][64]
  float* e_b = nullptr;      // [blocks][64]: sum of p · (s - m_b)
  float* match_b = nullptr;  // [blocks][64]: sum of p over keys with the row's label
  float* stretch = nullptr;  // [blocks][8][64]: sums of 16 keys; of one block only where not kept
  float* panel = nullptr;    // [blocks · 128][64], or null
  KeyRange* covered = nullptr;  // [blocks]: keys of the block that were scored; none = skipped
  std::int64_t first_block = 0;
  std::int64_t last_block = 0;
  std::int64_t block = 0;  // at hand

  TopWatch top;
  float* first_scores = nullptr;  // [mass_first][64]
  float* own_tile = nullptr;      // [128][64]
  float* near_slide = nullptr;    // [512]
  float* slides = nullptr;        // [boundaries][128]
  int slides_used = 0;
  alignas(64) std::array<float, kRows> self_score;
  alignas(64) std::array<float, kRows> previous_score;
  alignas(64) std::array<std::int32_t, kRows> label;
  std::array<std::int64_t, kRows> diagonal;

  // Known when the row block ends.
  alignas(64) std::array<float, kRows> m;  // 0 where a row has none
  alignas(64) std::array<float, kRows> l;
  alignas(64) std::array<float, kRows> share;  // 1 / l; 0 for rows that count for no total
  bool any_nan = false;

  // Totals of head `totals_of` (batch entry · heads + slot), in units of 2^-34.
  std::int64_t totals_of = -1;
  std::int64_t* received = nullptr;     // [keys]
  std::int64_t* pooled = nullptr;       // [cells of queries][cells of keys]
  std::int64_t* pooled_rows = nullptr;  // [cells of queries]
  std::int64_t* distance = nullptr;     // [kDistanceBuckets], then the rows counted
  std::int64_t nan_rows = 0;

  float* stretch_of(std::int64_t at) const noexcept;
  float* panel_of(std::int64_t at) const noexcept { return panel + at * kBlockKeys * kRows; }
  bool is_covered(std::int64_t at) const noexcept { return covered[at].first < covered[at].last; }
};

/// What a call observes, its memory and its results.
class Watch {
 public:
  /// Everything is allocated here. Throws Error{out_of_memory}.
  Watch(const ValidAttention& problem, const Observe& asked, const ObservationTargets& targets,
        int threads);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  RowWatch& of_thread(int worker) noexcept { return threads_[static_cast<std::size_t>(worker)]; }
  /// The head's number among those observed; -1 = not observed.
  std::int64_t slot_of(std::int64_t head) const noexcept {
    return slots_[static_cast<std::size_t>(head)];
  }
  std::int64_t heads() const noexcept { return heads_; }
  /// Begins totals of another head where `rows` has those of one before.
  void turn_to(RowWatch& rows, std::int64_t head_index) noexcept;
  /// Writes the totals. Rethrows what an own observer threw. Returns the rows that are NaN.
  std::int64_t finish();

  /// Runs `call` of the caller's observer unless one has thrown before.
  template <typename Call>
  void guarded(const Call& call) noexcept {
    if (failed()) return;
    try {
      call();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      failed_.store(true, std::memory_order_release);
    }
  }
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  std::int64_t scratch_bytes() const noexcept { return scratch_.element_count(); }

  const ValidAttention& problem;
  const Observe& asked;
  const ObservationTargets targets;
  const PoolCells cells;
  const std::int64_t blocks;        // of keys
  const std::int64_t cell_rows;     // cells along the queries
  const std::int64_t cell_columns;  // and along the keys
  bool needs_log = false;           // m_b and l_b of each key block
  bool needs_entropy = false;
  bool keeps_stretches = false;
  bool needs_weights = false;  // P of some key blocks after the row block's end
  bool recomputes = false;     // P is computed again, not kept

 private:
  std::int64_t lay_out(RowWatch* rows, std::byte* memory) const;
  std::int64_t lay_out_totals(std::byte* memory);
  void flush(RowWatch& rows) noexcept;
  void write_totals();

  std::vector<std::int64_t> slots_;
  std::int64_t heads_ = 0;  // observed
  Tensor scratch_;
  std::vector<RowWatch> threads_;
  std::mutex mutex_;
  // Of all heads: [batch · heads][...]
  std::int64_t* received_ = nullptr;
  std::int64_t* pooled_ = nullptr;
  std::int64_t* pooled_rows_ = nullptr;
  std::int64_t* distance_ = nullptr;
  std::exception_ptr thrown_;
  std::atomic<bool> failed_{false};
};

/// The list of observers, for `fovea list observers` and the docs.
struct ObserverEntry {
  std::string_view name;
  std::string_view summary;
};
std::span<const ObserverEntry> observers() noexcept;

}  // namespace fovea::kernels
