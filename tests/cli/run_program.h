// Runs the fovea program as a shell would, under conditions that a shell makes hard to set up.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea::cli {

/// Whether Launch::most_address_space can be set: AddressSanitizer needs terabytes of addresses.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kCanLimitAddresses = false;
#else
inline constexpr bool kCanLimitAddresses = true;
#endif

struct Launch {
  std::vector<std::string> words;                                     ///< after "fovea"
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< added to ours
  std::string folder = {};                ///< where it runs; empty: here
  std::optional<std::string> input = "";  ///< standard input; nothing: closed
  std::string output_path = {};           ///< where standard output goes instead of `output`
  bool reader_is_gone = false;            ///< standard output is a pipe that nobody reads
  std::int64_t most_address_space = 0;    ///< bytes, as of ulimit -v; 0: no limit
  std::int64_t most_file_bytes = 0;       ///< as of ulimit -f; 0: no limit
  bool as_nobody = false;                 ///< gives up root's right to open everything
};

struct Finished {
  int exit_code = -1;  ///< 128 + signal when a signal ended it; -1 when it took too long
  std::string output;
  std::string error;
};

class Program {
 public:
  explicit Program(const Launch& launch);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  void send(int signal) const;

  /// Waits for its end; ends it after `most`.
  Finished finish(std::chrono::milliseconds most = std::chrono::seconds(60));

 private:
  pid_t process_ = -1;
  int output_ = -1;
  int error_ = -1;
};

/// Runs it to its end.
inline Finished run(const Launch& launch) {
  return Program(launch).finish();
}
inline Finished run(std::vector<std::string> words) {
  return run(Launch{.words = std::move(words)});
}

/// What the program writes when its standard streams are a terminal of so many columns.
std::string output_on_terminal(const Launch& launch, int columns = 80);

}  // namespace fovea::cli
