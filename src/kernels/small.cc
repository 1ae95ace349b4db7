// The pinned arithmetic of attention in its plainest form: a lane is a query row, so that every sum
// of a row is one chain and lane count changes no bit. docs/design/0022 states the arithmetic;
// every fused kernel computes the same bits.
//
// For a group of rows, for each block of 128 keys counted from key 0 (m, l, O: running maximum,
// sum, output):
//   S   = Q Kᵀ         one FMA chain over the head dimension, scale · log2(e) folded into Q
//   S   = modified     modifiers-inl.h; hidden keys are -inf
//   m_b = max S;  P = exp2(S - m_b);  O_b = chains over the visible keys in key order, from +0;
//   l_b = the same in stretches of 16 keys, whose sums are added in order
//   m' = max(m, m_b);  a = exp2(m - m');  c = exp2(m_b - m');  l = fma(l, a, c l_b);  O = fma(O, a,
//   c O_b)
// and at the end O · (1/l) + 0. A block without a visible key changes nothing.
//
// Nothing is allocated: Q and O are held for 256 columns at a time. A larger head size resumes each
// chain of S where the last 256 columns left it; a larger value size computes S again for every 256
// columns.
#include "kernels/small.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/small.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/exp2-inl.h"
#include "kernels/finish-inl.h"
#include "kernels/partial_state.h"
#include "kernels/small_scores-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// S becomes P; returns the block's own maximum and sum. A NaN or +inf score makes the row's sum
// NaN.
HWY_INLINE Sums compute_weights(const KeyBlock& block, Group& group) {
  const FloatTag d;
  const FloatVector hidden = hn::Set(d, -kFloatInfinity);
  const auto padding = hn::Not(hn::FirstN(d, static_cast<std::size_t>(group.rows.count)));
  Sums sums{hidden, hn::Zero(d), hn::FirstN(d, 0)};
  for (std::int64_t j = 0; j < block.count; ++j) {
    const FloatVector s = hn::Load(d, group.scores + j * kLanes);
    const auto visible = hn::Not(hn::Eq(s, hidden));
    sums.m = hn::Max(sums.m, s);
    sums.seen = hn::Or(sums.seen, visible);
    hn::StoreMaskBits(d, visible, group.visible + j * 8);
    group.everywhere[j] = hn::AllTrue(d, hn::Or(visible, padding));
  }
  FloatVector part = hn::Zero(d);
  for (std::int64_t j = 0; j < block.count; ++j) {
    float* at = group.scores + j * kLanes;
    const FloatVector s = hn::Load(d, at);
    const FloatVector p =
        hn::IfThenElseZero(hn::Not(hn::Eq(s, hidden)), exp2(d, hn::Sub(s, sums.m)));
    part = hn::Add(part, p);
    hn::Store(p, d, at);
    if ((block.first + j + 1) % kSumKeys == 0 || j + 1 == block.count) {
      sums.l = hn::Add(sums.l, part);
      part = hn::Zero(d);
    }
  }
  return sums;
}

// Where some lane does not see a key, a weight of 0 is not enough if the value is not finite: 0 ·
// inf is NaN.
template <typename T>
bool hides_non_finite(const Matrix<T>& value, const KeyBlock& block, const Columns& columns,
                      const Group& group) {
  for (std::int64_t j = 0; j < block.count; ++j) {
    if (group.everywhere[j]) continue;
    for (std::int64_t c = 0; c < columns.count; ++c) {
      if (!std::isfinite(value.at(block.first + j, columns.first + c))) return true;
    }
  }
  return false;
}

// How a block joins what came before, in lanes.
struct Merge {
  FloatVector a;            // factor of what came before
  FloatVector c;            // factor of the block
  hn::Mask<FloatTag> seen;  // the block has a visible key
};

HWY_INLINE void merge_column(const Merge& merge, FloatVector block_output, float* output) {
  const FloatTag d;
  const FloatVector before = hn::Load(d, output);
  const FloatVector joined = hn::MulAdd(before, merge.a, hn::Mul(merge.c, block_output));
  hn::Store(hn::IfThenElse(merge.seen, joined, before), d, output);
}

// O_b of each column, lanes that do not see a key left out one by one.
template <typename T>
void add_values_selecting(const Matrix<T>& value, const KeyBlock& block, const Columns& columns,
                          const Merge& merge, Group& group) {
  const FloatTag d;
  for (std::int64_t c = 0; c < columns.count; ++c) {
    FloatVector o = hn::Zero(d);
    for (std::int64_t j = 0; j < block.count; ++j) {
      const FloatVector v = hn::Set(d, value.at(block.first + j, columns.first + c));
      const FloatVector next = hn::MulAdd(hn::Load(d, group.scores + j * kLanes), v, o);
      o = hn::IfThenElse(hn::LoadMaskBits(d, group.visible + j * 8), next, o);
    }
    merge_column(merge, o, group.output + c * kLanes);
  }
}

