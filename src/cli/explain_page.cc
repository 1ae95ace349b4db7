// fovea explain --html: the page as a file.
#include "cli/explain_page.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>

#include "cli/standard_streams.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

bool is_standard_output(const std::string& path) {
  if (path == kStandardOutput) return true;
  struct stat named = {};
  struct stat output = {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &output) == 0 &&
         named.st_dev == output.st_dev && named.st_ino == output.st_ino;
}

}  // namespace

void PageFile::write(const report::Page& page) {
  const bool is_output = is_standard_output(path_);
  file_.write(std::as_bytes(std::span(page.html)));
  file_.finish();
  file_.commit();
  const std::string line = fmt::format("{}: {}\n", printable(path_), report::describe(page));
  return is_output ? print_to_error(line) : print(line);
}

}  // namespace fovea::cli
