// Rotary position embedding: pairs of a head's numbers turned by an angle that grows with the
// token's position, so that q · k depends on how far apart two tokens are.
// Source: Su et al. 2021, arXiv:2104.09864.
#pragma once

#include <cstdint>

#include "fovea/core/tensor.h"

namespace fovea::nn {

/// Which numbers are turned together.
enum class RopeLayout : std::uint8_t {
  half_split,   ///< i and i + size/2, as GPT-NeoX and transformers
  interleaved,  ///< 2i and 2i + 1, as the paper and ggml's llama
};

/// Pair i of a token at position p turns by p · base^(-2i/size). Immutable; const calls may run at
/// once.
class Rope {
 public:
  /// Angles of positions [0, positions). Throws Error{invalid_argument} unless size is even and above
  /// 0, base finite and above 0, positions at least 0.
  Rope(std::int64_t size, double base, RopeLayout layout, std::int64_t positions);

  std::int64_t size() const noexcept { return size_; }
  RopeLayout layout() const noexcept { return layout_; }
  double base() const noexcept { return base_; }
  /// Radians by which pair `pair` of size / 2 turns from one position to the next.
  double angle(std::int64_t pair) const noexcept;

  /// Returns x [..., tokens, size], f32, any strides, with token t turned as position
  /// first_position + t; contiguous. Throws Error{invalid_argument} for another type or size, and
  /// for positions outside of those given to the constructor.
  Tensor forward(const TensorView& x, std::int64_t first_position = 0) const;

 private:
  std::int64_t size_;
  double base_;
  RopeLayout layout_;
  Tensor cosine_;  // [positions, size / 2], the double's nearest f32
  Tensor sine_;
};

}  // namespace fovea::nn
