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

#include "kernels/elements.h"
#include "kernels/exp2-inl.h"
#include "kernels/finish-inl.h"
#include "kernels/modifiers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows to a group: the lanes of a vector. (x86 and NEON vectors have a fixed size.)
constexpr std::int64_t kLanes = hn::MaxLanes(FloatTag());
constexpr std::int64_t kColumns = 256;  // of Q and of O that are held at a time

struct Group {
  explicit Group(const ValidAttention& problem) : factors(problem) {}

  TileRows rows;
  Factors factors;
  HWY_ALIGN float query[kColumns * kLanes];    // [column][lane], times the factor
  HWY_ALIGN float scores[kKeyBlock * kLanes];  // [key][lane]: S, then P
  HWY_ALIGN float output[kColumns * kLanes];   // [column][lane]: O
  std::uint8_t visible[kKeyBlock * 8];         // a bit a lane, 8 bytes a key as LoadMaskBits wants
  bool everywhere[kKeyBlock];                  // all lanes see the key
};

// The running maximum and sum of each row, in lanes.
struct Sums {
  FloatVector m;
  FloatVector l;
  hn::Mask<FloatTag> seen;  // a visible key was folded in
};

struct KeyBlock {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

struct Columns {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// K or V of one head: element [token][column] is data[token * token_stride + column *
// column_stride].
template <typename T>
struct Matrix {
  const T* data;
  std::int64_t token_stride;
  std::int64_t column_stride;

