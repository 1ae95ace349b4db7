// fovea explain --html: the page as a file.
#include "cli/explain_page.h"

#include <fmt/format.h>

#include <span>

#include "cli/standard_streams.h"
#include "fovea/core/printable.h"
#include "fovea/formats/output_file.h"

namespace fovea::cli {

void write_page(const std::string& path, const report::Page& page) {
  formats::OutputFile file(path);
  file.write(std::as_bytes(std::span(page.html)));
  file.finish();
  file.commit();
  print(fmt::format("{}: {}\n", printable(path), report::describe(page)));
}

}  // namespace fovea::cli
