// Sums over one row in double, in chains side by side so that they run at the memory's speed.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace fovea::nn {

/// The sum of `term(x)` over the row: entry i joins chain i mod 8, then chains are added in pairs.
/// The order depends on nothing but the row's length.
template <typename Term>
double row_sum(std::span<const float> row, const Term& term) noexcept {
  constexpr std::size_t kChains = 8;
  std::array<double, kChains> chains{};
  const std::size_t whole = row.size() / kChains * kChains;
  for (std::size_t i = 0; i < whole; i += kChains) {
    for (std::size_t lane = 0; lane < kChains; ++lane) {
      chains[lane] += term(static_cast<double>(row[i + lane]));
    }
  }
  for (std::size_t i = whole; i < row.size(); ++i) {
    chains[i - whole] += term(static_cast<double>(row[i]));
  }
  for (std::size_t width = kChains / 2; width > 0; width /= 2) {
    for (std::size_t lane = 0; lane < width; ++lane) chains[lane] += chains[lane + width];
  }
  return chains[0];
}

}  // namespace fovea::nn
