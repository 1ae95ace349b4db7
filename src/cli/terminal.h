// What standard output is: a terminal or not, with colour or not, how wide.
#pragma once

namespace fovea::cli {

struct Terminal {
  bool is_terminal = false;
  bool colour = false;  ///< a terminal, NO_COLOR unset or empty (no-color.org), TERM not "dumb"
  /// False where the locale is set to one that is not UTF-8, "C" too, or the terminal is a dumb one
  /// or the Linux console. Without any locale set, as in most containers, it is true.
  bool unicode = true;
  int width = 80;  ///< columns: a terminal's own, between 40 and 80; 80 where there is none
};

/// The facts about standard output.
Terminal standard_output_terminal();

/// True when standard error is a terminal that can go back to the beginning of a line.
bool standard_error_rewrites_lines();

}  // namespace fovea::cli
