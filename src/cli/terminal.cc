// Asks the system; nothing here is cached, it is called once a command.
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace fovea::cli {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The first that is set decides, as in setlocale.
bool locale_has_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view locale = variable(name);
    if (locale.empty()) continue;
    for (const std::string_view utf8 : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(utf8) != locale.npos) return true;
    }
    return false;
  }
  return true;
}

}  // namespace

Terminal standard_output_terminal() {
  Terminal terminal;
  terminal.is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.unicode = locale_has_unicode();
  if (!terminal.is_terminal) return terminal;
  terminal.colour = variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  terminal.unicode &= variable("TERM") != "dumb" && variable("TERM") != "linux";
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = std::clamp<int>(size.ws_col, 40, 80);
  }
  return terminal;
}

bool standard_error_rewrites_lines() {
  return ::isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
}

}  // namespace fovea::cli
