// torch's CPU draws: 24-bit floats, 53-bit doubles, and Box-Muller in its two forms.
#include "fovea/core/random.h"

#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace fovea {
namespace {

constexpr std::size_t kGroup = 16;

// Turns 16 uniforms into 16 normals in place: entries j and j + 8 are a pair. The functions are
// taken in double and rounded to float32, which leaves every result within 3 ulp of torch's
// approximations.
void box_muller(std::span<float, kGroup> values) noexcept {
  constexpr float kTwoPi = static_cast<float>(2 * std::numbers::pi);
  for (std::size_t j = 0; j < kGroup / 2; ++j) {
    const float distance = 1 - values[j];
    const float angle = kTwoPi * values[j + kGroup / 2];
    const float radius =
        std::sqrt(-2 * static_cast<float>(std::log(static_cast<double>(distance))));
    // Adding zero, as torch adds the mean, makes every zero +0.
    values[j] = radius * static_cast<float>(std::cos(static_cast<double>(angle))) + 0.0f;
    values[j + kGroup / 2] =
        radius * static_cast<float>(std::sin(static_cast<double>(angle))) + 0.0f;
  }
}

void fill_uniform(std::span<float> values, Generator& generator) noexcept {
  for (float& value : values) value = generator.uniform();
}

}  // namespace

void Generator::manual_seed(std::uint64_t seed) noexcept {
  engine_.seed(static_cast<std::mt19937::result_type>(seed & 0xFFFFFFFFu));
  kept_normal_.reset();
}

double Generator::uniform_double() noexcept {
  const std::uint64_t high = bits32();
  const std::uint64_t low = bits32();
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 53) - 1;
  return static_cast<double>((high << 32 | low) & kMask) * 0x1p-53;
}

double Generator::normal() noexcept {
  if (kept_normal_) {
    const double value = *kept_normal_;
    kept_normal_.reset();
    return value;
  }
  const double turn = uniform_double();
  const double distance = uniform_double();
  const double radius = std::sqrt(-2 * std::log1p(-distance));
  const double angle = 2 * std::numbers::pi * turn;
  kept_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

Tensor rand(const Shape& sizes, Generator& generator) {
  Tensor result = Tensor::uninitialized(DType::f32, sizes);
  fill_uniform(result.values<float>(), generator);
  return result;
}

Tensor uniform(const Shape& sizes, float low, float high, Generator& generator) {
  Tensor result = Tensor::uninitialized(DType::f32, sizes);
  const float range = high - low;
  for (float& value : result.values<float>()) value = std::fma(generator.uniform(), range, low);
  return result;
}

Tensor randn(const Shape& sizes, Generator& generator) {
  Tensor result = Tensor::uninitialized(DType::f32, sizes);
  const std::span<float> values = result.values<float>();
  if (values.size() < kGroup) {
    for (float& value : values) value = static_cast<float>(generator.normal());
    return result;
  }
  fill_uniform(values, generator);
  for (std::size_t first = 0; first + kGroup <= values.size(); first += kGroup) {
    box_muller(values.subspan(first).first<kGroup>());
  }
  if (values.size() % kGroup != 0) {
    const std::span<float, kGroup> tail = values.last<kGroup>();
    fill_uniform(tail, generator);
    box_muller(tail);
  }
  return result;
}

}  // namespace fovea