// O_b of each column; four columns at a time hide the latency of the chains.
template <typename T>
HWY_INLINE void add_values(const Matrix<T>& value, const KeyBlock& block, const Columns& columns,
                           const Merge& merge, Group& group) {
  const FloatTag d;
  std::int64_t c = 0;
  for (; c + 4 <= columns.count; c += 4) {
    FloatVector o0 = hn::Zero(d);
    FloatVector o1 = hn::Zero(d);
    FloatVector o2 = hn::Zero(d);
    FloatVector o3 = hn::Zero(d);
    for (std::int64_t j = 0; j < block.count; ++j) {
      const FloatVector p = hn::Load(d, group.scores + j * kLanes);
      const std::int64_t column = columns.first + c;
      o0 = hn::MulAdd(p, hn::Set(d, value.at(block.first + j, column)), o0);
      o1 = hn::MulAdd(p, hn::Set(d, value.at(block.first + j, column + 1)), o1);
      o2 = hn::MulAdd(p, hn::Set(d, value.at(block.first + j, column + 2)), o2);
      o3 = hn::MulAdd(p, hn::Set(d, value.at(block.first + j, column + 3)), o3);
    }
    merge_column(merge, o0, group.output + c * kLanes);
    merge_column(merge, o1, group.output + (c + 1) * kLanes);
    merge_column(merge, o2, group.output + (c + 2) * kLanes);
    merge_column(merge, o3, group.output + (c + 3) * kLanes);
  }
  for (; c < columns.count; ++c) {
    FloatVector o = hn::Zero(d);
    for (std::int64_t j = 0; j < block.count; ++j) {
      const FloatVector v = hn::Set(d, value.at(block.first + j, columns.first + c));
      o = hn::MulAdd(hn::Load(d, group.scores + j * kLanes), v, o);
    }
    merge_column(merge, o, group.output + c * kLanes);
  }
}

// The keys that some row of the group sees by position.
KeyRange union_of_ranges(const TileRows& rows) {
  KeyRange all{std::numeric_limits<std::int64_t>::max(), 0};
  for (int lane = 0; lane < rows.count; ++lane) {
    const KeyRange& range = rows.visible[static_cast<std::size_t>(lane)];
    if (range.last <= range.first) continue;
    all.first = std::min(all.first, range.first);
    all.last = std::max(all.last, range.last);
  }
  return all;
}

// A sink is a block before key 0: m = sink, l = 1, O = 0.
HWY_INLINE Sums starting_sums(const float sink) {
  const FloatTag d;
  const float l = sink == -kFloatInfinity ? 0.0F : 1.0F;
  return {hn::Set(d, sink), hn::Set(d, l), hn::FirstN(d, 0)};
}

// The sums of a group in memory, for the caller's state.
struct GroupState {
  HWY_ALIGN float m[kLanes];
  HWY_ALIGN float l[kLanes];

  explicit GroupState(const Sums& sums) {
    hn::Store(sums.m, FloatTag(), m);
    hn::Store(sums.l, FloatTag(), l);
  }
  StateRows rows(const Columns& columns, float* output) {
    return {m, l, output, 1, kLanes, columns.first, columns.count};
  }
};

void take_group(const StateTargets& from, const Columns& columns, Group& group, Sums& sums) {
  GroupState state(sums);
  take_state(from, group.rows, group.rows.count, state.rows(columns, group.output));
  sums.m = hn::Load(FloatTag(), state.m);
  sums.l = hn::Load(FloatTag(), state.l);
}

template <typename T>
Sums fold_keys(const ValidAttention& problem, const Columns& columns, float sink,
               const StateTargets& state, Group& group) {
  const FloatTag d;
  const std::int64_t key_head = problem.key_head_of(group.rows.head[0]);
  const Matrix<T> key(problem.key, group.rows.batch, key_head);
  const Matrix<T> value(problem.value, group.rows.batch, key_head);
  Sums sums = starting_sums(sink);
  std::fill(group.output, group.output + columns.count * kLanes, 0.0F);
  if (state.resume) take_group(state, columns, group, sums);
  const KeyRange range = union_of_ranges(group.rows);
  for (std::int64_t first = range.first; first < range.last;) {
    const std::int64_t end = std::min(range.last, (first / kKeyBlock + 1) * kKeyBlock);
    const KeyBlock block{first, end - first};
    compute_scores(problem, key, block, group);
    const Sums own = compute_weights(block, group);
    const FloatVector m = hn::Max(sums.m, own.m);
    const Merge merge{exp2(d, hn::Sub(sums.m, m)), exp2(d, hn::Sub(own.m, m)), own.seen};
    const FloatVector l = hn::MulAdd(sums.l, merge.a, hn::Mul(merge.c, own.l));
    sums.m = hn::IfThenElse(own.seen, m, sums.m);
    sums.l = hn::IfThenElse(own.seen, l, sums.l);
    sums.seen = hn::Or(sums.seen, own.seen);
    if (hides_non_finite(value, block, columns, group)) {
      add_values_selecting(value, block, columns, merge, group);
    } else {
      add_values(value, block, columns, merge, group);
    }
    first = end;
  }
  return sums;
}

