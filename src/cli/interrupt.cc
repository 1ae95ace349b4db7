// The handler calls only what POSIX allows in one: write, unlink (inside) and _exit.
#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <initializer_list>

#include "fovea/formats/output_file.h"

namespace fovea::cli {
namespace {

// What the handler reads must be lock-free.
std::atomic<const char*> last_words{nullptr};
std::atomic<bool> is_held{false};
std::atomic<int> caught{0};
static_assert(std::atomic<const char*>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  if (is_held) {
    caught = signal;
    return;
  }
  if (const char* text = last_words) (void)!::write(STDOUT_FILENO, text, std::strlen(text));
  formats::remove_unfinished_outputs();
  ::_exit(128 + signal);
}

}  // namespace

void handle_interrupts() {
  std::signal(SIGPIPE, SIG_IGN);
  // A file above `ulimit -f`: the write fails, is reported like a full disk, and the unfinished file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(signal, &action, nullptr);
  }
}

LastWords::LastWords(const char* text) noexcept {
  last_words = text;
}

LastWords::~LastWords() {
  last_words = nullptr;
}

HeldInterrupts::HeldInterrupts() noexcept {
  caught = 0;
  is_held = true;
}

HeldInterrupts::~HeldInterrupts() {
  is_held = false;
}

void HeldInterrupts::check() const {
  if (const int signal = caught) throw Interrupted{signal};
}

}  // namespace fovea::cli
