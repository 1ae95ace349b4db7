// The files that `fovea attend` was asked for: all of them or none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/attend_flags.h"
#include "cli/attend_observe.h"
#include "fovea/attention/attention.h"
#include "fovea/engine/attend.h"
#include "fovea/formats/output_file.h"
#include "fovea/reference/attend.h"

namespace fovea::cli {

class AttendAnswer {
 public:
  /// True when the flags ask for a file. Throws as check_flags for a flag that names none.
  static bool is_wanted(const AttendFlags& flags);

  /// Throws UsageError when a file would be written twice or over an input, a stage is unknown, or
  /// a flag of an observer cannot be meant so.
  static void check_flags(const AttendFlags& flags);

  /// Opens every file beside its target. Throws Error when one cannot be written.
  AttendAnswer(const AttendFlags& flags, const Attention& attention);

  struct Written {
    std::int64_t empty_rows = 0;  ///< rows without a visible key
    /// What observed: it need not be what answers the question alone. Nothing when nothing did.
    std::optional<Plan> observing = {};
  };
  /// Computes and writes, then lets all files appear.
  Written write(const Attention& attention, const Execution& execution);

 private:
  /// An array that is computed and written a row at a time: it may be larger than memory.
  struct RowFile {
    formats::OutputFile file;
    DType dtype;
    Shape shape;
    std::function<std::span<const double>(const reference::RowSteps&)> part;
    std::vector<std::byte> buffer = {};

    void append(std::span<const double> numbers);
    void flush();
  };

  std::int64_t write_rows(const Attention& attention, const Execution& execution);

  std::optional<formats::OutputFile> output_;
  std::optional<formats::OutputFile> lse_;
  std::vector<RowFile> rows_;
  ObserverFiles observers_;
};

}  // namespace fovea::cli
