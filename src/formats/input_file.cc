// open, fstat, pread. No mapping: a file cut while it is mapped would end the process with SIGBUS.
#include "fovea/formats/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

[[noreturn]] void fail(const std::string& name, std::string_view reason) {
  throw Error(ErrorKind::io, fmt::format("{}: {}", name, reason));
}

// What a path leads to if not to a regular file, "" if to one.
std::string_view special_kind(mode_t mode) {
  if (S_ISREG(mode)) return "";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO (named pipe)";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void refuse_special(const std::string& name, const struct stat& facts) {
  const std::string_view kind = special_kind(facts.st_mode);
  if (!kind.empty()) fail(name, fmt::format("is {}; a regular file is wanted", kind));
}

}  // namespace

InputFile::InputFile(const std::string& path)
    : name_(path.empty() || path.size() > 200 ? in_quotes(path) : printable(path)) {
  if (path.find('\0') != std::string::npos) fail(name_, "a path cannot hold a NUL byte");
  struct stat facts {};
  // Before open: opening some devices has an effect. After it again: the path may lead elsewhere by
  // then.
  if (::stat(path.c_str(), &facts) != 0) fail(name_, std::strerror(errno));
  refuse_special(name_, facts);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) fail(name_, std::strerror(errno));
  try {
    if (::fstat(descriptor_, &facts) != 0) fail(name_, std::strerror(errno));
    refuse_special(name_, facts);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
  size_ = facts.st_size;
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      name_(std::move(other.name_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::read_at(std::int64_t offset, std::span<std::byte> target) const {
  while (!target.empty()) {
    const ssize_t count = ::pread(descriptor_, target.data(), target.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name_, std::strerror(errno));
    if (count == 0) {
      fail(name_,
           fmt::format("had {} bytes when it was opened and now ends at byte {}", size_, offset));
    }
    target = target.subspan(static_cast<std::size_t>(count));
    offset += count;
  }
}

std::string read_text(const InputFile& file, std::int64_t most_bytes) {
  if (file.size() > most_bytes) {
    throw Error(ErrorKind::format, fmt::format("{}: has {} bytes; at most {} are read", file.name(),
                                               file.size(), most_bytes));
  }
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace fovea::formats
