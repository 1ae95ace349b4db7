// The state of rows between two calls, read and written one number at a time: kernels keep it in
// layouts of their own.
#pragma once

#include <cstdint>

#include "kernels/kernel.h"
#include "kernels/score_tile.h"

namespace fovea::kernels {

/// (m, l, O) of some rows as a kernel holds them: m[lane], l[lane], o[lane * lane_stride + c *
/// column_stride] for columns [first_column, first_column + columns) of O, the first of them at c =
/// 0.
struct StateRows {
  float* m;
  float* l;
  float* o;
  std::int64_t lane_stride;
  std::int64_t column_stride;
  std::int64_t first_column;
  std::int64_t columns;
};

/// Copies the caller's state of lanes [0, lanes), which may be more than rows.count.
void take_state(const StateTargets& from, const TileRows& rows, int lanes,
                const StateRows& to) noexcept;

/// Copies O of rows [0, rows.count) to the caller's state.
void give_output(const StateRows& from, const TileRows& rows, const StateTargets& to) noexcept;
/// Copies m and l likewise.
void give_sums(const StateRows& from, const TileRows& rows, const StateTargets& to) noexcept;

}  // namespace fovea::kernels
