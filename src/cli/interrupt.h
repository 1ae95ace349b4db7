// Ctrl-C and its relatives: end at once, leave no temporary file.
#pragma once

namespace fovea::cli {

/// From here on SIGINT, SIGTERM and SIGHUP remove unfinished output files and end the process with
/// 128 + the signal's number (130 for Ctrl-C), whatever it is computing. A signal that the caller
/// had set to be ignored (nohup) stays so. Writing to a closed pipe, or a larger file than the caller
/// allows (ulimit -f), becomes an error of write instead of a signal.
void handle_interrupts();

/// While one lives, a signal that ends the process writes `text` to standard output first: the end
/// of a line that is being written, say. One at a time; `text` must outlive it.
class LastWords {
 public:
  explicit LastWords(const char* text) noexcept;
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
  ~LastWords();
};

/// Thrown by HeldInterrupts::check: the program ends quietly with 128 + signal.
struct Interrupted {
  int signal = 0;
};

/// While one lives, the signals wait until `check` is called: for work that leaves more behind than
/// a signal handler may clear away (a folder, a child process). One at a time. What was caught and
/// not checked for when it dies is forgotten: the work was done by then.
class HeldInterrupts {
 public:
  HeldInterrupts() noexcept;
  HeldInterrupts(const HeldInterrupts&) = delete;
  HeldInterrupts& operator=(const HeldInterrupts&) = delete;
  ~HeldInterrupts();

  /// Throws Interrupted when a signal has come.
  void check() const;
};

}  // namespace fovea::cli