void store_output(const Sums& sums, const Columns& columns, const MutableTensorView& target,
                  Group& group) {
  const FloatTag d;
  const TileRows& rows = group.rows;
  for (std::int64_t c = 0; c < columns.count; ++c) {
    float* lanes = group.output + c * kLanes;
    hn::Store(normalize(sums.l, hn::Load(d, lanes)), d, lanes);
    for (int lane = 0; lane < rows.count; ++lane) {
      const std::int64_t at =
          row_offset(target, rows, lane) + (columns.first + c) * target.stride(3);
      store_number(lanes[lane], target.dtype(), target.mutable_data(), at);
    }
  }
}

void store_statistic(FloatVector numbers, const TileRows& rows, const MutableTensorView& target) {
  if (!target.given()) return;
  HWY_ALIGN float lanes[kLanes];
  hn::Store(numbers, FloatTag(), lanes);
  for (int lane = 0; lane < rows.count; ++lane) {
    static_cast<float*>(target.mutable_data())[row_offset(target, rows, lane)] = lanes[lane];
  }
}

void store_statistics(const Sums& sums, float sink, const Targets& targets, const TileRows& rows) {
  const FloatTag d;
  const Statistics statistics =
      natural_statistics(sums.m, sums.l, hn::Set(d, sink), hn::Set(d, in_log2_units(sink)));
  store_statistic(statistics.row_max, rows, targets.row_max);
  store_statistic(statistics.log_sum_exp, rows, targets.log_sum_exp);
  store_statistic(statistics.row_sum, rows, targets.row_sum);
}

// Computes the rows of one group; returns how many saw no key.
template <typename T>
std::int64_t run_group(const ValidAttention& problem, const Targets& targets, Group& group) {
  const TileRows& rows = group.rows;
  const float sink =
      problem.sinks.given() ? finite_float(problem.sinks.number_at(rows.head[0])) : -kFloatInfinity;
  if (problem.head_size() <= kColumns) fill_query(problem, {0, problem.head_size()}, group);
  std::int64_t empty = 0;
  std::int64_t first = 0;
  do {
    const Columns columns{first, std::min(kColumns, problem.value_size() - first)};
    const Sums sums = fold_keys<T>(problem, columns, in_log2_units(sink), targets.state, group);
    GroupState state(sums);
    const bool is_last = first + kColumns >= problem.value_size();
    if (targets.state.given()) {
      give_output(state.rows(columns, group.output), rows, targets.state);
      // Not before: the next columns start from these sums too.
      if (is_last) give_sums(state.rows(columns, group.output), rows, targets.state);
    }
    if (targets.output.given()) store_output(sums, columns, targets.output, group);
    if (first == 0) {
      store_statistics(sums, sink, targets, rows);
      const auto row_mask = hn::FirstN(FloatTag(), static_cast<std::size_t>(rows.count));
      const auto seen = hn::CountTrue(FloatTag(), hn::And(sums.seen, row_mask));
      empty = rows.count - static_cast<std::int64_t>(seen);
    }
    first += kColumns;
  } while (first < problem.value_size());
  return empty;
}

template <typename T>
std::optional<std::int64_t> run_all(const ValidAttention& problem, const std::stop_token& stop,
                                    const Targets& targets) {
  Group group(problem);
  std::int64_t empty = 0;
  for (std::int64_t b = 0; b < problem.batch(); ++b) {
    group.rows.batch = b;
    for (std::int64_t h = 0; h < problem.query_heads(); ++h) {
      for (std::int64_t i = 0; i < problem.queries(); i += kLanes) {
        if (stop.stop_requested()) return {};
        fill_rows(problem, h, i, group);
        empty += run_group<T>(problem, targets, group);
      }
    }
  }
  return empty;
}

std::optional<std::int64_t> run_on_target(const ValidAttention& problem,
                                          const std::stop_token& stop, const Targets& targets) {
  switch (problem.key.dtype()) {
    case DType::bf16:
      return run_all<BFloat16>(problem, stop, targets);
    case DType::f16:
      return run_all<Float16>(problem, stop, targets);
    default:
      return run_all<float>(problem, stop, targets);
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {

HWY_EXPORT(run_on_target);

std::string_view refuse_small(const ValidAttention& problem) {
  if (problem.query.dtype() == DType::f64) return "f64 is computed by the reference, in double";
  if (problem.packed_key.given()) return "keys are packed";
  return {};
}

Blocking block_small(const ValidAttention& problem, int) {
  return {.threads = 1,
          .query_block = std::min<std::int64_t>(problem.queries(), 16),
          .key_block = kKeyBlock,
          .scratch_bytes = 0};
}

std::optional<std::int64_t> run_small(const ValidAttention& problem, const Blocking&,
                                      const Resources& resources, const Targets& targets) {
  return HWY_DYNAMIC_DISPATCH(run_on_target)(problem, resources.stop, targets);
}

}  // namespace fovea::kernels
#endif
