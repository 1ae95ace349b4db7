// What `fovea --help` and `fovea COMMAND --help` print, wrapped at 80 columns.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace fovea::cli {

/// What fovea is, its commands, a few first things to type.
std::string overview_help(const std::vector<Command>& commands);

/// Everything about one command: usage, what it does, each flag, examples.
std::string command_help(const Command& command);

}  // namespace fovea::cli
