// Temporary files beside their targets, and a table of them that a signal handler can read.
#include "fovea/formats/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

[[noreturn]] void fail(const std::string& path, std::string_view reason) {
  const std::string name = path.empty() || path.size() > 200 ? in_quotes(path) : printable(path);
  throw Error(ErrorKind::io, fmt::format("{}: cannot write: {}", name, reason));
}

// The names of temporary files, where a handler finds them without a lock and without memory that
// may be freed. An entry is filled before it is listed and is never unlisted while a handler may be
// half way through its name: it is only marked free, and the name stays until it is used again.
class UnfinishedList {
 public:
  // Returns an entry for `path`, nothing when all are taken.
  std::optional<std::size_t> add(const std::string& path) noexcept {
    if (path.size() >= kLongestPath) return std::nullopt;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      State expected = State::free;
      if (!entries_[i].state.compare_exchange_strong(expected, State::filling)) continue;
      std::memcpy(entries_[i].path.data(), path.c_str(), path.size() + 1);
      entries_[i].state = State::listed;
      return i;
    }
    return std::nullopt;
  }

  void forget(std::size_t entry) noexcept { entries_[entry].state = State::free; }

  void remove_all() noexcept {
    for (Entry& entry : entries_) {
      if (entry.state == State::listed) ::unlink(entry.path.data());
    }
  }

 private:
  static constexpr std::size_t kLongestPath = PATH_MAX;
  enum class State : std::uint8_t { free, filling, listed };
  struct Entry {
    std::atomic<State> state = State::free;
    std::array<char, kLongestPath> path{};
  };
  static_assert(std::atomic<State>::is_always_lock_free);
  std::array<Entry, 32> entries_;
};

UnfinishedList unfinished;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// What a symbolic link names, nothing for another file.
std::optional<std::string> link_of(const std::string& path) {
  std::array<char, PATH_MAX> name{};
  const ssize_t size = ::readlink(path.c_str(), name.data(), name.size());
  if (size < 0 || static_cast<std::size_t>(size) == name.size()) return std::nullopt;
  const std::string link(name.data(), static_cast<std::size_t>(size));
  return link.starts_with('/') ? link : folder_of(path) + link;
}

// The path without links. Of a file that is not there yet, only the links that its name is are followed, as far as open(2)
// would follow them; it fails for the rest.
std::string resolved(std::string path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (real) return real.get();
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0)
    return path;  // through /proc, to a file that lost its name
  constexpr int kMostLinks = 40;
  for (int i = 0; i < kMostLinks; ++i) {
    std::optional<std::string> link = link_of(path);
    if (!link) break;
    path = std::move(*link);
  }
  return path;
}

// A name in the directory of `target` that no other call of any process uses.
std::string temporary_name(const std::string& target) {
  static std::atomic<std::int64_t> counter = 0;
  return fmt::format("{}.fovea-{}-{}.tmp", folder_of(target), ::getpid(), ++counter);
}

}  // namespace

struct OutputFile::State {
  std::string path;       // as given
  std::string target;     // links resolved
  std::string temporary;  // empty: the target is written directly
  std::optional<std::size_t> listed;
  int descriptor = -1;
  Sink sink;  // given: there is no file

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
    if (!temporary.empty()) ::unlink(temporary.c_str());
    if (listed) unfinished.forget(*listed);
  }

  // With the permissions of the file that it will replace, if there is one.
  void open_temporary(std::optional<mode_t> mode) {
    for (int attempt = 0; descriptor < 0; ++attempt) {
      const std::string name = temporary_name(target);
      listed = unfinished.add(name);
      descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      const int error = errno;
      if (descriptor >= 0) {
        temporary = name;
      } else {
        // Somebody else's file, or none: a handler must not remove it.
        if (listed) unfinished.forget(*listed);
        listed.reset();
        if (error != EEXIST || attempt == 100) fail(path, std::strerror(error));
      }
    }
    if (mode) (void)::fchmod(descriptor, *mode & 07777);
  }
};

OutputFile::OutputFile(const std::string& path) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.path = path;
  if (path.find('\0') != std::string::npos) fail(path, "a path cannot hold a NUL byte");
  state.target = resolved(path);
  struct stat facts {};
  if (::stat(state.target.c_str(), &facts) != 0) {
    if (errno != ENOENT || path.empty()) fail(path, std::strerror(errno));
    state.open_temporary(std::nullopt);
    return;
  }
  if (S_ISDIR(facts.st_mode)) fail(path, std::strerror(EISDIR));
  // A file that lost its name and is reached through /proc has no place to rename to: the link would be replaced.
  if (!S_ISREG(facts.st_mode) || facts.st_nlink == 0) {
    state.descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (state.descriptor < 0) fail(path, std::strerror(errno));
    return;
  }
  // A rename would replace a file that its owner has protected.
  if (::access(state.target.c_str(), W_OK) != 0) fail(path, std::strerror(errno));
  state.open_temporary(facts.st_mode);
}

OutputFile::OutputFile(std::string name, Sink sink) : state_(std::make_unique<State>()) {
  state_->path = state_->target = std::move(name);
  state_->sink = std::move(sink);
}

OutputFile::OutputFile(OutputFile&& other) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&& other) noexcept = default;
OutputFile::~OutputFile() = default;

const std::string& OutputFile::target() const noexcept {
  return state_->target;
}

void OutputFile::write(std::span<const std::byte> bytes) {
  if (state_->sink) return state_->sink(bytes);
  while (!bytes.empty()) {
    const ssize_t count = ::write(state_->descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd ready{state_->descriptor, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      fail(state_->path, std::strerror(errno));
    }
  }
}

void OutputFile::finish() {
  if (state_->descriptor < 0) return;
  const int descriptor = state_->descriptor;
  state_->descriptor = -1;
  if (::close(descriptor) != 0 && errno != EINTR) fail(state_->path, std::strerror(errno));
}

void OutputFile::commit() {
  finish();
  if (state_->temporary.empty()) return;
  if (::rename(state_->temporary.c_str(), state_->target.c_str()) != 0) {
    fail(state_->path, std::strerror(errno));
  }
  state_->temporary.clear();
}

void remove_unfinished_outputs() noexcept {
  unfinished.remove_all();
}

}  // namespace fovea::formats
