// A file that appears under its name only when it is whole.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace fovea::formats {

/// Writes beside the target, under a name of its own, and renames when all is written: until
/// `commit` the target is what it was before. To write several files or none: open all, write all,
/// finish all, then commit all.
///
/// A target that exists keeps its permissions. A symbolic link stays, and what it names is written: a file that is
/// there is replaced, one that is not yet is created. A target that is a
/// device, a FIFO or a file without a name (/dev/stdout, whatever it stands for) cannot be renamed
/// onto and is written directly. Nothing is forced to the disk
/// (fsync).
class OutputFile {
 public:
  /// Creates the temporary file. Throws Error{io} with the path and the system's reason.
  explicit OutputFile(const std::string& path);

  using Sink = std::function<void(std::span<const std::byte>)>;
  /// No file: what is written goes to `sink` as it comes (a program's standard output, say), and its errors are those of
  /// `sink`. The target is `name`; `finish` and `commit` do nothing.
  OutputFile(std::string name, Sink sink);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  /// Removes the temporary file unless `commit` was called.
  ~OutputFile();

  /// Where the data will be, links resolved: equal for two paths to the same file.
  const std::string& target() const noexcept;

  /// Appends. Throws Error{io}: a full disk, say.
  void write(std::span<const std::byte> bytes);

  /// Closes the file, which may be when the system reports that it could not write. Throws
  /// Error{io}.
  void finish();

  /// Gives the finished file its name. Throws Error{io}.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Removes the temporary files of all OutputFiles that are not committed (of the 32 first, should
/// there be more). May be called in a signal handler: programs that end on Ctrl-C call it there.
/// The library installs no handler itself.
void remove_unfinished_outputs() noexcept;

}  // namespace fovea::formats
