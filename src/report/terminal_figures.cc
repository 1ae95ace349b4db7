// Draws the figures of a lesson as lines of text.
#include "report/terminal_figures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "fovea/lesson/number_text.h"

namespace fovea::report {
namespace {

using Lines = std::vector<std::string>;
constexpr int kNameColumns = 14;  // a longer row name is cut
constexpr int kTableRows = 14;    // a longer table loses its middle
constexpr int kBarRows = 16;
constexpr int kGap = 2;

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}
std::int64_t count(const auto& range) {
  return static_cast<std::int64_t>(range.size());
}

bool all_integers(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) {
    return !std::isfinite(v) || (v == std::floor(v) && std::abs(v) < 1e15);
  });
}

// Which of n things are shown where at most `room` fit: the first ones, the focus, the last ones
// (`kept` at least). -1 marks a gap, and takes one place.
std::vector<std::int64_t> shown(std::int64_t n, std::int64_t room,
                                std::optional<std::int64_t> focus, std::int64_t kept) {
  std::vector<std::int64_t> result;
  if (n <= room) {
    result.resize(at(n));
    std::iota(result.begin(), result.end(), 0);
    return result;
  }
  room = std::max<std::int64_t>(room, 2);
  const std::int64_t last =
      std::clamp<std::int64_t>(kept, std::min<std::int64_t>(1, room - 2), room - 2);
  const bool wants_focus = focus && *focus >= 0 && room - last >= 4;
  std::int64_t first = room - last - 1;
  const bool focus_between = wants_focus && *focus >= first - 2 && *focus < n - last;
  if (focus_between) first -= 2;
  for (std::int64_t i = 0; i < first; ++i) result.push_back(i);
  if (focus_between) {
    if (*focus > first) result.push_back(-1);
    result.push_back(*focus);
    if (*focus + 1 < n - last) result.push_back(-1);
  } else {
    result.push_back(-1);
  }
  for (std::int64_t i = n - last; i < n; ++i) result.push_back(i);
  return result;
}

std::int64_t hidden_of(std::int64_t n, const std::vector<std::int64_t>& indices) {
  return n - std::count_if(indices.begin(), indices.end(), [](std::int64_t i) { return i >= 0; });
}

// "scores  [6, 6]" above a figure.
void caption(Lines& lines, const Pen& pen, int width, std::string_view name,
             std::string_view note) {
  const std::string title = pen.text(name);
  const std::string remark = pen.text(note);
  const std::string gap = title.empty() || remark.empty() ? "" : "  ";
  if (display_width(title + gap + remark) <= width) {
    if (!title.empty() || !remark.empty())
      lines.push_back(pen.ink(Ink::accent, title) + gap + pen.ink(Ink::quiet, remark));
    return;
  }
  for (const std::string& line : wrap(title, width)) lines.push_back(pen.ink(Ink::accent, line));
  if (remark.empty()) return;
  for (const std::string& line : wrap(remark, width)) lines.push_back(pen.ink(Ink::quiet, line));
}

int widest(const Pen& pen, const std::vector<std::string>& names, int limit) {
  int width = 0;
  for (const std::string& name : names) width = std::max(width, display_width(pen.text(name)));
  return std::min(width, limit);
}

std::string name_cell(const Pen& pen, const std::string& name, int width, bool focused) {
  const std::string cell = pad_right(cut_to(pen.text(name), width, pen.ellipsis()), width);
  return focused ? pen.ink(Ink::heading, cell) : cell;
}

struct TableLayout {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> columns;
  int name_width = 0;
  int cell_width = 0;
  std::vector<int> digits;  // of each column
};

// Numbers without decimals, such as counts, are shown without: column by column where these are
// different quantities.
std::vector<int> digits_of_columns(const lesson::Table& table, std::int64_t columns, int digits) {
  if (!table.is_mixed)
    return std::vector<int>(at(columns), all_integers(table.values) ? 0 : digits);
  std::vector<int> places;
  for (std::int64_t column = 0; column < columns; ++column) {
    std::vector<double> values;
    for (std::int64_t i = column; i < count(table.values); i += columns)
      values.push_back(table.values[at(i)]);
    places.push_back(all_integers(values) ? 0 : digits);
  }
  return places;
}

