// fork, exec and files without a name: the program's output cannot fill a pipe and block it.
#include "cli/run_program.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace fovea::cli {
namespace {

int file_without_name(std::string_view content) {
  const int descriptor = ::memfd_create("fovea-test", MFD_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("memfd_create failed");
  if (::write(descriptor, content.data(), content.size()) < 0) {
    throw std::runtime_error("writing the program's input failed");
  }
  ::lseek(descriptor, 0, SEEK_SET);
  return descriptor;
}

std::string content_and_close(int& descriptor) {
  std::string text;
  std::array<char, 4096> buffer;
  ::lseek(descriptor, 0, SEEK_SET);
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(std::exchange(descriptor, -1));
  return text;
}

int open_output(const Launch& launch) {
  if (launch.reader_is_gone) {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    ::close(ends[0]);
    return ends[1];
  }
  if (launch.output_path.empty()) return file_without_name("");
  const int descriptor = ::open(launch.output_path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("cannot open " + launch.output_path);
  return descriptor;
}

// In the child, between fork and exec.
[[noreturn]] void become_program(const Launch& launch, const std::array<int, 3>& streams) {
  for (int stream = 0; stream < 3; ++stream) {
    const int descriptor = streams[static_cast<std::size_t>(stream)];
    if (descriptor < 0) ::close(stream);
    if (descriptor >= 0) ::dup2(descriptor, stream);
  }
  for (const auto& [name, value] : launch.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (!launch.folder.empty() && ::chdir(launch.folder.c_str()) != 0) ::_exit(127);
  if (launch.most_address_space > 0) {
    const auto bytes = static_cast<rlim_t>(launch.most_address_space);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  if (launch.most_file_bytes > 0) {
    const auto bytes = static_cast<rlim_t>(launch.most_file_bytes);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  constexpr uid_t kNobody = 65534;
  if (launch.as_nobody && ::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
    ::_exit(127);
  }
  std::vector<char*> words;
  std::string name = "fovea";
  words.push_back(name.data());
  for (const std::string& word : launch.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execv(FOVEA_BINARY, words.data());
  ::_exit(127);
}

}  // namespace

Program::Program(const Launch& launch) {
  const int input = launch.input ? file_without_name(*launch.input) : -1;
  output_ = open_output(launch);
  error_ = file_without_name("");
  process_ = ::fork();
  if (process_ == 0) become_program(launch, {input, output_, error_});
  if (input >= 0) ::close(input);
  if (process_ < 0) throw std::runtime_error("fork failed");
}

Program::~Program() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
  if (error_ >= 0) ::close(error_);
}

void Program::send(int signal) const {
  ::kill(process_, signal);
}

Finished Program::finish(std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(process_, &status, WNOHANG)) == 0) {
    if (std::chrono::steady_clock::now() > end) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  process_ = -1;
  Finished result;
  if (ended > 0) {
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  result.output = content_and_close(output_);
  result.error = content_and_close(error_);
  return result;
}

std::string output_on_terminal(const Launch& launch, int columns) {
  winsize size{};
  size.ws_row = 50;
  size.ws_col = static_cast<unsigned short>(columns);
  int terminal = -1;
  const pid_t process = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (process == 0) become_program(launch, {0, 1, 2});
  if (process < 0) throw std::runtime_error("forkpty failed");
  std::string text;
  std::array<char, 4096> buffer;
  // A terminal whose last program has ended reads as an error.
  for (ssize_t count = 0; (count = ::read(terminal, buffer.data(), buffer.size())) > 0;) {
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
      if (c != '\r') text.push_back(c);
    }
  }
  ::close(terminal);
  ::waitpid(process, nullptr, 0);
  return text;
}

}  // namespace fovea::cli
