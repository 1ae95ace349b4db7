// The page: an explanation, or a comparison, as one HTML file that opens without a network.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fovea/report/comparison.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// How large a page of so many tokens may be unless all heads are asked for: 4 MB up to 2,048 tokens, beyond in
/// proportion.
std::int64_t most_page_bytes(std::int64_t tokens);

struct PageOptions {
  std::int64_t most_bytes =
      0;  ///< kept numbers that do not fit are left out, and maps have fewer cells; 0 = no limit
};

/// Returns what ExplainOptions::keep is for such a page.
KeepOptions keep_for(const PageOptions& options);

/// The page's text, and what did and did not fit.
struct Page {
  std::string html;
  std::int64_t kept_heads = 0;  ///< whose every row can be opened
  std::int64_t all_heads = 0;
  std::int64_t map_cells = 0;  ///< cells to a side of a head's map
  std::string passed_over;     ///< as KeptNumbers::passed_over
};

/// Returns the page of an explanation (with what ExplainOptions::keep kept). Text from outside is escaped for where it
/// stands; the only script and style that run are the page's own, named by their sha256 in its Content-Security-Policy.
Page explanation_page(const Explanation& explanation, const PageOptions& options = {});

/// The page of a comparison, with an explanation of each of its texts, in their order.
Page comparison_page(const Comparison& comparison, std::span<const Explanation> explanations,
                     const PageOptions& options = {});

/// "3.9 MB; 6 of 270 heads can be opened row by row (--full keeps all)": a line for people. `for_all` is what they would say to keep all.
std::string describe(const Page& page, std::string_view for_all = "--full");

}  // namespace fovea::report
