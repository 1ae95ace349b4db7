// The fused forward pass for many queries. Lanes are query rows; see docs/kernel.md for the
// picture.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/prefill.cc"
#include "kernels/prefill.h"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <span>

#include "fovea/core/parallel.h"
#include "kernels/block_rows-inl.h"
#include "kernels/key_block-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/row_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// The pieces of a thread's scratch.
struct TaskScratch {
  float* panel;
  float* partial;
  Copy key_copy;
  Copy value_copy;
  std::array<RowBlock*, kMostRowBlocks> all_blocks;
  std::size_t used;
  RowWatch* watch;  // null where the head is not observed
  std::span<RowBlock* const> blocks() const { return {all_blocks.data(), used}; }
};

inline TaskScratch lay_out(const PrefillCall& call, const TaskPlace& place, float* scratch) {
  const PrefillShape& shape = call.shape;
  const auto take = [&scratch](std::int64_t floats) {
    float* const part = scratch;
    scratch += floats;
    return part;
  };
  TaskScratch parts{};
  parts.panel = take(kBlockKeys * kRows);
  parts.partial = take(call.problem.value_size() * kRows);
  if (shape.copy_keys) parts.key_copy = {take(kBlockKeys * shape.key_stride), shape.key_stride};
  if (shape.copy_values)
    parts.value_copy = {take(kBlockKeys * shape.value_stride), shape.value_stride};
  const std::int64_t needed = (shape.rows - place.first_row + kRows - 1) / kRows;
  parts.used = static_cast<std::size_t>(std::min(shape.row_blocks, needed));
  for (std::size_t i = 0; i < parts.used; ++i) {
    parts.all_blocks[i] = new (take(kRowBlockFloats)) RowBlock;
    parts.all_blocks[i]->q = take(call.problem.head_size() * kRows);
    parts.all_blocks[i]->o = take(call.problem.value_size() * kRows);
  }
  return parts;
}

inline bool all_finite(const PlainRows& values, const BlockRows& rows, std::int64_t size) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> bits;
  const auto exponent = hn::Set(bits, 0x7F800000);  // NaN and infinities have all of it
  auto largest = hn::Zero(bits);
  for (std::int64_t j = rows.first; j < rows.last; ++j) {
    const float* const value = values.data + j * values.stride;
    std::int64_t i = 0;
    for (; i + kVectorRows <= size; i += kVectorRows) {
      const auto number = hn::BitCast(bits, hn::LoadU(d, value + i));
      largest = hn::Max(largest, hn::And(number, exponent));
    }
    for (; i < size; ++i)
      if (!std::isfinite(value[i])) return false;
  }
  return hn::AllFalse(bits, hn::Eq(largest, exponent));
}

// How the values of hidden keys are kept out of the sums.
enum class Values {
  finite,   // as if all were finite: weight 0 does it
  checked,  // where some are not, lane by lane
};

// What block `i` makes needed next: its part of the bias once the scores are there, its own output
// after its last key block, the queries of the block that follows.
inline void look_ahead(const PrefillCall& call, const TaskScratch& parts, std::size_t i,
                       const KeyRange& keys, RowsAhead& ahead) {
  ahead.clear();
  const RowBlock& block = *parts.blocks()[i];
  const TensorView& bias = call.problem.bias;
  if (bias.given() && bias.stride(3) == 1) ahead.add(bias, block.rows, keys);
  if (i + 1 < parts.used && !parts.blocks()[i + 1]->packed)
    ahead.add(call.problem.query, parts.blocks()[i + 1]->rows);
  if (block.most_last <= keys.last && call.targets.output.given())
    ahead.add(call.targets.output, block.rows);
}

// Folds every key block that some row sees and writes the output. Returns false as store_output
// does.
inline bool fold_keys(const PrefillCall& call, const TaskPlace& place, Values values,
                      const TaskScratch& parts) {
  const ValidAttention& problem = call.problem;
  std::int64_t first_key = INT64_MAX;
  std::int64_t last_key = 0;
  for (RowBlock* const block : parts.blocks()) {
    start_rows(call, *block);
    if (parts.watch != nullptr) start_watch(*parts.watch, *block);
    first_key = std::min(first_key, block->least_first);
    last_key = std::max(last_key, block->most_last);
  }
  RowsAhead ahead;
  KeepBits kept;
  bool explained = true;
  for (std::int64_t key = first_key / kBlockKeys * kBlockKeys; key < last_key; key += kBlockKeys) {
    const int keys = static_cast<int>(std::min<std::int64_t>(kBlockKeys, problem.keys() - key));
    const BlockRows rows{.key = key,
                         .first = std::max<std::int64_t>(0, first_key - key),
                         .last = std::min<std::int64_t>(keys, last_key - key)};
    BlockWork work{.key = key_rows(problem, place, rows, parts.key_copy),
                   .value = plain_rows(problem.value, place, rows, parts.value_copy),
                   .head_size = problem.head_size(),
                   .value_size = problem.value_size(),
                   .panel = parts.panel,
                   .partial = parts.partial,
                   .problem = &problem,
                   .factors = call.factors,
                   .first_key = key,
                   .modified = call.modified,
                   .keep = problem.keep.given() ? &kept : nullptr,
                   .ahead = &ahead,
                   .watch = parts.watch};
    work.select_values =
        values == Values::checked && !all_finite(work.value, rows, work.value_size);
    for (std::size_t i = 0; i < parts.used; ++i) {
      RowBlock& block = *parts.blocks()[i];
      if (block.most_last <= key || block.least_first >= key + keys) continue;
      if (!block.packed) pack_queries(call, parts.panel, block);
      look_ahead(call, parts, i, {key, key + keys}, ahead);
      if (work.keep != nullptr) gather_keep(problem.keep, block, {key, key + keys}, kept);
      const Segments segments = cut_key_block(block, key, keys, work.keep);
      if (segments.count > 0 && work.watch == nullptr) fold_key_block(work, segments, block);
      if (segments.count > 0 && work.watch != nullptr) fold_watched_block(work, segments, block);
      if (block.most_last <= key + keys) explained &= store_output(call, parts.panel, block);
    }
  }
  for (RowBlock* const block : parts.blocks())
    if (!block->stored) explained &= store_output(call, parts.panel, *block);
  return explained;
}

