// What documents hold that a test can check: their code blocks, and what programs print.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "project/source_tree.h"

namespace fovea::project {

using Lines = std::vector<std::string>;

/// The lines of all code blocks of a language ("" for blocks that name none), without their fences.
inline std::vector<Lines> blocks(const SourceFile& document, const std::string& language) {
  std::vector<Lines> found;
  for (auto line = document.lines.begin(); line != document.lines.end(); ++line) {
    if (!line->starts_with("```")) continue;
    const auto end = std::find(line + 1, document.lines.end(), "```");
    if (*line == "```" + language) found.emplace_back(line + 1, end);
    if (end == document.lines.end()) break;
    line = end;
  }
  return found;
}

/// What a program prints. Throws when it fails.
inline Lines output_lines(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  Lines lines(1);
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += static_cast<char>(c);
    }
  }
  if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed");
  lines.pop_back();
  return lines;
}

}  // namespace fovea::project
