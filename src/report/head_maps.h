// The telling heads as small maps, side by side.
#pragma once

#include <string>

#include "fovea/report/explanation.h"
#include "report/terminal_text.h"

namespace fovea::report {

/// The head's kinds, or what it comes nearest to.
std::string summary_of(const ExplainedHead& head);

/// Lines with a heading; empty where no head tells anything.
std::string head_maps(const Explanation& explanation, const Pen& pen);

}  // namespace fovea::report
