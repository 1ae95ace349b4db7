// Which heads tell most: of each kind in turn the strongest.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "fovea/report/explanation.h"

namespace fovea::report {

/// Heads by how much they tell, as indices: the strongest of each kind, then the second of each, and so on; last those without
/// a label.
struct HeadOrder {
  std::vector<std::size_t> all;
  std::size_t strongest = 0;  ///< so many of them are the first of a kind
};
HeadOrder head_order(std::span<const ExplainedHead> heads);

}  // namespace fovea::report
