// Another program, run to its end: pip, npm, tar, sha256sum.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fovea::cli {

/// What to run. The words go to the program as they are: no shell sees them.
struct Child {
  std::vector<std::string> words;  ///< the first is looked up in PATH
  std::string output;              ///< a file: what it prints, standard error too
  std::string temporary;           ///< a folder: its TMPDIR
};

/// Runs it, standard input empty, in a process group of its own. Calls `meanwhile` ten times a
/// second; when that throws, the program and those that it started are ended first. Returns the exit
/// code, 128 + signal when a signal ended it. Throws Error{io} when it cannot be started: "npm: not
/// found in PATH".
int run_child(const Child& child, const std::function<void()>& meanwhile);

}  // namespace fovea::cli
