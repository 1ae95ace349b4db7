// The question that the flags of `fovea attend` and the files they name put to the engine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/attend_flags.h"
#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea::cli {

/// Owns the arrays that its `attention` looks at.
class AttendQuestion {
 public:
  /// Reads the files. Throws UsageError for flags that cannot be meant so, Error for files that
  /// cannot be used. Whether the arrays fit each other is for the engine to say.
  explicit AttendQuestion(const AttendFlags& flags);

  const Attention& attention() const noexcept { return attention_; }

 private:
  struct Source {
    const char* flag;
    const std::optional<std::string>& path;
  };

  Tensor read(const Source& source) const;
  TensorView keep_alive(Tensor array);
  TensorView read_numbers(const Source& source, bool bf16);
  TensorView read_mask(const Source& source);
  TensorView read_lengths(const Source& source);

  std::vector<Tensor> arrays_;
  Attention attention_;
};

}  // namespace fovea::cli
