// The memory of observers, and totals over rows in fixed point.
#include "kernels/watch.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace fovea::kernels {
namespace {

constexpr std::int64_t kAlign = 64;
constexpr std::int64_t kDistanceTotals = kDistanceBuckets + 1;  // and the rows counted

// Hands out pieces of memory, or counts what they would take where there is none.
class Pieces {
 public:
  explicit Pieces(std::byte* memory) noexcept : memory_(memory) {}
  template <typename T>
  T* take(std::int64_t count, bool wanted = true) noexcept {
    if (!wanted) return nullptr;
    const std::int64_t at = used_;
    const auto bytes = static_cast<std::int64_t>(sizeof(T)) * count;
    used_ += (bytes + kAlign - 1) / kAlign * kAlign;
    return memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + at);
  }
  std::int64_t used() const noexcept { return used_; }

 private:
  std::byte* memory_;
  std::int64_t used_ = 0;
};

// Adds what a thread has to the call's totals, and empties it.
void add_up(std::int64_t* from, std::int64_t count, std::int64_t* to) noexcept {
  if (from == nullptr) return;
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
  std::fill_n(from, count, 0);
}

float* result_at(const MutableTensorView& view, std::int64_t batch, std::int64_t slot) noexcept {
  return static_cast<float*>(view.mutable_data()) + batch * view.stride(0) + slot * view.stride(1);
}

float from_fixed(std::int64_t total, std::int64_t rows) noexcept {
  const double sum = static_cast<double>(total) * kFixedUnit;
  return rows > 0 ? static_cast<float>(sum / static_cast<double>(rows)) : 0.0F;
}

constexpr std::array kObservers{
    ObserverEntry{"log_sum_exp", "of each row: the logarithm of the sum of exp(score)"},
    ObserverEntry{"row_max", "of each row: the largest score, and row_sum beside it"},
    ObserverEntry{"top_weights", "of each row: its k largest weights and their keys, k up to 64"},
    ObserverEntry{"entropy", "of each row: how spread its weights are, in nats"},
    ObserverEntry{"received", "of each key: the weight that it gets from all rows"},
    ObserverEntry{"pooled_map", "of each head: its weights as a small picture"},
    ObserverEntry{"distance", "of each head: mean weight by how far back the key is"},
    ObserverEntry{"rows", "of chosen queries: every weight"},
    ObserverEntry{"columns", "of chosen keys: the weight from every query"},
    ObserverEntry{"masses", "of each row: weight on first keys, itself, the key before, labels"},
    ObserverEntry{"own", "your own: each tile of scores and weights as it is computed (C++)"}};

}  // namespace

std::span<const ObserverEntry> observers() noexcept {
  return kObservers;
}

float* RowWatch::stretch_of(std::int64_t at) const noexcept {
  return stretch + (all->keeps_stretches ? at * kStretches * kRows : 0);
}

Watch::Watch(const ValidAttention& of, const Observe& observe, const ObservationTargets& results,
             int threads)
    : problem(of),
      asked(observe),
      targets(results),
      cells(filled(observe.pool_cells, of.queries(), of.keys())),
      blocks(cells_of(of.keys(), kBlockKeys)),
      cell_rows(cells_of(of.queries(), cells.queries)),
      cell_columns(cells_of(of.keys(), cells.keys)),
      slots_(static_cast<std::size_t>(of.query_heads()), -1) {
  std::vector<std::int64_t> heads = observe.heads;
  if (heads.empty()) {
    heads.resize(slots_.size());
    std::iota(heads.begin(), heads.end(), 0);
  }
  for (const std::int64_t head : heads) slots_[static_cast<std::size_t>(head)] = heads_++;
  const bool odd_cells = asked.pooled_map && cells.keys % kSumKeys != 0;
  needs_entropy = asked.entropy;
  keeps_stretches =
      asked.distance || (asked.pooled_map && !odd_cells && cells.keys % kBlockKeys != 0);
  needs_weights = asked.received || asked.distance || odd_cells || asked.own != nullptr;
  needs_log = needs_weights || keeps_stretches || needs_entropy || asked.pooled_map ||
              asked.query_labels.given();
  recomputes = needs_weights && of.keys() > kMostPanelKeys;
  const std::int64_t thread_bytes = lay_out(nullptr, nullptr);
  const std::int64_t totals = lay_out_totals(nullptr);
  scratch_ = Tensor::uninitialized(DType::u8, {threads * thread_bytes + totals});
  std::byte* const memory = scratch_.bytes().data();
  threads_.resize(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) lay_out(&of_thread(i), memory + i * thread_bytes);
  lay_out_totals(memory + threads * thread_bytes);
}

// Here, so that the layer above has no copy of it to export.
Watch::~Watch() = default;

