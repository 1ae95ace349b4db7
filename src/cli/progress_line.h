// One line on standard error that tells how far a long work is.
#pragma once

#include <string>
#include <string_view>

namespace fovea::cli {

/// On a terminal the line is rewritten, and gone when this dies; elsewhere `step` prints lines and
/// `update` nothing. Texts are our own.
class ProgressLine {
 public:
  /// `name` begins each line.
  explicit ProgressLine(std::string name);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  /// A new step of the work.
  void step(std::string_view text);
  /// How far the step is. Cheap when nothing is shown.
  void update(std::string_view text);

 private:
  void rewrite(std::string_view text);

  std::string name_;
  std::string shown_;
  bool is_terminal_;
};

}  // namespace fovea::cli