// The end of the row block that is watched, which is the task's only one.
inline void finish_rows(const PrefillCall& call, const TaskPlace& place, const TaskScratch& parts) {
  const ValidAttention& problem = call.problem;
  RowBlock& block = *parts.blocks()[0];
  RowsAhead ahead;
  KeepBits kept;
  finish_watch(*parts.watch, block, [&](std::int64_t index) {
    const std::int64_t key = index * kBlockKeys;
    const KeyRange& covered = parts.watch->covered[index];
    const int keys = static_cast<int>(std::min<std::int64_t>(kBlockKeys, problem.keys() - key));
    const BlockWork work{
        .key = key_rows(problem, place, {key, covered.first, covered.last}, parts.key_copy),
        .value = {},
        .head_size = problem.head_size(),
        .panel = parts.panel,
        .problem = &problem,
        .factors = call.factors,
        .first_key = key,
        .modified = call.modified,
        .keep = problem.keep.given() ? &kept : nullptr,
        .ahead = &ahead};
    if (work.keep != nullptr) gather_keep(problem.keep, block, {key, key + keys}, kept);
    return weigh_again(work, cut_key_block(block, key, keys, work.keep), block);
  });
}

inline RowWatch* watch_of(const PrefillCall& call, const TaskPlace& place, int worker) {
  Watch* const watch = call.targets.watch;
  if (watch == nullptr || watch->slot_of(place.query_head) < 0) return nullptr;
  RowWatch& rows = watch->of_thread(worker);
  watch->turn_to(rows, place.batch * watch->heads() + watch->slot_of(place.query_head));
  return &rows;
}

