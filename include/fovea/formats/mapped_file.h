// A regular file seen as memory: weights are used where they lie, not copied.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "fovea/formats/input_file.h"

namespace fovea::formats {

/// Move-only, read-only. A file that is cut while it is mapped ends a program that touches what is
/// gone (SIGBUS): `require_whole` finds that out where it can be found out, and a program that wants
/// more installs a handler, as `fovea` does.
class MappedFile {
 public:
  /// Opens and maps `path`. Throws as InputFile; Error{out_of_memory} with the size when the address
  /// space does not hold it.
  explicit MappedFile(const std::string& path);
  explicit MappedFile(InputFile file);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// The path, fit for a message.
  const std::string& name() const noexcept { return file_.name(); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Throws Error{io} when the file has become shorter than it was. Costs a system call.
  void require_whole() const;

 private:
  InputFile file_;
  std::span<const std::byte> bytes_;
};

}  // namespace fovea::formats
