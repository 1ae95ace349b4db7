// Maps and received attention in a byte a number.
#include "report/page_maps.h"

#include <algorithm>
#include <cmath>

namespace fovea::report {
namespace {

std::int64_t stored_count(std::int64_t cells, bool is_causal) noexcept {
  return is_causal ? cells * (cells + 1) / 2 : cells * cells;
}

// Tokens in cell `index`: the last may hold fewer.
std::int64_t tokens_in(std::int64_t index, std::int64_t cell, std::int64_t tokens) noexcept {
  return std::min(cell, tokens - index * cell);
}

// A cell of a map is a sum over keys and a mean over queries, so a joined row is the mean of two by their tokens.
std::vector<float> joined(const std::vector<float>& map, const PageMaps& old, std::int64_t tokens) {
  const std::int64_t cells = (old.cells + 1) / 2;
  std::vector<float> made(static_cast<std::size_t>(cells * cells));
  for (std::int64_t i = 0; i < old.cells; ++i) {
    const auto rows = static_cast<double>(tokens_in(i, old.cell, tokens));
    const auto all = static_cast<double>(tokens_in(i / 2, 2 * old.cell, tokens));
    for (std::int64_t j = 0; j < old.cells; ++j) {
      const double part = static_cast<double>(map[static_cast<std::size_t>(i * old.cells + j)]);
      made[static_cast<std::size_t>(i / 2 * cells + j / 2)] +=
          static_cast<float>(part * rows / all);
    }
  }
  return made;
}

}  // namespace

ByteNumbers as_bytes_of_squares(std::span<const float> numbers) {
  ByteNumbers made;
  if (!numbers.empty()) made.largest = static_cast<double>(std::ranges::max(numbers));
  for (const float number : numbers) {
    const double part = made.largest > 0 ? static_cast<double>(number) / made.largest : 0;
    made.bytes.push_back(
        static_cast<std::uint8_t>(std::lround(255 * std::sqrt(std::max(0.0, part)))));
  }
  return made;
}

PageMaps page_maps(const Explanation& explanation, std::int64_t most_bytes) {
  const auto tokens = std::ssize(explanation.tokens);
  const bool is_causal = explanation.model.is_causal;
  PageMaps maps{.cell = explanation.map_cell, .cells = explanation.map_cells, .heads = {}};
  for (const ExplainedHead& head : explanation.heads) maps.heads.push_back(head.map);
  while (most_bytes > 0 && maps.cells > 1 &&
         std::ssize(maps.heads) * stored_count(maps.cells, is_causal) > most_bytes) {
    for (std::vector<float>& map : maps.heads) map = joined(map, maps, tokens);
    maps.cells = (maps.cells + 1) / 2;
    maps.cell *= 2;
  }
  return maps;
}

std::vector<float> stored_cells(const std::vector<float>& map, std::int64_t cells, bool is_causal) {
  std::vector<float> stored;
  for (std::int64_t i = 0; i < cells; ++i) {
    const auto row = map.begin() + i * cells;
    stored.insert(stored.end(), row, row + (is_causal ? i + 1 : cells));
  }
  return stored;
}

}  // namespace fovea::report
