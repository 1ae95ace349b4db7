// The rows of a group in lanes, and their scores over one key block.
#if defined(FOVEA_KERNELS_SMALL_SCORES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_SMALL_SCORES_INL_H_
#undef FOVEA_KERNELS_SMALL_SCORES_INL_H_
#else
#define FOVEA_KERNELS_SMALL_SCORES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/elements.h"
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

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
