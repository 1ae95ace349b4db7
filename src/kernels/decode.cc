// Attention for few queries: each K and V is loaded once for all rows of its key head, and the keys
// may be split over threads.
//
//   task (batch entry, key head, up to 16 rows; range of key blocks)
//     for each block of 128 keys:
//       S [rows][128]   = Q Kᵀ         keys in lanes, 16 keys of K turned in registers
//       S modified;  m_b = max S;  P = exp2(S - m_b)
//       O_b [rows][value_size] = P V              value columns in lanes, V read as it lies
//       folded at once (range 0), or left for the fold
//   the last task of a chunk folds what the ranges left, in ascending order, and writes the rows.
//
// The bits are those of every other kernel: each sum is the same chain, whatever lies in the lanes,
// and the fold is serial. Reading K and V is the limit: 4 rows of D 64 take 2 · 4 FMAs for 2 · 4
// bytes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/decode.cc"
#include "kernels/decode.h"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

#include "fovea/core/parallel.h"
#include "kernels/decode_block-inl.h"
#include "kernels/decode_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

inline DecodeScratch lay_out(const DecodeShape& shape, std::int64_t head_size, float* memory) {
  const auto take = [&memory](std::int64_t floats) {
    float* const part = memory;
    memory += floats;
    return part;
  };
  DecodeScratch parts{};
  parts.score = take(kDecodeRows * kBlockKeys);
  parts.weight = take(kDecodeRows * kBlockKeys);
  parts.block = take(shape.state_floats);
  parts.query = take(kDecodeRows * head_size);
  parts.spare = take(2 * kDecodeRows * head_size);
  if (shape.keys == Reading::copied) parts.key = take(kBlockKeys * shape.key_stride);
  if (shape.values == Reading::copied) parts.value = take(kBlockKeys * shape.value_stride);
  return parts;
}

inline DecodeBlock block_at(const DecodeWork& work, std::int64_t index) {
  const KeyRange& visible = work.chunk.visible;
  const std::int64_t key = index * kBlockKeys;
  const std::int64_t keys = std::min<std::int64_t>(kBlockKeys, work.call.problem.keys() - key);
  return {.key = key,
          .keys = keys,
          .first = std::max<std::int64_t>(0, visible.first - key),
          .last = std::min(keys, visible.last - key)};
}

// Folds blocks [first, last) into the state.
inline void fold_blocks(const DecodeWork& work, std::int64_t first, std::int64_t last,
                        HiddenValues hidden, const DecodeState& state) {
  const DecodeState block(work.scratch.block);
  for (std::int64_t i = first; i < last; ++i) {
    compute_block(work, block_at(work, i), hidden, block);
    fold_block(work, block, state);
  }
}

// Writes the chunk's rows; returns those that saw no key. A NaN that l does not explain comes from
// a value that is not finite, perhaps of a hidden key: 0 · inf. Those few do the work again with
// care.
inline std::int64_t finish_chunk(const DecodeWork& work, const DecodeState& state) {
  const Targets& targets = work.call.targets;
  if (!is_explained(work.call, work.chunk, state)) {
    start_state(work.call, work.chunk, state);
    fold_blocks(work, work.chunk.first_block(), work.chunk.last_block(), HiddenValues::checked,
                state);
  }
  if (targets.state.given()) {
    give_output(state_rows(work.call, state), work.chunk.rows, targets.state);
    give_sums(state_rows(work.call, state), work.chunk.rows, targets.state);
  }
  if (targets.output.given()) store_output(work.call, work.chunk, state);
  return store_statistics(work.call, work.chunk, state);
}

// Returns the rows that saw no key, where the task is the chunk's last.
std::int64_t run_decode_task(const DecodeCall& call, std::int64_t task, float* memory) {
  const std::int64_t chunk_index = task / call.shape.ranges;
  const std::int64_t range = task % call.shape.ranges;
  DecodeRows chunk(call, chunk_index);
  const DecodeWork work{call, chunk, lay_out(call.shape, call.problem.head_size(), memory)};
  load_queries(call, chunk, work.scratch.spare, work.scratch.query);
  const DecodeState state = call.state(chunk_index);
  const std::int64_t first = chunk.first_block();
  const std::int64_t last = chunk.last_block();
  const std::int64_t per_range = (last - first + call.shape.ranges - 1) / call.shape.ranges;
  const std::int64_t from = std::min(last, first + range * per_range);
  const std::int64_t to = std::min(last, from + per_range);
  if (range == 0) {
    start_state(call, chunk, state);
    fold_blocks(work, from, to, HiddenValues::finite, state);
  } else {
    for (std::int64_t i = from; i < to; ++i) {
      compute_block(work, block_at(work, i), HiddenValues::finite,
                    call.left(chunk_index, i - first - per_range));
    }
  }
  if (call.shape.ranges > 1) {
    std::atomic_ref<std::int32_t> done(call.done(chunk_index));
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 < call.shape.ranges) return 0;
    for (std::int64_t i = 0; i < last - first - per_range; ++i)
      fold_block(work, call.left(chunk_index, i), state);
  }
  return finish_chunk(work, state);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {

HWY_EXPORT(run_decode_task);

std::string_view refuse_decode(const ValidAttention& problem) {
  if (problem.query.dtype() == DType::f64) return "f64 is computed by the reference, in double";
  if (problem.head_size() > 512) return "head_size is above 512";
  if (problem.value_size() > 512) return "value_size is above 512";
  return {};
}

std::string_view yield_decode(const ValidAttention& problem) {
  if (problem.queries() * problem.group_size > kDecodeRows)
    return "more than 16 rows to a key head fill prefill's lanes";
  if (!problem.packed_key.given() && problem.keys() < 2 * kKeyBlock)
    return "fewer than 256 keys are done sooner otherwise";
  return {};
}

Blocking block_decode(const ValidAttention& problem, int threads) {
  const int usable = resolve_threads(threads, "attend");
  const DecodeShape shape(problem, usable);
  const int used = static_cast<int>(std::min<std::int64_t>(usable, shape.tasks));
  const std::int64_t floats = used * shape.thread_floats + shape.shared_floats;
  return {.threads = used,
          .query_block = std::min<std::int64_t>(kDecodeRows, shape.rows),
          .key_block = kKeyBlock,
          .scratch_bytes = floats * static_cast<std::int64_t>(sizeof(float))};
}

std::optional<std::int64_t> run_decode(const ValidAttention& problem, const Blocking& blocking,
                                       const Resources& resources, const Targets& targets) {
  float* const memory = reinterpret_cast<float*>(resources.scratch.data());
  const DecodeCall call(problem, targets, blocking.threads, memory);
  float* const of_threads = memory + call.shape.shared_floats;
  std::atomic<std::int64_t> empty{0};
  const bool done = parallel_for(call.shape.tasks, blocking.threads, resources.stop,
                                 [&](std::int64_t task, int worker) noexcept {
                                   const std::int64_t found = HWY_DYNAMIC_DISPATCH(run_decode_task)(
                                       call, task, of_threads + worker * call.shape.thread_floats);
                                   if (found > 0) empty.fetch_add(found, std::memory_order_relaxed);
                                 });
  if (!done) return {};
  return empty.load();
}

}  // namespace fovea::kernels
#endif
