// Scores of a block of the weight matrix, by the very steps of prefill, and weights from them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weights.cc"
#include "kernels/weights.h"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/block_rows-inl.h"
#include "kernels/key_block-inl.h"
#include "kernels/row_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// Segments within keys [first, last) of the block.
inline Segments within(const Segments& all, int first, int last) {
  Segments part;
  for (Segment segment : all.all()) {
    segment.first = std::max(segment.first, first);
    segment.last = std::min(segment.last, last);
    if (segment.first < segment.last) part.items[static_cast<std::size_t>(part.count++)] = segment;
  }
  return part;
}

// (m, l) of a row block, as weight_of takes them.
struct RowEnds {
  HWY_ALIGN float m[kRows] = {};
  HWY_ALIGN float l[kRows] = {};
  RowEnds(const WeightsPart& part, const TileRows& rows) {
    const auto number = [&](const TensorView& view, int lane) {
      return static_cast<const float*>(view.data())[row_offset(view, rows, lane)];
    };
    for (int lane = 0; lane < rows.count; ++lane) {
      const float max = number(part.log2_max, lane);
      m[lane] = max == -kFloatInfinity ? 0.0F : max;
      l[lane] = number(part.row_sum, lane);
    }
  }
};

// Where the weights of a row block go: [queries][keys], with key `first_key` first.
struct OutBlock {
  float* data;
  std::int64_t row_stride;
  std::int64_t key_stride;
  std::int64_t first_key;
};

inline void store_weights(const ObservedBlock& block, const RowEnds& ends, const OutBlock& out) {
  const FloatTag tag;
  HWY_ALIGN float weight[kVectorRows];
  for (const Segment& segment : block.segments.all()) {
    for (int lane = segment.step_first * kRowStep; lane < segment.step_last * kRowStep;
         lane += kVectorRows) {
      const FloatVector m = hn::Load(tag, ends.m + lane);
      const FloatVector share = one_over(hn::Load(tag, ends.l + lane));
      const int count = std::min(kVectorRows, block.rows.rows.count - lane);
      for (int j = segment.first; j < segment.last; ++j) {
        const FloatVector s = hn::Load(tag, block.panel + j * kRows + lane);
        hn::Store(weight_of(s, m, share), tag, weight);
        float* const to = out.data + lane * out.row_stride +
                          (block.first_key + j - out.first_key) * out.key_stride;
        for (int i = 0; i < count; ++i) to[i * out.row_stride] = weight[i];
      }
    }
  }
}

// The scratch of a call.
struct WeightsScratch {
  float* panel;
  Copy keys;
  RowBlock* block;
  WeightsScratch(const PrefillCall& call, float* memory) {
    panel = memory;
    memory += kBlockKeys * kRows;
    keys = {call.shape.copy_keys ? memory : nullptr, call.shape.key_stride};
    memory += call.shape.copy_keys ? kBlockKeys * call.shape.key_stride : 0;
    block = new (memory) RowBlock;
    block->q = memory + kRowBlockFloats;
  }
};

inline void run_row_block(const PrefillCall& call, const WeightsPart& part, std::int64_t first_row,
                          const WeightsScratch& scratch) {
  const ValidAttention& problem = call.problem;
  const TaskPlace place{.batch = part.batch,
                        .key_head = problem.key_head_of(part.head),
                        .query_head = part.head,
                        .first_row = first_row};
  RowBlock& block = *scratch.block;
  place_rows(call, place, first_row, block);
  block.rows.count = static_cast<int>(
      std::min<std::int64_t>(block.rows.count, part.first_query + part.queries - first_row));
  const RowEnds ends(part, block.rows);
  pack_queries(call, scratch.panel, block);
  RowsAhead ahead;
  KeepBits kept;
  const std::int64_t end = part.first_key + part.keys;
  const OutBlock out{static_cast<float*>(part.out.mutable_data()) +
                         (first_row - part.first_query) * part.out.stride(0),
                     part.out.stride(0), part.out.stride(1), part.first_key};
  for (std::int64_t key = part.first_key / kBlockKeys * kBlockKeys; key < end; key += kBlockKeys) {
    if (block.most_last <= key || block.least_first >= key + kBlockKeys) continue;
    const int keys = static_cast<int>(std::min<std::int64_t>(kBlockKeys, problem.keys() - key));
    const int first = static_cast<int>(std::max<std::int64_t>(0, part.first_key - key));
    const int last = static_cast<int>(std::min<std::int64_t>(keys, end - key));
    const BlockWork work{.key = key_rows(problem, place, {key, first, last}, scratch.keys),
                         .value = {},
                         .head_size = problem.head_size(),
                         .panel = scratch.panel,
                         .problem = &problem,
                         .factors = call.factors,
                         .first_key = key,
                         .modified = call.modified,
                         .keep = problem.keep.given() ? &kept : nullptr,
                         .ahead = &ahead};
    if (work.keep != nullptr) gather_keep(problem.keep, block, {key, key + keys}, kept);
    const Segments segments = within(cut_key_block(block, key, keys, work.keep), first, last);
    if (segments.count == 0) continue;
    score_block(work, segments, block);
    store_weights({segments, block, scratch.panel, key}, ends, out);
  }
}

void run_weights_on_target(const ValidAttention& problem, const WeightsPart& part, float* memory) {
  Targets nothing;
  PrefillCall call(problem, nothing, 1);
  call.shape = prefill_shape(problem, 1, Heads::apart);
  const WeightsScratch scratch(call, memory);
  for (std::int64_t row = part.first_query; row < part.first_query + part.queries; row += kRows)
    run_row_block(call, part, row, scratch);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {

HWY_EXPORT(run_weights_on_target);

std::string_view refuse_weights(const ValidAttention& problem) {
  if (problem.query.dtype() == DType::f64) return "f64 is computed by the reference, in double";
  if (problem.head_size() > 512) return "head_size is above 512";
  return {};
}

std::int64_t weights_scratch(const ValidAttention& problem) {
  const PrefillShape shape = prefill_shape(problem, 1, Heads::apart);
  const std::int64_t floats = kBlockKeys * kRows +
                              (shape.copy_keys ? kBlockKeys * shape.key_stride : 0) +
                              kRowBlockFloats + problem.head_size() * kRows;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

void run_weights(const ValidAttention& problem, const WeightsPart& part,
                 std::span<std::byte> scratch) noexcept {
  // Keys that no segment holds are hidden.
  float* const out = static_cast<float*>(part.out.mutable_data());
  for (std::int64_t i = 0; i < part.queries; ++i)
    for (std::int64_t j = 0; j < part.keys; ++j)
      out[i * part.out.stride(0) + j * part.out.stride(1)] = 0;
  HWY_DYNAMIC_DISPATCH(run_weights_on_target)
  (problem, part, reinterpret_cast<float*>(scratch.data()));
}

}  // namespace fovea::kernels
#endif
