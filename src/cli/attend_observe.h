// The observers of `fovea attend`: their flags, what these ask the engine, and the files with what
// it says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "fovea/attention/observe.h"
#include "fovea/formats/output_file.h"

namespace fovea::cli {

/// As they were typed.
struct ObserveFlags {
  // files to write
  std::optional<std::string> entropy;
  std::optional<std::string> top_weights;
  std::optional<std::string> top_indices;
  std::optional<std::string> received;
  std::optional<std::string> pooled;
  std::optional<std::string> distance;
  std::optional<std::string> masses;
  std::vector<std::string> rows;     ///< I=FILE
  std::vector<std::string> columns;  ///< J=FILE

  // what goes into them
  std::optional<std::int64_t> top_k;
  std::optional<std::string> pool_cells;  ///< R,C
  std::optional<std::string> only_heads;  ///< 0,3,5-7
};

/// The flags bound to `flags`, as help shows them.
FlagGroup observe_flags(ObserveFlags& flags);

/// A file, and the flag that names it, for messages.
struct NamedPath {
  std::string flag;
  std::string path;
};

/// The files that the flags ask for. Throws UsageError for a --row or --column that names none.
std::vector<NamedPath> observer_files(const ObserveFlags& flags);

/// What the flags ask of the engine. Throws UsageError for those that cannot be meant so: a list
/// that is none, or a setting of a file that is not asked for.
Observe observe_of(const ObserveFlags& flags);

/// The files of the observers, open and unfinished.
class ObserverFiles {
 public:
  /// Opens every file beside its target. Throws Error when one cannot be written.
  explicit ObserverFiles(const ObserveFlags& flags);

  /// Asks for nothing when there are no files.
  const Observe& observe() const noexcept { return observe_; }

  /// Writes what the engine said; the files are left to be finished and committed.
  void write(const Observed& observed);
  std::vector<formats::OutputFile*> files();

 private:
  using Write = std::function<void(formats::OutputFile&, const Observed&)>;
  struct File {
    formats::OutputFile file;
    Write write;
  };

  void add(const std::string& path, Write write);

  Observe observe_;
  std::vector<File> files_;
};

}  // namespace fovea::cli
