// Lessons and explanations as lines of text for a terminal or a pipe.
#pragma once

#include <string>

#include "fovea/lesson/lesson.h"
#include "fovea/report/comparison.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// What the reader's terminal can show.
struct TerminalStyle {
  int columns = 80;     ///< no line is wider; at least 40
  bool colour = false;  ///< ANSI colours of the 256; without, not one escape byte is written
  bool unicode = true;  ///< else bars, shades and formulas in ASCII
};

/// Returns the lesson, drawn. Words from outside pass through `printable`: nothing in them reaches
/// the terminal as a command. Long tables are cut, and say so; maps larger than the screen show the
/// mean of blocks of cells, and say so.
std::string terminal_view(const lesson::Lesson& lesson, const TerminalStyle& style);

/// Returns what a model did with a text: its tokens shaded by the attention that they get, its heads
/// by kind, maps of those that tell most, what it says in the end, and the steps of the row that was
/// asked for.
std::string terminal_view(const Explanation& explanation, const TerminalStyle& style);

/// Returns how alike one word's vectors are in several texts, layer by layer, and which heads moved
/// them apart.
std::string terminal_view(const Comparison& comparison, const TerminalStyle& style);

/// Returns the list of lessons, one a line.
std::string terminal_list(const TerminalStyle& style);

}  // namespace fovea::report