TableLayout lay_out(const lesson::Table& table, const Pen& pen, int width, int digits) {
  TableLayout layout;
  layout.name_width = widest(pen, table.rows, kNameColumns);
  const std::int64_t columns = table.rows.empty() ? 0 : count(table.values) / count(table.rows);
  layout.digits = digits_of_columns(table, columns, digits);
  layout.rows =
      shown(count(table.rows), kTableRows, table.focus, std::max<std::int64_t>(table.totals, 2));
  int cell = widest(pen, table.columns, 12);
  for (std::int64_t i = 0; i < count(table.values); ++i) {
    const int places = layout.digits[at(i % columns)];
    cell = std::max(cell, display_width(lesson::number_text(table.values[at(i)], places)));
  }
  layout.cell_width = cell + kGap;
  const std::int64_t fit = std::max(1, (width - layout.name_width) / layout.cell_width);
  layout.columns = shown(columns, fit, std::nullopt, 1);
  return layout;
}

Lines draw(const lesson::Table& table, const Pen& pen, int width, int digits) {
  Lines lines;
  const TableLayout layout = lay_out(table, pen, width, digits);
  const std::int64_t rows = count(table.rows);
  const std::int64_t columns = rows == 0 ? 0 : count(table.values) / rows;
  std::vector<std::string> notes;
  if (!table.is_mixed && !table.name.empty()) {
    notes.push_back(rows == 1 && table.rows[0].empty()
                        ? fmt::format("[{}]", columns)
                        : fmt::format("[{}, {}]", rows - table.totals, columns));
  }
  if (const std::int64_t hidden = hidden_of(rows, layout.rows); hidden > 0)
    notes.push_back(fmt::format("{} rows not shown", hidden));
  if (const std::int64_t hidden = hidden_of(columns, layout.columns); hidden > 0)
    notes.push_back(fmt::format("{} columns not shown", hidden));
  caption(lines, pen, width, table.name, fmt::format("{}", fmt::join(notes, ", ")));

  if (!table.columns.empty()) {
    std::string header(at(layout.name_width), ' ');
    for (const std::int64_t column : layout.columns) {
      const std::string name =
          column < 0 ? std::string(pen.ellipsis()) : pen.text(table.columns[at(column)]);
      header += pad_left(cut_to(name, layout.cell_width - kGap, pen.ellipsis()), layout.cell_width);
    }
    lines.push_back(pen.ink(Ink::quiet, header));
  }
  for (const std::int64_t row : layout.rows) {
    if (row < 0) {
      lines.push_back(pen.ink(Ink::quiet, pen.ellipsis()));
      continue;
    }
    if (table.totals > 0 && row == rows - table.totals) {
      const auto rule =
          layout.name_width + static_cast<int>(layout.columns.size()) * layout.cell_width;
      std::string dashes;
      for (int i = 0; i < rule; ++i) dashes += pen.style().unicode ? "─" : "-";
      lines.push_back(pen.ink(Ink::quiet, dashes));
    }
    const bool focused = table.focus == row && rows > 1;
    std::string line = name_cell(pen, table.rows[at(row)], layout.name_width, focused);
    for (const std::int64_t column : layout.columns) {
      const std::string cell = column < 0
                                   ? std::string(pen.ellipsis())
                                   : lesson::number_text(table.values[at(row * columns + column)],
                                                         layout.digits[at(column)]);
      const std::string padded = pad_left(cell, layout.cell_width);
      line += focused ? pen.ink(Ink::heading, padded) : padded;
    }
    lines.push_back(line);
  }
  return lines;
}