// Returns the rows that saw no key.
std::int64_t run_prefill_task(const PrefillCall& call, const TaskPlace& place, float* scratch,
                              int worker) {
  TaskScratch parts = lay_out(call, place, scratch);
  parts.watch = watch_of(call, place, worker);
  std::int64_t first_row = place.first_row;
  for (RowBlock* const block : parts.blocks()) {
    place_rows(call, place, first_row, *block);
    first_row += kRows;
  }
  // A NaN that l does not explain comes from a value that is not finite, perhaps of a hidden key: 0
  // · inf. Looking for them beforehand would cost every call; so those few do the work again with
  // care.
  // The caller's own observer is shown every tile once: with it they look beforehand.
  const bool once = parts.watch != nullptr && parts.watch->own_tile != nullptr;
  for (const Values values : {Values::finite, Values::checked}) {
    if (once && values == Values::finite) continue;
    if (fold_keys(call, place, values, parts)) break;
  }
  if (parts.watch != nullptr) finish_rows(call, place, parts);
  std::int64_t empty = 0;
  for (RowBlock* const block : parts.blocks()) empty += store_statistics(call, *block);
  return empty;
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {

HWY_EXPORT(run_prefill_task);

namespace {

// Below this many multiplications one thread is done before a second has begun.
constexpr double kFewProducts = 1 << 17;
constexpr std::int64_t kScratchFloats = (std::int64_t{1} << 20) / sizeof(float);

// Caches hold few rows whose stride is a multiple of 1 KiB: read in place they cost 2 to 8 %.
bool must_copy(const TensorView& view) noexcept {
  return view.dtype() != DType::f32 || (view.stride(3) != 1 && view.size(3) > 1) ||
         view.stride(2) % 256 == 0;
}

std::int64_t copy_stride(std::int64_t size) noexcept {
  const std::int64_t rounded = (size + 15) / 16 * 16;
  return rounded % 256 == 0 ? rounded + 16 : rounded;
}

}  // namespace

PrefillShape prefill_shape(const ValidAttention& problem, std::int64_t row_blocks,
                           Heads heads) noexcept {
  PrefillShape shape;
  shape.heads = heads;
  shape.rows = problem.queries() * (heads == Heads::grouped ? problem.group_size : 1);
  shape.row_blocks = row_blocks;
  shape.groups = (shape.rows + row_blocks * kRows - 1) / (row_blocks * kRows);
  shape.all_heads = heads == Heads::grouped ? problem.key_heads() : problem.query_heads();
  shape.tasks = problem.batch() * shape.all_heads * shape.groups;
  shape.copy_keys = problem.packed_key.given() || must_copy(problem.key);
  shape.copy_values = must_copy(problem.value);
  shape.key_stride = copy_stride(problem.head_size());
  shape.value_stride = copy_stride(problem.value_size());
  shape.scratch_floats =
      kBlockKeys * kRows + problem.value_size() * kRows +
      (shape.copy_keys ? kBlockKeys * shape.key_stride : 0) +
      (shape.copy_values ? kBlockKeys * shape.value_stride : 0) +
      row_blocks * (kRowBlockFloats + (problem.head_size() + problem.value_size()) * kRows);
  return shape;
}

PrefillCall::PrefillCall(const ValidAttention& asked, const Targets& results,
                         std::int64_t row_blocks) noexcept
    : problem(asked),
      targets(results),
      shape(prefill_shape(asked, row_blocks,
                          results.watch == nullptr ? Heads::grouped : Heads::apart)),
      factors(asked),
      ranges_differ(asked.causal || asked.window.left != Window::kUnbounded ||
                    asked.window.right != Window::kUnbounded),
      needs_diagonal(asked.alibi_slopes.given()),
      modified(asked.softcap > 0 || asked.bias.given() || asked.alibi_slopes.given() ||
               asked.keep.given()) {}

std::string_view refuse_prefill(const ValidAttention& problem) {
  if (problem.query.dtype() == DType::f64) return "f64 is computed by the reference, in double";
  if (problem.head_size() > 512) return "head_size is above 512";
  if (problem.value_size() > 512) return "value_size is above 512";
  return {};
}

std::string_view yield_prefill(const ValidAttention& problem) {
  if (problem.packed_key.given()) return {};
  const double products = static_cast<double>(problem.rows()) *
                          static_cast<double>(problem.keys()) *
                          static_cast<double>(problem.head_size() + problem.value_size());
  if (products < kFewProducts) return "so little work is done sooner without threads and scratch";
  return {};
}

Blocking block_prefill(const ValidAttention& problem, int threads) {
  const int usable = resolve_threads(threads, "attend");
  // Row blocks that share key blocks save reading them; tasks enough for all threads save waiting.
  const std::int64_t rows = problem.queries() * problem.group_size;
  std::int64_t row_blocks = std::min<std::int64_t>(kMostRowBlocks, (rows + kRows - 1) / kRows);
  PrefillShape shape = prefill_shape(problem, row_blocks, Heads::grouped);
  while (row_blocks > 1 && (shape.scratch_floats > kScratchFloats || shape.tasks < 4 * usable)) {
    row_blocks = (row_blocks + 1) / 2;
    shape = prefill_shape(problem, row_blocks, Heads::grouped);
  }
  const int used = static_cast<int>(std::min<std::int64_t>(usable, shape.tasks));
  return {.threads = used,
          .query_block = row_blocks * kRows,
          .key_block = kKeyBlock,
          .scratch_bytes = used * shape.scratch_floats * static_cast<std::int64_t>(sizeof(float))};
}

Blocking block_observed(const ValidAttention& problem, int threads) {
  const PrefillShape shape = prefill_shape(problem, 1, Heads::apart);
  const int used =
      static_cast<int>(std::min<std::int64_t>(resolve_threads(threads, "attend"), shape.tasks));
  return {.threads = used,
          .query_block = kRows,
          .key_block = kKeyBlock,
          .scratch_bytes = used * shape.scratch_floats * static_cast<std::int64_t>(sizeof(float))};
}

std::optional<std::int64_t> run_prefill(const ValidAttention& problem, const Blocking& blocking,
                                        const Resources& resources, const Targets& targets) {
  const PrefillCall call(problem, targets, blocking.query_block / kRows);
  float* const floats = reinterpret_cast<float*>(resources.scratch.data());
  std::atomic<std::int64_t> empty{0};
  const bool done = parallel_for(
      call.shape.tasks, blocking.threads, resources.stop,
      [&](std::int64_t task, int worker) noexcept {
        // The caller's observer has thrown: its call ends here.
        if (targets.watch != nullptr && targets.watch->failed()) return;
        const std::int64_t head = task / call.shape.groups;
        const bool apart = call.shape.heads == Heads::apart;
        const std::int64_t of_batch = head % call.shape.all_heads;
        const TaskPlace place{.batch = head / call.shape.all_heads,
                              .key_head = apart ? problem.key_head_of(of_batch) : of_batch,
                              .query_head = apart ? of_batch : -1,
                              .first_row = (call.shape.groups - 1 - task % call.shape.groups) *
                                           call.shape.row_blocks * kRows};
        const std::int64_t found = HWY_DYNAMIC_DISPATCH(run_prefill_task)(
            call, place, floats + worker * call.shape.scratch_floats, worker);
        if (found > 0) empty.fetch_add(found, std::memory_order_relaxed);
      });
  if (!done) return {};
  return empty.load();
}

}  // namespace fovea::kernels
#endif
