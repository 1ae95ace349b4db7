// fovea explain --html: the page as a file.
#pragma once

#include <string>

#include "fovea/report/page.h"

namespace fovea::cli {

/// Writes the page, whole or not at all, and says on standard output where it is, how large, and how many heads it can open.
/// Throws Error{io}.
void write_page(const std::string& path, const report::Page& page);

}  // namespace fovea::cli
