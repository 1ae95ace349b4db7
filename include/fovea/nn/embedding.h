// A table of vectors, one a token id.
#pragma once

#include <cstdint>
#include <string>

#include "fovea/core/random.h"
#include "fovea/core/tensor.h"

namespace fovea::nn {

/// torch.nn.Embedding. Immutable; const calls may run at once.
class Embedding {
 public:
  /// Draws the table with `randn`. Throws as Tensor's constructor.
  Embedding(std::int64_t entries, std::int64_t size, Generator& generator);

  /// Takes a table [entries, size], f32, draws nothing. Throws Error{invalid_argument} for another
  /// type or rank.
  explicit Embedding(Tensor weight);

  std::int64_t entries() const noexcept { return weight_.size(0); }
  std::int64_t size() const noexcept { return weight_.size(1); }
  TensorView weight() const { return weight_; }  ///< [entries, size]

  /// Returns [..., size]: the row of each id of [...], i32 or i64. Throws Error{invalid_argument}
  /// for another type and for an id outside 0 .. entries - 1.
  Tensor forward(const TensorView& ids) const;

  /// Returns "Embedding(50257, 256)".
  std::string repr() const;

 private:
  Tensor weight_;
};

}  // namespace fovea::nn
