// What stands in the page: its JSON and its numbers. The one statement of the form is web/src/data.ts.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "fovea/report/explanation.h"
#include "fovea/report/page.h"
#include "report/page_numbers.h"

namespace fovea::report {

/// Returns a TextData, appends its arrays to `numbers`, and counts heads and cells in `page`. JSON and arrays together take
/// about `most_bytes` of the page at most (0 = no limit), as far as leaving out kept numbers and joining maps' cells can do it.
nlohmann::ordered_json text_data(const Explanation& explanation, std::int64_t most_bytes,
                                 PageNumbers& numbers, Page& page);

/// The JSON as the page holds it.
std::string script_json(const nlohmann::ordered_json& json);

}  // namespace fovea::report
