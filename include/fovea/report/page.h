// The page: an explanation, or a comparison, as one HTML file that opens without a network.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "fovea/report/comparison.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// The page's text, and what did and did not fit.
struct Page {
  std::string html;
  std::int64_t kept_heads = 0;  ///< whose every row can be opened
  std::int64_t all_heads = 0;
  std::int64_t map_cells = 0;  ///< cells to a side of a head's map
};

/// Returns the page of an explanation (with what ExplainOptions::keep kept). Text from outside is escaped for where it
/// stands; the only script and style that run are the page's own, named by their sha256 in its Content-Security-Policy.
Page explanation_page(const Explanation& explanation);

/// The page of a comparison, with an explanation of each of its texts, in their order.
Page comparison_page(const Comparison& comparison, std::span<const Explanation> explanations);

/// "3.9 MB; 6 of 270 heads can be opened row by row (--full keeps all)": a line for people.
std::string describe(const Page& page);

}  // namespace fovea::report
