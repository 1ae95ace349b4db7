// The list of commands. A new one: its file src/cli/NAME.cc, its declaration and its line in the
// list here.
#pragma once

#include <vector>

#include "cli/command.h"

namespace fovea::cli {

Command attend_command();
Command explain_command();
Command generate_command();
Command list_command();
Command model_command();
Command tokenize_command();
Command walk_command();

/// All commands, in the order in which `fovea --help` shows them.
inline std::vector<Command> all_commands() {
  return {
      walk_command(),     explain_command(), attend_command(), generate_command(),
      tokenize_command(), model_command(),   list_command(),
  };
}

}  // namespace fovea::cli
