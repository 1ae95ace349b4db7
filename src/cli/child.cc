// posix_spawn: fork would copy the page tables of what may be a large process.
#include "cli/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

extern "C" char** environ;

namespace fovea::cli {
namespace {

void sleep_milliseconds(long count) {
  const timespec time{0, count * 1'000'000};
  ::nanosleep(&time, nullptr);
}

class Actions {
 public:
  explicit Actions(const std::string& output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, output.c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// A group of its own, so that all of it can be ended; what this program ignores is a signal again.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::sigaddset(&defaults, SIGXFSZ);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

class Process {
 public:
  explicit Process(pid_t id) : id_(id) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (has_ended()) return;
    // pip and npm clear away their own files when asked to end; what does not listen is killed.
    ::kill(-id_, SIGTERM);
    for (int i = 0; i < 50 && !has_ended(); ++i) sleep_milliseconds(20);
    ::kill(-id_, SIGKILL);
    while (!has_ended()) sleep_milliseconds(1);
  }

  bool has_ended() {
    if (!is_running_) return true;
    const pid_t ended = ::waitpid(id_, &status_, WNOHANG);
    is_running_ = ended == 0 || (ended < 0 && errno == EINTR);
    return !is_running_;
  }

  int exit_code() const {
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }

 private:
  pid_t id_;
  int status_ = 0;
  bool is_running_ = true;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const std::string& temporary) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("TMPDIR=")) all.emplace_back(*entry);
  }
  all.push_back("TMPDIR=" + temporary);
  return all;
}

pid_t start(const Child& child) {
  std::vector<std::string> words = child.words;
  std::vector<std::string> environment = environment_with(child.temporary);
  const Actions actions(child.output);
  const Attributes attributes;
  ::signal(SIGCHLD, SIG_DFL);  // ignored, as some callers leave it, it would lose the exit code
  pid_t id = -1;
  const int error = ::posix_spawnp(&id, words[0].c_str(), actions.get(), attributes.get(),
                                   pointers(words).data(), pointers(environment).data());
  if (error == 0) return id;
  throw Error(ErrorKind::io,
              fmt::format("{}: {}", printable(words[0]),
                          error == ENOENT ? "not found in PATH" : std::strerror(error)));
}

}  // namespace

int run_child(const Child& child, const std::function<void()>& meanwhile) {
  Process process(start(child));
  for (int tick = 0; !process.has_ended(); ++tick) {
    if (tick % 20 == 0) meanwhile();
    sleep_milliseconds(5);
  }
  meanwhile();
  return process.exit_code();
}

}  // namespace fovea::cli
