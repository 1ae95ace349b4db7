// Maps and received attention in a byte a number, maps with fewer cells where the page has little room.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fovea/report/explanation.h"

namespace fovea::report {

/// Numbers as bytes: byte b stands for (b / 255)^2 · largest, so that small weights are told apart.
struct ByteNumbers {
  std::vector<std::uint8_t> bytes;
  double largest = 0;
};
ByteNumbers as_bytes_of_squares(std::span<const float> numbers);

/// The heads' maps at some coarseness: [cells, cells] each, in the order of Explanation::heads.
struct PageMaps {
  std::int64_t cell = 1;  ///< tokens to a side of a cell
  std::int64_t cells = 0;
  std::vector<std::vector<float>> heads;
};

/// Joins two by two cells until what the page stores of all maps (of a causal model half) takes at most `most_bytes`; 0 = no
/// limit.
PageMaps page_maps(const Explanation& explanation, std::int64_t most_bytes);

/// What the page stores of a map: all of it, or up to the diagonal, row by row.
std::vector<float> stored_cells(const std::vector<float>& map, std::int64_t cells, bool is_causal);

}  // namespace fovea::report
