// The handler calls only what POSIX allows in one: unlink (inside) and _exit.
#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

#include "fovea/formats/output_file.h"

namespace fovea::cli {
namespace {

extern "C" void end_at_once(int signal) {
  formats::remove_unfinished_outputs();
  ::_exit(128 + signal);
}

}  // namespace

void handle_interrupts() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = end_at_once;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace fovea::cli