  Matrix(const TensorView& view, std::int64_t batch, std::int64_t head)
      : data(static_cast<const T*>(view.data()) + batch * view.stride(0) + head * view.stride(1)),
        token_stride(view.stride(2)),
        column_stride(view.stride(3)) {}
  HWY_INLINE float at(std::int64_t token, std::int64_t column) const {
    return as_float(data[token * token_stride + column * column_stride]);
  }
};

float query_number(const ValidAttention& problem, const TileRows& rows, int lane, std::int64_t d) {
  const auto at = static_cast<std::size_t>(lane);
  if (problem.query.dtype() == DType::f32) {
    return problem.query.at<float>(rows.batch, rows.head[at], rows.query[at], d);
  }
  return static_cast<float>(problem.query.number_at(rows.batch, rows.head[at], rows.query[at], d));
}

// What S of a row is multiplied by: 1, or the query factor if a product of it with q would
// overflow, or NaN, which makes all scores NaN, if some q is not finite.
float late_factor(const ValidAttention& problem, float query_factor, const TileRows& rows,
                  int lane) {
  float late = 1;
  for (std::int64_t d = 0; d < problem.head_size(); ++d) {
    const float q = query_number(problem, rows, lane, d);
    if (!std::isfinite(q)) return kFloatNaN;
    if (!std::isfinite(q * query_factor)) late = query_factor;
  }
  return late;
}

void fill_rows(const ValidAttention& problem, std::int64_t head, std::int64_t first_query,
               Group& group) {
  TileRows& rows = group.rows;
  rows.count = static_cast<int>(std::min(problem.queries() - first_query, kLanes));
  rows.factor.fill(1);
  rows.any_factor = false;
  for (int lane = 0; lane < rows.count; ++lane) {
    const auto at = static_cast<std::size_t>(lane);
    rows.head[at] = head;
    rows.query[at] = first_query + lane;
    rows.diagonal[at] = problem.diagonal_at(rows.batch, rows.query[at]);
    rows.visible[at] = problem.visible_keys(rows.batch, rows.query[at]);
    rows.factor[at] = late_factor(problem, group.factors.query, rows, lane);
    rows.any_factor = rows.any_factor || !(rows.factor[at] == 1);
  }
}

// Transposes columns of Q, times the factor unless S takes it. Padding lanes are 0.
void fill_query(const ValidAttention& problem, const Columns& columns, Group& group) {
  for (std::int64_t d = 0; d < columns.count; ++d) {
    float* lanes = group.query + d * kLanes;
    for (int lane = 0; lane < group.rows.count; ++lane) {
      const float q = query_number(problem, group.rows, lane, columns.first + d);
      const bool late = !(group.rows.factor[static_cast<std::size_t>(lane)] == 1);
      lanes[lane] = late ? q : q * group.factors.query;
    }
    std::fill(lanes + group.rows.count, lanes + kLanes, 0.0F);
  }
}

// Carries the chains of S on over some columns; the first columns start them from 0. Four keys at a
// time hide the latency of the chains.
template <typename T>
HWY_INLINE void add_products(const Matrix<T>& key, const KeyBlock& block, const Columns& columns,
                             Group& group) {
  const FloatTag d;
  const auto start = [&](std::int64_t j) HWY_ATTR {
    return columns.first == 0 ? hn::Zero(d) : hn::Load(d, group.scores + j * kLanes);
  };
  std::int64_t j = 0;
  for (; j + 4 <= block.count; j += 4) {
    FloatVector s0 = start(j);
    FloatVector s1 = start(j + 1);
    FloatVector s2 = start(j + 2);
    FloatVector s3 = start(j + 3);
    for (std::int64_t c = 0; c < columns.count; ++c) {
      const FloatVector q = hn::Load(d, group.query + c * kLanes);
      const std::int64_t token = block.first + j;
      s0 = hn::MulAdd(q, hn::Set(d, key.at(token, columns.first + c)), s0);
      s1 = hn::MulAdd(q, hn::Set(d, key.at(token + 1, columns.first + c)), s1);
      s2 = hn::MulAdd(q, hn::Set(d, key.at(token + 2, columns.first + c)), s2);
      s3 = hn::MulAdd(q, hn::Set(d, key.at(token + 3, columns.first + c)), s3);
    }
    hn::Store(s0, d, group.scores + j * kLanes);
    hn::Store(s1, d, group.scores + (j + 1) * kLanes);
    hn::Store(s2, d, group.scores + (j + 2) * kLanes);
    hn::Store(s3, d, group.scores + (j + 3) * kLanes);
  }
  for (; j < block.count; ++j) {
    FloatVector s = start(j);
    for (std::int64_t c = 0; c < columns.count; ++c) {
      const FloatVector k = hn::Set(d, key.at(block.first + j, columns.first + c));
      s = hn::MulAdd(hn::Load(d, group.query + c * kLanes), k, s);
    }
    hn::Store(s, d, group.scores + j * kLanes);
  }
}

template <typename T>
void compute_scores(const ValidAttention& problem, const Matrix<T>& key, const KeyBlock& block,
                    Group& group) {
  if (problem.head_size() <= kColumns) {
    add_products(key, block, {0, problem.head_size()}, group);
  } else {
    for (std::int64_t first = 0; first < problem.head_size(); first += kColumns) {
      const Columns columns{first, std::min(kColumns, problem.head_size() - first)};
      fill_query(problem, columns, group);
      add_products(key, block, columns, group);
    }
  }
  modify_scores(
      problem, group.factors, group.rows,
      {.scores = group.scores, .first_key = block.first, .keys = block.count, .stride = kLanes});
}

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

template <typename T>
Sums fold_keys(const ValidAttention& problem, const Columns& columns, float sink, Group& group) {
  const FloatTag d;
  const std::int64_t key_head = problem.key_head_of(group.rows.head[0]);
  const Matrix<T> key(problem.key, group.rows.batch, key_head);
  const Matrix<T> value(problem.value, group.rows.batch, key_head);
  Sums sums = starting_sums(sink);
  std::fill(group.output, group.output + columns.count * kLanes, 0.0F);
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
    const Sums sums = fold_keys<T>(problem, columns, in_log2_units(sink), group);
    store_output(sums, columns, targets.output, group);
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
