// Vectors in 16-bit steps: each row's largest number is step 32767.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fovea/report/kept_head.h"

namespace fovea::report {
namespace {

constexpr double kSteps = 32767;

// What is not finite cannot be kept: 0.
double finite_at(const TensorView& rows, std::int64_t row, std::int64_t i) {
  const double number = rows.number_at(row, i);
  return std::isfinite(number) ? number : 0;
}

}  // namespace

SteppedVectors stepped(const TensorView& rows) {
  const std::int64_t count = rows.size(0);
  const std::int64_t size = rows.size(1);
  SteppedVectors made{Tensor::uninitialized(DType::i16, {count, size}),
                      Tensor::uninitialized(DType::f32, {count})};
  std::int16_t* to = made.values.values<std::int16_t>().data();
  for (std::int64_t row = 0; row < count; ++row) {
    double largest = 0;
    for (std::int64_t i = 0; i < size; ++i)
      largest = std::max(largest, std::abs(finite_at(rows, row, i)));
    // Rounded up, so that the largest number is no more than kSteps of them.
    auto step = static_cast<float>(largest / kSteps);
    while (static_cast<double>(step) * kSteps < largest)
      step = std::nextafter(step, std::numeric_limits<float>::infinity());
    made.steps.values<float>()[static_cast<std::size_t>(row)] = step;
    const double steps_to_one = step == 0 ? 0 : 1 / static_cast<double>(step);
    for (std::int64_t i = 0; i < size; ++i, ++to)
      *to = static_cast<std::int16_t>(std::nearbyint(finite_at(rows, row, i) * steps_to_one));
  }
  return made;
}

}  // namespace fovea::report
