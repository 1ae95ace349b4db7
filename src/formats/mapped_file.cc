// mmap, read-only: pages come from the system's cache when they are touched, and go when it needs
// them.
#include "fovea/formats/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "fovea/core/error.h"

namespace fovea::formats {
namespace {

[[noreturn]] void fail_to_map(const InputFile& file, int error) {
  if (error == ENOMEM) {
    throw Error(ErrorKind::out_of_memory,
                fmt::format("{}: out of memory: the address space does not hold its {} bytes",
                            file.name(), file.size()));
  }
  throw Error(ErrorKind::io, fmt::format("{}: {}", file.name(), std::strerror(error)));
}

std::span<const std::byte> map(const InputFile& file) {
  if (file.size() == 0) return {};  // which mmap refuses
  const auto size = static_cast<std::size_t>(file.size());
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (start == MAP_FAILED) fail_to_map(file, errno);
  return {static_cast<const std::byte*>(start), size};
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : MappedFile(InputFile(path)) {}

MappedFile::MappedFile(InputFile file) : file_(std::move(file)), bytes_(map(file_)) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::require_whole() const {
  struct stat facts {};
  if (::fstat(file_.descriptor(), &facts) != 0) {
    throw Error(ErrorKind::io, fmt::format("{}: {}", name(), std::strerror(errno)));
  }
  if (facts.st_size < file_.size()) {
    throw Error(ErrorKind::io, fmt::format("{}: had {} bytes when it was opened and now has {}",
                                           name(), file_.size(), facts.st_size));
  }
}

}  // namespace fovea::formats
