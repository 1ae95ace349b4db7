// Numbers as a lesson prints them: the same text in its sentences and in its figures.
#include "fovea/lesson/number_text.h"

#include <fmt/format.h>

#include <cmath>

namespace fovea::lesson {

std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) value = 0;  // not -0
  const double size = std::abs(value);
  if (size >= (digits == 0 ? 1e15 : 1e6)) return fmt::format("{:.3e}", value);
  if (size > 0 && size < 0.5 * std::pow(10.0, -digits)) return fmt::format("{:.1e}", value);
  return fmt::format("{:.{}f}", value, digits);
}

std::string percent_text(double fraction, int decimals) {
  return fmt::format("{:.{}f} %", 100 * fraction, decimals);
}

}  // namespace fovea::lesson
