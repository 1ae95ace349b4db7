// The ends of a row block: its queries packed into lanes, its results written out.

#if defined(FOVEA_KERNELS_ROW_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_ROW_BLOCK_INL_H_
#undef FOVEA_KERNELS_ROW_BLOCK_INL_H_
#else
#define FOVEA_KERNELS_ROW_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/finish-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/partial_state.h"
#include "kernels/prefill.h"
#include "kernels/row_block.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// What each lane sees by position, and the ends of all. Of rows in rising order both ends of what
// they see rise too.
inline void place_ranges(const PrefillCall& call, RowBlock& block) {
  const ValidAttention& problem = call.problem;
  TileRows& rows = block.rows;
  if (!call.ranges_differ) {
    const KeyRange all = problem.visible_keys(rows.batch, 0);
    rows.visible.fill(all);
    const bool none = all.first >= all.last;
    block.most_first = all.first;
    block.least_last = all.last;
    block.least_first = none ? INT64_MAX : all.first;
    block.most_last = none ? 0 : all.last;
    return;
  }
  KeyRange seen = problem.visible_keys(rows.batch, rows.query[0]);
  block.least_first = INT64_MAX;
  block.most_last = 0;
  for (std::size_t i = 0; i < kRows; ++i) {
    if (i > 0 && rows.query[i] != rows.query[i - 1])
      seen = problem.visible_keys(rows.batch, rows.query[i]);
    rows.visible[i] = seen;
    if (seen.first >= seen.last) continue;
    block.least_first = std::min(block.least_first, seen.first);
    block.most_last = seen.last;
  }
  block.most_first = seen.first;
  block.least_last = rows.visible[0].last;
}

// Says what each lane is and what it sees.
inline void place_rows(const PrefillCall& call, const TaskPlace& place, std::int64_t first_row,
                       RowBlock& block) {
  const ValidAttention& problem = call.problem;
  TileRows& rows = block.rows;
  rows.count = static_cast<int>(std::min<std::int64_t>(kRows, call.shape.rows - first_row));
  rows.batch = place.batch;
  rows.factor.fill(1.0F);
  rows.any_factor = false;
  block.packed = false;
  block.steps = (rows.count + kRowStep - 1) / kRowStep;
  const bool apart = call.shape.heads == Heads::apart;
  const std::int64_t group = apart ? 1 : problem.group_size;
  const std::int64_t first_head = apart ? place.query_head : place.key_head * group;
  std::int64_t in_group = first_row % group;
  std::int64_t query = first_row / group;
  for (std::size_t i = 0; i < kRows; ++i) {
    rows.head[i] = first_head + in_group;
    rows.query[i] = query;
    if (static_cast<int>(i) + 1 >= rows.count || ++in_group < group) continue;
    in_group = 0;
    ++query;
  }
  for (std::size_t i = 0; i < kRows && call.needs_diagonal; ++i)
    rows.diagonal[i] = problem.diagonal_at(place.batch, rows.query[i]);
  place_ranges(call, block);
}

inline StateRows state_of(const PrefillCall& call, RowBlock& block) {
  return {.m = block.m.data(),
          .l = block.l.data(),
          .o = block.o,
          .lane_stride = 1,
          .column_stride = kRows,
          .first_column = 0,
          .columns = call.problem.value_size()};
}

// The state before the call's first key: the caller's, or that before key 0; a sink is a block before it: m = sink, l = 1, O = 0.
inline void start_rows(const PrefillCall& call, RowBlock& block) {
  block.m.fill(-kFloatInfinity);
  block.l.fill(0.0F);
  for (std::size_t i = 0; i < kRows && call.problem.sinks.given(); ++i) {
    const float sink = call.sink_of(block.rows.head[i]);
    block.m[i] = in_log2_units(sink);
    block.l[i] = sink == -kFloatInfinity ? 0.0F : 1.0F;
  }
  block.seen.fill(0.0F);
  block.stored = false;
  block.untouched = !call.problem.sinks.given();
  if (!block.untouched) std::fill_n(block.o, call.problem.value_size() * kRows, 0.0F);
  if (!call.targets.state.resume) return;
  block.untouched = false;
  take_state(call.targets.state, block.rows, kRows, state_of(call, block));
}

// Rows for which q times the factor is not finite: q stays as it is and the scores take the factor;
// where q itself is not finite, the scores become NaN.
inline void set_late_factors(const PrefillCall& call, const float* const* rows, int lane,
                             RowBlock& block) {
  const std::int64_t head_size = call.problem.head_size();
  for (int i = 0; i < kRowStep; ++i) {
    const float factor = call.factors.query;
    const bool finite =
        std::all_of(rows[i], rows[i] + head_size, [](float q) { return std::isfinite(q); });
    const bool fits = finite && std::all_of(rows[i], rows[i] + head_size, [factor](float q) {
                        return std::isfinite(q * factor);
                      });
    if (fits) continue;
    block.rows.factor[static_cast<std::size_t>(lane + i)] = finite ? factor : kFloatNaN;
    block.rows.any_factor = true;
    for (std::int64_t d = 0; d < head_size; ++d) block.q[d * kRows + lane + i] = rows[i][d];
  }
}

