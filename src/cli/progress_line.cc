// Carriage return and "erase to the end of the line": every terminal has them.
#include "cli/progress_line.h"

#include <utility>

#include "cli/standard_streams.h"
#include "cli/terminal.h"

namespace fovea::cli {

ProgressLine::ProgressLine(std::string name)
    : name_(std::move(name)), is_terminal_(standard_error_rewrites_lines()) {}

ProgressLine::~ProgressLine() {
  if (!shown_.empty()) print_to_error("\r\x1b[K");
}

void ProgressLine::step(std::string_view text) {
  if (is_terminal_) return rewrite(text);
  print_to_error(name_ + ": " + std::string(text) + '\n');
}

void ProgressLine::update(std::string_view text) {
  if (is_terminal_) rewrite(text);
}

void ProgressLine::rewrite(std::string_view text) {
  std::string line = name_ + ": " + std::string(text);
  if (line == shown_) return;
  shown_ = std::move(line);
  print_to_error("\r" + shown_ + "\x1b[K");
}

}  // namespace fovea::cli
