// Rotary position embedding from tables of cosines and sines.
#include "fovea/nn/rope.h"

#include <fmt/format.h>

#include <cmath>

#include "fovea/core/error.h"
#include "fovea/core/format_tensor.h"
#include "nn/rows.h"

namespace fovea::nn {
namespace {

// A head's numbers at one position, and that position's row of the tables.
struct Turn {
  const float* from;
  const float* cosine;
  const float* sine;
  float* to;
};

void turn_halves(const Turn& turn, std::int64_t half) noexcept {
  const auto [from, cosine, sine, to] = turn;
  float* const __restrict low = to;
  float* const __restrict high = to + half;
  for (std::int64_t i = 0; i < half; ++i) {
    low[i] = from[i] * cosine[i] - from[i + half] * sine[i];
    high[i] = from[i + half] * cosine[i] + from[i] * sine[i];
  }
}

void turn_neighbours(const Turn& turn, std::int64_t half) noexcept {
  const auto [from, cosine, sine, to] = turn;
  float* const __restrict target = to;
  for (std::int64_t i = 0; i < half; ++i) {
    const float even = from[2 * i];
    const float odd = from[2 * i + 1];
    target[2 * i] = even * cosine[i] - odd * sine[i];
    target[2 * i + 1] = odd * cosine[i] + even * sine[i];
  }
}

}  // namespace

Rope::Rope(std::int64_t size, double base, RopeLayout layout, std::int64_t positions)
    : size_(size), base_(base), layout_(layout) {
  const bool valid = size > 0 && size % 2 == 0 && std::isfinite(base) && base > 0 && positions >= 0;
  if (!valid) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Rope: size {}, base {}, positions {} given; an even size above 0, a "
                            "finite base above 0 and positions of at least 0 are wanted",
                            size, format_scalar(base), positions));
  }
  const std::int64_t half = size / 2;
  cosine_ = Tensor::uninitialized(DType::f32, {positions, half});
  sine_ = Tensor::uninitialized(DType::f32, {positions, half});
  Tensor frequency = Tensor::uninitialized(DType::f64, {half});
  for (std::int64_t i = 0; i < half; ++i) {
    frequency.values<double>()[static_cast<std::size_t>(i)] = angle(i);
  }
  float* cosine = cosine_.values<float>().data();
  float* sine = sine_.values<float>().data();
  for (std::int64_t position = 0; position < positions; ++position) {
    for (const double each : frequency.values<double>()) {
      const double angle = static_cast<double>(position) * each;
      *cosine++ = static_cast<float>(std::cos(angle));
      *sine++ = static_cast<float>(std::sin(angle));
    }
  }
}

double Rope::angle(std::int64_t pair) const noexcept {
  return std::pow(base_, -2.0 * static_cast<double>(pair) / static_cast<double>(size_));
}

Tensor Rope::forward(const TensorView& x, std::int64_t first_position) const {
  require_rows("Rope", x, size_);
  const std::int64_t tokens = x.rank() > 1 ? x.size(x.rank() - 2) : 1;
  const std::int64_t positions = cosine_.size(0);
  if (first_position < 0 || first_position > positions || tokens > positions - first_position) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Rope: {} tokens from position {} given; positions 0 to {} are wanted",
                            tokens, first_position, positions - 1));
  }
  Tensor result = Tensor::uninitialized(DType::f32, x.shape());
  float* const target = result.values<float>().data();
  const std::int64_t half = size_ / 2;
  for_each_row(x, [&](const float* row, std::int64_t index) {
    const std::int64_t at = (first_position + index % tokens) * half;
    const Turn turn{row, cosine_.values<float>().data() + at, sine_.values<float>().data() + at,
                    target + index * size_};
    if (layout_ == RopeLayout::half_split) return turn_halves(turn, half);
    turn_neighbours(turn, half);
  });
  return result;
}

}  // namespace fovea::nn
