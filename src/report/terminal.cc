// Lessons as lines of text for a terminal or a pipe.
#include "fovea/report/terminal.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/terminal_figures.h"
#include "report/terminal_text.h"

namespace fovea::report {
namespace {

constexpr int kIndent = 4;

void add_wrapped(std::string& out, const Pen& pen, std::string_view text, Ink ink, int indent) {
  for (const std::string& line : wrap(pen.text(text), pen.style().columns - indent)) {
    out += std::string(static_cast<std::size_t>(indent), ' ') + pen.ink(ink, line) + "\n";
  }
}

// "qkv  Query, key and value": a longer title goes on below itself.
void add_title(std::string& out, const Pen& pen, std::string_view label, std::string_view title) {
  const int indent = display_width(label) + 2;
  std::string before = pen.ink(Ink::accent, pen.text(label)) + "  ";
  for (const std::string& line : wrap(pen.text(title), pen.style().columns - indent)) {
    out += before + pen.ink(Ink::heading, line) + "\n";
    before = std::string(static_cast<std::size_t>(indent), ' ');
  }
}

// Line by line, each as it is spaced where it fits.
void add_formula(std::string& out, const Pen& pen, std::string_view formula) {
  constexpr int kFormulaIndent = 2 * kIndent;
  out += "\n";
  while (!formula.empty()) {
    const std::size_t length = std::min(formula.find('\n'), formula.size());
    const std::string line = pen.text(formula.substr(0, length));
    formula.remove_prefix(std::min(length + 1, formula.size()));
    if (display_width(line) <= pen.style().columns - kFormulaIndent) {
      out += std::string(kFormulaIndent, ' ') + pen.ink(Ink::formula, line) + "\n";
    } else {
      add_wrapped(out, pen, line, Ink::formula, kFormulaIndent);
    }
  }
}

}  // namespace

std::string terminal_view(const lesson::Lesson& lesson, const TerminalStyle& style) {
  const Pen pen(style);
  std::string out;
  add_title(out, pen, lesson.id, lesson.title);
  add_wrapped(out, pen, lesson.summary, Ink::plain, 0);
  int number = 0;
  for (const lesson::Step& step : lesson.steps) {
    ++number;
    out += "\n";
    add_title(out, pen, fmt::format("{:>2}", number), step.title);
    add_wrapped(out, pen, step.sentence, Ink::plain, kIndent);
    if (!step.formula.empty()) add_formula(out, pen, step.formula);
    for (const lesson::Figure& figure : step.figures) {
      out += "\n";
      for (const std::string& line : draw(figure, pen, style.columns - kIndent, lesson.digits)) {
        out += line.empty() ? "\n" : std::string(kIndent, ' ') + line + "\n";
      }
    }
  }
  return out;
}

std::string terminal_list(const TerminalStyle& style) {
  constexpr int kNames = 13;
  const Pen pen(style);
  std::string out;
  for (const lesson::LessonInfo& info : lesson::list_lessons()) {
    std::string before = "  " + pen.ink(Ink::accent, pad_right(info.id, kNames));
    for (const std::string& line : wrap(pen.text(info.title), style.columns - kNames - 2)) {
      out += before + line + "\n";
      before = std::string(kNames + 2, ' ');
    }
  }
  return out;
}

}  // namespace fovea::report
