// fovea explain --html: the page as a file.
#pragma once

#include <string>

#include "cli/output.h"
#include "fovea/formats/output_file.h"
#include "fovea/report/page.h"

namespace fovea::cli {

/// A page under way: opened before the model runs, so that a place where nothing can be written is found out first.
class PageFile {
 public:
  /// Throws Error{io}.
  explicit PageFile(std::string path) : path_(std::move(path)), file_(open_output(path_)) {}

  /// Writes the page, whole or not at all, and says on standard output (where that is the page itself, on standard error)
  /// where it is, how large, and how many heads it can open. Throws Error{io}.
  void write(const report::Page& page);

 private:
  std::string path_;
  formats::OutputFile file_;
};

}  // namespace fovea::cli
