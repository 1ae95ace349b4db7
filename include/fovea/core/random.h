// Random numbers, the same ones that PyTorch draws on a CPU from the same seed.
// Source: Matsumoto & Nishimura 1998, "Mersenne Twister", for the generator; torch 2.13's CPU path
// for all that is made of its output.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "fovea/core/tensor.h"

namespace fovea {

/// MT19937 as torch.Generator uses it. Copyable: a copy goes on from the same place. One thread at
/// a time.
class Generator {
 public:
  /// torch's seed when nobody sets one.
  static constexpr std::uint64_t kDefaultSeed = 67280421310721;

  explicit Generator(std::uint64_t seed = kDefaultSeed) noexcept { manual_seed(seed); }

  /// Starts again as torch.manual_seed does. Only the lower 32 bits of the seed count (torch's
  /// engine too); a negative seed is given as its two's complement. Drops the normal that `normal`
  /// keeps.
  void manual_seed(std::uint64_t seed) noexcept;

  /// 32 random bits: one output of the engine.
  std::uint32_t bits32() noexcept { return static_cast<std::uint32_t>(engine_()); }

  /// A float in [0, 1), a multiple of 2^-24. Takes one output.
  float uniform() noexcept { return static_cast<float>(bits32() & 0xFFFFFFu) * 0x1p-24f; }

  /// A double in [0, 1), a multiple of 2^-53. Takes two outputs.
  double uniform_double() noexcept;

  /// A standard normal by Box-Muller, in double. They are made in pairs: the second of a pair is
  /// kept for the next call, whatever else is drawn in between.
  double normal() noexcept;

 private:
  std::mt19937 engine_;
  std::optional<double> kept_normal_;
};

/// Returns torch.rand(sizes): f32 in [0, 1), row-major, one output an element. Throws as Tensor's
/// constructor.
Tensor rand(const Shape& sizes, Generator& generator);

/// Returns torch.empty(sizes).uniform_(low, high), f32: each element is fma(rand, high - low, low),
/// rounded once.
Tensor uniform(const Shape& sizes, float low, float high, Generator& generator);

/// Returns torch.randn(sizes), f32. Fewer than 16 elements: Generator::normal for each. From 16 on:
/// Box-Muller in float32 over groups of 16 uniforms; when the count is not a multiple of 16, the
/// last 16 elements are drawn anew. That path is within 3 ulp of torch, whose vector log, cos and
/// sin are approximations; here they are rounded correctly.
Tensor randn(const Shape& sizes, Generator& generator);

}  // namespace fovea
