// A tile of scores and what its lanes stand for: all that modifiers know of a kernel.
#pragma once

#include <array>
#include <cstdint>

#include "fovea/attention/valid_attention.h"

namespace fovea::kernels {

/// What each lane (a query row) of a tile is. Lanes may belong to several heads. Lanes from `count`
/// on are padding: their scores are computed and thrown away.
struct TileRows {
  static constexpr int kCapacity = 64;
  int count = 0;
  std::int64_t batch = 0;
  std::array<std::int64_t, kCapacity> head;
  std::array<std::int64_t, kCapacity> query;
  std::array<std::int64_t, kCapacity> diagonal;  ///< the key at which the query stands
  std::array<KeyRange, kCapacity> visible;       ///< by position alone
  /// What S is multiplied by: 1, or the query factor of a row for which q · factor would overflow.
  std::array<float, kCapacity> factor;
  bool any_factor = false;  ///< some factor is not 1
};

/// Where the row of a lane begins in a result, in elements.
inline std::int64_t row_offset(const TensorView& result, const TileRows& rows, int lane) noexcept {
  const auto at = static_cast<std::size_t>(lane);
  return rows.batch * result.stride(0) + rows.head[at] * result.stride(1) +
         rows.query[at] * result.stride(2);
}

/// Scores in log2 units, [keys][stride] with a lane a column; `stride` is a whole number of
/// vectors, at most TileRows::kCapacity. Row 0 is key `first_key`.
struct ScoreTile {
  float* scores = nullptr;
  std::int64_t first_key = 0;
  std::int64_t keys = 0;
  std::int64_t stride = 0;
};

}  // namespace fovea::kernels