std::int64_t Watch::lay_out(RowWatch* rows, std::byte* memory) const {
  RowWatch unused;
  RowWatch& to = rows == nullptr ? unused : *rows;
  to.all = const_cast<Watch*>(this);
  Pieces pieces(memory);
  const std::int64_t lanes = blocks * kRows;
  to.covered = pieces.take<KeyRange>(blocks);
  to.m_b = pieces.take<float>(lanes, needs_log);
  to.l_b = pieces.take<float>(lanes, needs_log);
  to.e_b = pieces.take<float>(needs_entropy ? lanes : kRows);
  to.match_b = pieces.take<float>(lanes, asked.query_labels.given());
  to.stretch = pieces.take<float>((keeps_stretches ? blocks : 1) * kStretches * kRows);
  to.panel = pieces.take<float>(lanes * kBlockKeys, needs_weights && !recomputes);
  to.first_scores = pieces.take<float>(asked.mass_first * kRows, asked.mass_first > 0);
  to.own_tile = pieces.take<float>(kBlockKeys * kRows, asked.own != nullptr);
  to.near_slide = pieces.take<float>(kNearSlide, asked.distance);
  to.slides = pieces.take<float>(kSlides * kSlide, asked.distance);
  if (asked.top_weights > 0) {
    TopWatch& top = to.top;
    top.k = asked.top_weights;
    // Of tiles in use each row has at most k above its k-th maximum and k equal to it; room besides
    // makes it worth while to clear the others out. There are no more than all.
    const std::int64_t in_use = 2 * top.k * kRowStep;
    top.capacity = std::min(in_use + std::max<std::int64_t>(256, in_use / 4),
                            blocks * (kBlockKeys / kTopTile));
    top.largest = pieces.take<float>(top.k * kRows);
    top.scores = pieces.take<float>(top.capacity * kTopTile * kRows);
    top.first_key = pieces.take<std::int32_t>(top.capacity * kRows);
    // A power of two, to be sorted.
    const auto most = static_cast<std::int64_t>(
        std::bit_ceil(static_cast<std::uint64_t>(top.k * (kTopTile + 1))));
    top.found_scores = pieces.take<float>(most * kRowStep);
    top.found_keys = pieces.take<std::int32_t>(most * kRowStep);
  }
  to.received = pieces.take<std::int64_t>(blocks * kBlockKeys, asked.received);
  to.pooled = pieces.take<std::int64_t>(cell_rows * cell_columns, asked.pooled_map);
  to.pooled_rows = pieces.take<std::int64_t>(cell_rows, asked.pooled_map);
  to.distance = pieces.take<std::int64_t>(kDistanceTotals, asked.distance);
  return pieces.used();
}

std::int64_t Watch::lay_out_totals(std::byte* memory) {
  Pieces pieces(memory);
  const std::int64_t all_heads = problem.batch() * heads_;
  const auto take = [&](std::int64_t count, bool wanted) {
    auto* const part = pieces.take<std::int64_t>(all_heads * count, wanted);
    if (part != nullptr) std::fill_n(part, all_heads * count, 0);
    return part;
  };
  received_ = take(problem.keys(), asked.received);
  pooled_ = take(cell_rows * cell_columns, asked.pooled_map);
  pooled_rows_ = take(cell_rows, asked.pooled_map);
  distance_ = take(kDistanceTotals, asked.distance);
  return pieces.used();
}

void Watch::turn_to(RowWatch& rows, std::int64_t head_index) noexcept {
  if (rows.totals_of == head_index) return;
  if (rows.totals_of >= 0) {
    flush(rows);
  } else {
    const auto clear = [](std::int64_t* totals, std::int64_t count) {
      if (totals != nullptr) std::fill_n(totals, count, 0);
    };
    clear(rows.received, blocks * kBlockKeys);
    clear(rows.pooled, cell_rows * cell_columns);
    clear(rows.pooled_rows, cell_rows);
    clear(rows.distance, kDistanceTotals);
  }
  rows.totals_of = head_index;
}

void Watch::flush(RowWatch& rows) noexcept {
  if (rows.totals_of < 0) return;
  const std::lock_guard lock(mutex_);
  const std::int64_t at = rows.totals_of;
  const std::int64_t cell_count = cell_rows * cell_columns;
  add_up(rows.received, problem.keys(), received_ + at * problem.keys());
  add_up(rows.pooled, cell_count, pooled_ + at * cell_count);
  add_up(rows.pooled_rows, cell_rows, pooled_rows_ + at * cell_rows);
  add_up(rows.distance, kDistanceTotals, distance_ + at * kDistanceTotals);
}

std::int64_t Watch::finish() {
  std::int64_t nan_rows = 0;
  for (RowWatch& rows : threads_) {
    flush(rows);
    nan_rows += rows.nan_rows;
  }
  if (thrown_) std::rethrow_exception(thrown_);
  write_totals();
  return nan_rows;
}

void Watch::write_totals() {
  for (std::int64_t at = 0; at < problem.batch() * heads_; ++at) {
    const std::int64_t batch = at / heads_;
    const std::int64_t slot = at % heads_;
    if (asked.received) {
      float* const to = result_at(targets.received, batch, slot);
      for (std::int64_t j = 0; j < problem.keys(); ++j)
        to[j * targets.received.stride(2)] = from_fixed(received_[at * problem.keys() + j], 1);
    }
    if (asked.pooled_map) {
      float* const to = result_at(targets.pooled_map, batch, slot);
      for (std::int64_t i = 0; i < cell_rows * cell_columns; ++i) {
        const std::int64_t r = i / cell_columns;
        to[r * targets.pooled_map.stride(2) + i % cell_columns * targets.pooled_map.stride(3)] =
            from_fixed(pooled_[at * cell_rows * cell_columns + i],
                       pooled_rows_[at * cell_rows + r]);
      }
    }
    if (asked.distance) {
      float* const to = result_at(targets.distance, batch, slot);
      const std::int64_t* const from = distance_ + at * kDistanceTotals;
      for (std::int64_t i = 0; i < kDistanceBuckets; ++i)
        to[i * targets.distance.stride(2)] = from_fixed(from[i], from[kDistanceBuckets]);
    }
  }
}

}  // namespace fovea::kernels
