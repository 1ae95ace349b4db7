// fovea: finds the command, parses its flags, runs it, and turns errors into one line and an exit
// code.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/mapped_files.h"
#include "cli/parse.h"
#include "cli/standard_streams.h"
#include "cli/suggest.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

constexpr int kRuntimeFailure = 1;
constexpr int kUsageFailure = 2;

const Command& find_command(const std::vector<Command>& commands, const std::string& name) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& c) { return c.name == name; });
  if (found != commands.end()) return *found;
  std::vector<std::string> names{"--help", "--version"};
  for (const Command& command : commands) names.push_back(command.name);
  throw UsageError(fmt::format("unknown {} {}{} (see fovea --help)",
                               name.starts_with('-') ? "flag" : "command", in_quotes(name),
                               did_you_mean(name, names)));
}

void run(std::vector<std::string> words) {
  const std::vector<Command> commands = all_commands();
  if (words.empty()) {
    print_to_error(overview_help(commands));
    throw UsageError("");
  }
  if (words[0] == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  if (words[0] == "--help" || words[0] == "-h") return print(overview_help(commands));
  if (words[0] == "--version" || words[0] == "-V") return print("fovea " FOVEA_VERSION "\n");
  const Command& command = find_command(commands, words[0]);
  words.erase(words.begin());
  if (parse_flags(command, words)) return print(command_help(command));
  command.run();
}

int fail(int exit_code, std::string_view text) {
  if (!text.empty()) print_error_line(fmt::format("fovea: {}", text));
  return exit_code;
}

int run_and_report(std::vector<std::string> words) {
  try {
    run(std::move(words));
    return 0;
  } catch (const ReaderGone&) {
    return 0;
  } catch (const Interrupted& interrupted) {
    return 128 + interrupted.signal;
  } catch (const UsageError& error) {
    return fail(kUsageFailure, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kRuntimeFailure, "out of memory");
  } catch (const std::length_error&) {
    return fail(kRuntimeFailure, "out of memory: more asked for than addresses reach");
  } catch (const std::exception& error) {
    return fail(kRuntimeFailure, error.what());
  }
}

}  // namespace
}  // namespace fovea::cli

// Layers ask for the same few sizes again and again: memory that was freed is kept, not given back
// to the system and cleared anew (explain of 2,000 tokens: 4.1 s instead of 4.5).
static void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

int main(int count, char** words) {
  keep_freed_memory();
  fovea::cli::fill_closed_descriptors();
  fovea::cli::handle_interrupts();
  fovea::cli::handle_cut_files();
  return fovea::cli::run_and_report(
      std::vector<std::string>(words + std::min(count, 1), words + count));
}
