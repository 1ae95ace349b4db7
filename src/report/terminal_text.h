// Text on a terminal: escaping, width, wrapping, padding, colour. What the drawing of lessons
// stands on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fovea/report/terminal.h"

namespace fovea::report {

/// What a piece of text is; the pen gives each its colour.
enum class Ink { plain, heading, accent, formula, quiet, bar, wrong, right };

/// Writes text in a style: every string that reaches the screen passes through `text` once.
class Pen {
 public:
  explicit Pen(const TerminalStyle& style) : style_(style) {}
  const TerminalStyle& style() const { return style_; }

  /// Escaped; and in ASCII style spelled without other characters ("sqrt" for the root sign).
  std::string text(std::string_view raw) const;
  /// Surrounded by colour codes where the style has colour. `text` is already escaped.
  std::string ink(Ink ink, std::string_view text) const;
  /// A cell of a map: its shade (0 to 1) as the background, or `width` columns of shading
  /// characters without colour.
  std::string shade(double depth, std::string_view text) const;
  /// One shading character for a depth of 0 to 1.
  std::string_view shade_mark(double depth) const;
  /// A bar of at most `columns` columns, `fraction` of them filled.
  std::string bar(double fraction, int columns) const;
  std::string_view ellipsis() const { return style_.unicode ? "…" : "..."; }

 private:
  TerminalStyle style_;
};

/// Spaces before or after, to `width` columns. Longer text stays as it is.
std::string pad_left(std::string_view text, int width);
std::string pad_right(std::string_view text, int width);

/// At most `width` columns, the end replaced by the ellipsis.
std::string cut_to(std::string_view text, int width, std::string_view ellipsis);

/// Lines of at most `width` columns, broken at spaces; a longer word is broken where it must.
std::vector<std::string> wrap(std::string_view text, int width);

/// So many spaces; none for a number below 1.
std::string spaces(int count);

/// Appends a text from outside, escaped, in lines as wide as the style's columns.
void add_wrapped(std::string& out, const Pen& pen, Ink ink, std::string_view text);

/// Columns that a text takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
int display_width(std::string_view text);

/// The code points of valid UTF-8 (which `printable` returns), and back.
std::vector<char32_t> code_points(std::string_view text);
void append_utf8(std::string& text, char32_t code_point);

}  // namespace fovea::report