Lines draw(const lesson::Bars& bars, const Pen& pen, int width, int digits) {
  Lines lines;
  const std::int64_t n = count(bars.labels);
  const std::vector<std::int64_t> rows = shown(n, kBarRows, bars.focus, 2);
  const std::int64_t hidden = hidden_of(n, rows);
  caption(lines, pen, width, bars.name,
          hidden > 0 ? fmt::format("{} of {} not shown", hidden, n) : "");
  const int places = all_integers(bars.values) ? 0 : digits;
  const int names = widest(pen, bars.labels, kNameColumns);
  int numbers = 0;
  double low = 0;
  double high = 0;
  for (const double value : bars.values) {
    numbers = std::max(numbers, display_width(lesson::number_text(value, places)));
    if (std::isfinite(value)) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  const double span = high > low ? high - low : 1;
  const int room = std::max(4, std::min(48, width - names - numbers - 2 * kGap - 1));
  const int left = static_cast<int>(std::lround(-low / span * room));
  for (const std::int64_t row : rows) {
    if (row < 0) {
      lines.push_back(pen.ink(Ink::quiet, pen.ellipsis()));
      continue;
    }
    const double value = bars.values[at(row)];
    const bool focused = bars.focus == row;
    std::string line = name_cell(pen, bars.labels[at(row)], names, focused);
    const std::string number = pad_left(lesson::number_text(value, places), numbers + kGap);
    line += (focused ? pen.ink(Ink::heading, number) : number) + std::string(kGap, ' ');
    if (std::isfinite(value) && value < 0) {
      // A negative bar ends at the axis; whole columns only, since the eighths grow from the left.
      const int filled = static_cast<int>(std::lround(-value / span * room));
      line += pad_left("", left - filled) + pen.ink(Ink::wrong, pen.bar(1, filled));
      if (pen.style().unicode) line += pen.ink(Ink::quiet, "│");
    } else {
      if (low < 0)
        line += pad_left("", left) + pen.ink(Ink::quiet, pen.style().unicode ? "│" : "|");
      if (std::isfinite(value)) line += pen.ink(Ink::bar, pen.bar(value / span, room));
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

double depth_of(const lesson::ShadedMap& map, double value) {
  if (std::isnan(value)) return 0;
  return map.high > map.low ? (value - map.low) / (map.high - map.low) : (value > map.low ? 1 : 0);
}

// The legend says what no shade and full shade stand for.
std::string legend(const lesson::ShadedMap& map, const Pen& pen, int digits) {
  std::string steps;
  for (int i = 0; i <= 4; ++i) steps += pen.shade(i / 4.0, "  ");
  return pen.ink(Ink::quiet, lesson::number_text(map.low, digits)) + " " + steps + " " +
         pen.ink(Ink::quiet, lesson::number_text(map.high, digits));
}

int legend_width(const lesson::ShadedMap& map, int digits) {
  constexpr int kShades = 12;
  return kShades + display_width(lesson::number_text(map.low, digits)) +
         display_width(lesson::number_text(map.high, digits));
}

// Every cell with its number: for maps of a few tokens.
Lines draw_numbered(const lesson::ShadedMap& map, const Pen& pen, int names, int digits) {
  Lines lines;
  int numbers = widest(pen, map.columns, 8);
  for (const double value : map.values)
    numbers = std::max(numbers, display_width(lesson::number_text(value, digits)));
  const bool colour = pen.style().colour;
  const int cell =
      numbers + 2;  // in colour a space on each side, else a space and a shading character
  std::string header(at(names + kGap), ' ');
  for (const std::string& column : map.columns) {
    header += pad_left(cut_to(pen.text(column), numbers, pen.ellipsis()), cell - 1);
    header += " ";
  }
  while (!header.empty() && header.back() == ' ') header.pop_back();
  lines.push_back(pen.ink(Ink::quiet, header));
  const std::size_t columns = map.columns.size();
  for (std::size_t row = 0; row < map.rows.size(); ++row) {
    std::string line = name_cell(pen, map.rows[row], names, false) + std::string(kGap, ' ');
    for (std::size_t column = 0; column < columns; ++column) {
      const double value = map.values[row * columns + column];
      const std::string number = pad_left(lesson::number_text(value, digits), numbers);
      const double depth = depth_of(map, value);
      line += colour ? pen.shade(depth, " " + number + " ")
                     : " " + number + std::string(pen.shade_mark(depth));
    }
    while (line.back() == ' ') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

// Cells of two columns, each the mean of a block where the map is larger than the screen.
Lines draw_pooled(const lesson::ShadedMap& map, const Pen& pen, int names, int width) {
  Lines lines;
  const std::int64_t rows = count(map.rows);
  const std::int64_t columns = count(map.columns);
  const std::int64_t fit =
      std::max<std::int64_t>(1, std::min<std::int64_t>(32, (width - names - kGap) / 2));
  const std::int64_t block = std::max((columns + fit - 1) / fit, (rows + 31) / 32);
  if (block > 1) {
    lines.push_back(
        pen.ink(Ink::quiet, pen.text(fmt::format("each cell is the mean of {0} × {0}", block))));
  }
  for (std::int64_t top = 0; top < rows; top += block) {
    std::string line = name_cell(pen, map.rows[at(top)], names, false) + std::string(kGap, ' ');
    for (std::int64_t left = 0; left < columns; left += block) {
      double sum = 0;
      std::int64_t cells = 0;
      for (std::int64_t i = top; i < std::min(rows, top + block); ++i) {
        for (std::int64_t j = left; j < std::min(columns, left + block); ++j, ++cells)
          sum += map.values[at(i * columns + j)];
      }
      line += pen.shade(depth_of(map, sum / static_cast<double>(cells)), "  ");
    }
    lines.push_back(line);
  }
  return lines;
}

Lines draw(const lesson::ShadedMap& map, const Pen& pen, int width, int digits) {
  Lines lines;
  const std::string shape = fmt::format("[{}, {}]", map.rows.size(), map.columns.size());
  caption(lines, pen, width, map.name, shape);
  constexpr int kLegendGap = 3;
  const int caption_width = display_width(pen.text(map.name) + "  " + shape);
  if (caption_width + kLegendGap + legend_width(map, digits) <= width) {
    lines.back() += std::string(kLegendGap, ' ') + legend(map, pen, digits);
  } else {
    lines.push_back(legend(map, pen, digits));
  }
  const int names = widest(pen, map.rows, kNameColumns);
  const int cell = std::max(widest(pen, map.columns, 8), digits + 2) + 2;
  const bool numbered =
      map.rows.size() <= 12 && names + kGap + cell * static_cast<int>(map.columns.size()) <= width;
  const Lines cells =
      numbered ? draw_numbered(map, pen, names, digits) : draw_pooled(map, pen, names, width);
  lines.insert(lines.end(), cells.begin(), cells.end());
  return lines;
}

Lines draw(const lesson::Worked& worked, const Pen& pen, int width, int digits) {
  Lines lines;
  int names = 0;
  for (const lesson::WorkedLine& line : worked.lines)
    names = std::max(names, display_width(pen.text(line.name)));
  names = std::min(names, 2 * kNameColumns);
  for (const lesson::WorkedLine& line : worked.lines) {
    const std::string name = pad_right(cut_to(pen.text(line.name), names, pen.ellipsis()), names);
    const bool whole =
        all_integers({{line.value}}) && line.expression.find('.') == std::string::npos;
    const std::string value = lesson::number_text(line.value, whole ? 0 : digits);
    const std::string rest = pen.text(line.expression) + " = " + value;
    const Lines wrapped = wrap(rest, std::max(20, width - names - 3));
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
      std::string text = wrapped[i];
      if (i + 1 == wrapped.size() && text.size() >= value.size()) {
        text = text.substr(0, text.size() - value.size()) + pen.ink(Ink::heading, value);
      }
      lines.push_back((i == 0 ? name + " = " : std::string(at(names + 3), ' ')) + text);
    }
  }
  return lines;
}

Lines draw(const lesson::Comparison& comparison, const Pen& pen, int width, int digits) {
  Lines lines;
  caption(lines, pen, width, comparison.name, "");
  const auto side = [&](Ink ink, std::string_view label, const std::string& how,
                        std::span<const double> values) {
    const std::string head = fmt::format("{}  ", label);
    const Lines text = wrap(pen.text(how), width - 7);
    for (std::size_t i = 0; i < text.size(); ++i) {
      lines.push_back((i == 0 ? pen.ink(ink, head) : std::string(7, ' ')) + text[i]);
    }
    std::string numbers = "[";
    const std::vector<std::int64_t> kept = shown(count(values), 24, std::nullopt, 2);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      numbers +=
          (i == 0 ? "" : ", ") + (kept[i] < 0 ? std::string(pen.ellipsis())
                                              : lesson::number_text(values[at(kept[i])], digits));
    }
    for (const std::string& line : wrap(numbers + "]", width - 7))
      lines.push_back(std::string(7, ' ') + pen.ink(ink, line));
  };
  side(Ink::wrong, "wrong", comparison.wrong_how, comparison.wrong);
  side(Ink::right, "right", comparison.right_how, comparison.right);
  return lines;
}

Lines draw(const lesson::Note& note, const Pen& pen, int width, int /*digits*/) {
  return wrap(pen.text(note.text), width);
}

}  // namespace

std::vector<std::string> draw(const lesson::Figure& figure, const Pen& pen, int width, int digits) {
  return std::visit([&](const auto& one) { return draw(one, pen, width, digits); }, figure);
}

}  // namespace fovea::report
