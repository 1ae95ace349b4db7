// Where a flag's FILE is written.
#pragma once

#include <string>
#include <string_view>

#include "fovea/formats/output_file.h"

namespace fovea::cli {

/// What names standard output where a file is wanted, as it names standard input where one is read. A file of that name is ./-
inline constexpr std::string_view kStandardOutput = "-";

/// Opens the FILE of a flag that writes one: every command does it here. Throws Error{io}.
formats::OutputFile open_output(const std::string& path);

}  // namespace fovea::cli
