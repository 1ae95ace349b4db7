// The handler calls only what POSIX allows in one: write, unlink (inside), sigaction and _exit.
#include "cli/mapped_files.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "fovea/formats/output_file.h"

namespace fovea::cli {
namespace {

constexpr int kRuntimeFailure = 1;
constexpr std::string_view kLine =
    "fovea: a file was cut or its disk failed while it was being read\n";

bool is_of_a_file(int code) {
  return code == BUS_ADRERR || code == BUS_OBJERR || code == BUS_MCEERR_AR;
}

extern "C" void end_for_a_cut_file(int signal, siginfo_t* facts, void*) {
  if (!is_of_a_file(facts->si_code)) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    return;  // the fault comes again
  }
  formats::remove_unfinished_outputs();
  const ssize_t ignored = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  static_cast<void>(ignored);
  ::_exit(kRuntimeFailure);
}

}  // namespace

void handle_cut_files() {
  struct sigaction action {};
  action.sa_sigaction = end_for_a_cut_file;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace fovea::cli
