// From the words of the command line to the targets that a command's flags are bound to.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace fovea::cli {

/// Fills the targets of `command` from the words after its name. Returns true when --help is among
/// them (the targets may then be incomplete). Throws UsageError that names the flag, what was given
/// and what is wanted.
bool parse_flags(const Command& command, const std::vector<std::string>& words);

}  // namespace fovea::cli
