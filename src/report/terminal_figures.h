// Draws the figures of a lesson as lines of text.
#pragma once

#include <string>
#include <vector>

#include "report/terminal_text.h"

namespace fovea::report {

/// Lines of at most `width` columns, without indentation or line ends.
std::vector<std::string> draw(const lesson::Figure& figure, const Pen& pen, int width, int digits);

}  // namespace fovea::report
