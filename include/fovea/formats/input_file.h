// A regular file, opened for reading with everything checked that can make a reader hang or fail
// late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fovea::formats {

/// Move-only; closes the file when it dies. Reading is positioned, so that one object may serve
/// several threads.
class InputFile {
 public:
  /// Opens `path`. Throws Error{io} that names the path and the system's reason, or what else it
  /// is: a directory, FIFO, socket or device is refused at once, without waiting and without
  /// reading it.
  explicit InputFile(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  /// The path, fit for a message.
  const std::string& name() const noexcept { return name_; }

  /// Bytes in the file when it was opened.
  std::int64_t size() const noexcept { return size_; }

  /// The system's handle, which stays this object's: for mapping.
  int descriptor() const noexcept { return descriptor_; }

  /// Fills `target` from `offset`. Throws Error{io} when the file ends before (it was cut after it
  /// was opened).
  void read_at(std::int64_t offset, std::span<std::byte> target) const;

 private:
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  std::string name_;
};

/// Returns the whole file. Throws Error{io} as read_at, Error{format} when it is longer than
/// `most_bytes`.
std::string read_text(const InputFile& file, std::int64_t most_bytes = std::int64_t{1} << 30);

}  // namespace fovea::formats
