// Small maps of heads: rows ask, columns are looked at; the deeper, the more weight.
#include "report/head_maps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea::report {
namespace {

// Cells to a side at most, and columns of the screen to a cell.
constexpr std::int64_t kCells = 16;
constexpr int kCellColumns = 2;
constexpr int kGap = 4;

// A map made smaller: each cell the weight of a block of keys, mean over a block of queries.
struct SmallMap {
  std::int64_t cells = 0;
  std::vector<double> weights = {};  // [cells, cells]
  bool has_sink = false;             // the first column would flatten the rest
  double full = 0;                   // the weight of full shade
};

SmallMap small_map(const Explanation& explanation, const ExplainedHead& head) {
  const std::int64_t all = explanation.map_cells;
  const std::int64_t block = (all + kCells - 1) / kCells;
  SmallMap map{.cells = (all + block - 1) / block};
  map.weights.resize(static_cast<std::size_t>(map.cells * map.cells));
  for (std::int64_t i = 0; i < all; ++i) {
    const auto rows = static_cast<double>(std::min(block, all - i / block * block));
    for (std::int64_t j = 0; j < all; ++j) {
      map.weights[static_cast<std::size_t>(i / block * map.cells + j / block)] +=
          static_cast<double>(head.map[static_cast<std::size_t>(i * all + j)]) / rows;
    }
  }
  double first = 0;
  for (std::int64_t i = 0; i < map.cells; ++i) {
    for (std::int64_t j = 0; j < map.cells; ++j) {
      const double weight = map.weights[static_cast<std::size_t>(i * map.cells + j)];
      if (j == 0) {
        first += i > 0 ? weight / static_cast<double>(std::max<std::int64_t>(1, map.cells - 1)) : 0;
      } else {
        map.full = std::max(map.full, weight);
      }
    }
  }
  map.has_sink = map.cells > 1 && explanation.tokens.front().is_sink && first >= kSinkShare;
  if (!map.has_sink) map.full = std::max(map.full, *std::ranges::max_element(map.weights));
  return map;
}

std::string line_of(const SmallMap& map, std::int64_t row, const Pen& pen) {
  std::string line;
  for (std::int64_t j = 0; j < map.cells; ++j) {
    const double weight = map.weights[static_cast<std::size_t>(row * map.cells + j)];
    if (j == 0 && map.has_sink && weight >= kSinkShare) {
      line += pen.ink(Ink::quiet, pen.style().unicode ? "╱╱" : "//");
    } else {
      line += pen.shade(map.full > 0 ? weight / map.full : 0, "  ");
    }
  }
  return line;
}

// As much of the summary as has room: all, or the first kind alone.
std::string title_of(const ExplainedHead& head, int width) {
  const std::string name = to_string(head.name) + " ";
  const std::string all = name + summary_of(head);
  if (display_width(all) <= width) return all;
  const auto& labels = head.portrait.labels;
  return name + std::string(labels.empty() ? "no kind" : labels.front().name);
}

}  // namespace

std::string summary_of(const ExplainedHead& head) {
  if (!head.portrait.labels.empty()) return head.summary;
  const std::size_t rest = std::min(head.summary.find(';'), head.summary.size());
  const bool is_short = head.summary.ends_with("too few rows");
  return "no kind" + (is_short ? " (too few tokens to tell)" : head.summary.substr(rest));
}

std::string head_maps(const Explanation& explanation, const Pen& pen) {
  if (explanation.telling.empty()) return "";
  std::string out = "\n" + pen.ink(Ink::heading, "The heads that tell most") + "\n";
  const std::int64_t block = (explanation.map_cells + kCells - 1) / kCells;
  const std::int64_t tokens = explanation.map_cell * block;
  const std::string note =
      fmt::format("Rows ask, columns are looked at, {} to a cell; each map has its own scale",
                  tokens == 1 ? "a token" : fmt::format("{} tokens", tokens));
  for (const std::string& line : wrap(note, pen.style().columns))
    out += pen.ink(Ink::quiet, line) + "\n";
  std::vector<SmallMap> maps;
  for (const std::size_t index : explanation.telling)
    maps.push_back(small_map(explanation, explanation.heads[index]));
  const int width = std::max(static_cast<int>(maps.front().cells) * kCellColumns, 16);
  const auto across =
      static_cast<std::size_t>(std::max(1, (pen.style().columns - 2 + kGap) / (width + kGap)));
  for (std::size_t first = 0; first < maps.size(); first += across) {
    const std::size_t last = std::min(maps.size(), first + across);
    const auto joined = [&](const auto& part) {
      std::string line = "  ";
      for (std::size_t i = first; i < last; ++i) line += part(i) + std::string(kGap, ' ');
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    };
    out += "\n";
    joined([&](std::size_t i) {
      const std::string title =
          pen.text(title_of(explanation.heads[explanation.telling[i]], width));
      return pen.ink(Ink::accent, pad_right(cut_to(title, width, pen.ellipsis()), width));
    });
    for (std::int64_t row = 0; row < maps.front().cells; ++row) {
      joined([&](std::size_t i) {
        const int drawn = static_cast<int>(maps[i].cells) * kCellColumns;
        return line_of(maps[i], row, pen) +
               std::string(static_cast<std::size_t>(width - drawn), ' ');
      });
    }
  }
  return out;
}

}  // namespace fovea::report