inline void pack_queries(const PrefillCall& call, float* spare, RowBlock& block) {
  block.packed = true;
  const TensorView& query = call.problem.query;
  const std::int64_t head_size = call.problem.head_size();
  const bool plain = query.dtype() == DType::f32 && (query.stride(3) == 1 || head_size == 1);
  for (int lane = 0; lane < block.steps * kRowStep; lane += kRowStep) {
    const float* rows[kRowStep];
    for (int i = 0; i < kRowStep; ++i) {
      const std::int64_t offset = row_offset(query, block.rows, lane + i);
      const std::byte* const from =
          static_cast<const std::byte*>(query.data()) + offset * size_of(query.dtype());
      if (plain) {
        rows[i] = reinterpret_cast<const float*>(from);
      } else {
        widen({.data = from, .type = query.dtype(), .stride = query.stride(3)}, head_size,
              spare + i * head_size);
        rows[i] = spare + i * head_size;
      }
    }
    if (!pack_step(rows, head_size, call.factors.query, block.q + lane))
      set_late_factors(call, rows, lane, block);
  }
}

// Writes O / l. Returns false when some of it is NaN for which l has no reason.
inline bool store_output(const PrefillCall& call, float* spare, RowBlock& block) {
  block.stored = true;
  if (block.untouched) std::fill_n(block.o, call.problem.value_size() * kRows, 0.0F);
  const MutableTensorView& output = call.targets.output;
  const std::int64_t value_size = call.problem.value_size();
  const bool wanted = output.given();
  const bool plain =
      wanted && output.dtype() == DType::f32 && (output.stride(3) == 1 || value_size == 1);
  bool explained = true;
  for (int lane = 0; lane < block.rows.count; lane += kRowStep) {
    float* rows[kRowStep];
    const int count = std::min(kRowStep, block.rows.count - lane);
    for (int i = 0; i < kRowStep; ++i) {
      const bool direct = plain && i < count;
      rows[i] = direct ? static_cast<float*>(output.mutable_data()) +
                             row_offset(output, block.rows, lane + i)
                       : spare + i * value_size;
    }
    explained &= !unpack_step(block.o + lane, block.l.data() + lane, value_size, rows);
    for (int i = 0; i < count && wanted && !plain; ++i) {
      const std::int64_t at = row_offset(output, block.rows, lane + i);
      for (std::int64_t c = 0; c < value_size; ++c)
        store_number(rows[i][c], output.dtype(), output.mutable_data(), at + c * output.stride(3));
    }
  }
  return explained;
}

// Writes the state and the statistics; returns the rows that saw no key.
inline std::int64_t store_statistics(const PrefillCall& call, RowBlock& block) {
  if (call.targets.state.given()) {
    give_output(state_of(call, block), block.rows, call.targets.state);
    give_sums(state_of(call, block), block.rows, call.targets.state);
  }
  const FloatTag tag;
  alignas(64) std::array<float, kRows> sink;
  alignas(64) std::array<float, kRows> sink_in_log2;
  alignas(64) std::array<float, kRows> row_max;
  alignas(64) std::array<float, kRows> row_sum;
  alignas(64) std::array<float, kRows> log_sum_exp;
  sink.fill(-kFloatInfinity);
  sink_in_log2.fill(-kFloatInfinity);
  for (std::size_t i = 0; i < kRows && call.problem.sinks.given(); ++i) {
    sink[i] = call.sink_of(block.rows.head[i]);
    sink_in_log2[i] = in_log2_units(sink[i]);
  }
  for (int lane = 0; lane < block.rows.count; lane += kVectorRows) {
    const Statistics natural = natural_statistics(
        hn::Load(tag, block.m.data() + lane), hn::Load(tag, block.l.data() + lane),
        hn::Load(tag, sink.data() + lane), hn::Load(tag, sink_in_log2.data() + lane));
    hn::Store(natural.row_max, tag, row_max.data() + lane);
    hn::Store(natural.row_sum, tag, row_sum.data() + lane);
    hn::Store(natural.log_sum_exp, tag, log_sum_exp.data() + lane);
  }
  const auto store = [&block](const std::array<float, kRows>& numbers,
                              const MutableTensorView& target) {
    if (!target.given()) return;
    float* const data = static_cast<float*>(target.mutable_data());
    for (int i = 0; i < block.rows.count; ++i)
      data[row_offset(target, block.rows, i)] = numbers[static_cast<std::size_t>(i)];
  };
  store(row_max, call.targets.row_max);
  store(row_sum, call.targets.row_sum);
  store(log_sum_exp, call.targets.log_sum_exp);
  return std::count(block.seen.begin(), block.seen.begin() + block.rows.count, 0.0F);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
