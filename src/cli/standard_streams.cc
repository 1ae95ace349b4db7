// Plain read(2) and write(2): stdio would notice a full disk only when its buffer is flushed, at
// exit.
#include "cli/standard_streams.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

// Returns 0 or the errno of the failure.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{descriptor, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void fill_closed_descriptors() {
  for (const int descriptor : {0, 1, 2}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one. Opened the wrong way round, so that using it fails.
    (void)::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
  }
}

void print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return;
  if (error == EPIPE) throw ReaderGone{};
  throw Error(ErrorKind::io,
              fmt::format("cannot write to standard output: {}", std::strerror(error)));
}

void print_error_line(std::string_view line) {
  constexpr std::size_t kLongest = 2000;
  std::string text = printable(line.substr(0, kLongest));
  if (line.size() > kLongest) text += fmt::format("... ({} bytes)", line.size());
  (void)write_all(STDERR_FILENO, text + '\n');
}

void print_to_error(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

std::string read_standard_input(std::string_view wanted_by, std::int64_t most_bytes) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      pollfd ready{STDIN_FILENO, POLLIN, 0};
      ::poll(&ready, 1, -1);
      continue;
    }
    if (count < 0) {
      const char* reason = errno == EBADF ? "it is closed" : std::strerror(errno);
      throw Error(ErrorKind::io,
                  fmt::format("{}: cannot read standard input: {}", wanted_by, reason));
    }
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(text.size()) > most_bytes) {
      throw Error(ErrorKind::format,
                  fmt::format("{}: standard input is longer than {} bytes", wanted_by, most_bytes));
    }
  }
  if (text.empty()) {
    throw Error(ErrorKind::format, fmt::format("{}: standard input is empty", wanted_by));
  }
  return text;
}

}  // namespace fovea::cli
