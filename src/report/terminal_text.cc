// Text on a terminal: escaping, width, wrapping, padding, colour.
#include "report/terminal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "fovea/core/printable.h"

namespace fovea::report {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Two columns each: East Asian wide and fullwidth (Unicode's EastAsianWidth W and F, in blocks) and
// emoji.
constexpr std::array<Range, 14> kWide = {{{0x1100, 0x115F},
                                          {0x231A, 0x231B},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};
// No column of their own: combining marks and variation selectors.
constexpr std::array<Range, 8> kCombining = {{{0x0300, 0x036F},
                                              {0x0483, 0x0489},
                                              {0x0591, 0x05BD},
                                              {0x064B, 0x065F},
                                              {0x1AB0, 0x1AFF},
                                              {0x1DC0, 0x1DFF},
                                              {0x20D0, 0x20FF},
                                              {0xFE00, 0xFE0F}}};
template <std::size_t N>
bool is_in(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](Range range) { return range.first <= c && c <= range.last; });
}

int width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (is_in(kCombining, c)) return 0;
  return is_in(kWide, c) ? 2 : 1;
}

// How the characters of formulas and sentences are spelled in ASCII.
constexpr std::array<std::pair<char32_t, std::string_view>, 32> kAsciiSpelling = {
    {{U'·', "."},    {U'×', "x"},    {U'−', "-"},     {U'–', "-"},  {U'—', "-"},  {U'√', "sqrt "},
     {U'Σ', "sum"},  {U'∞', "inf"},  {U'θ', "theta"}, {U'ᵀ', "^T"}, {U'‖', "|"},  {U'≈', "~"},
     {U'≤', "<="},   {U'≥', ">="},   {U'≠', "!="},    {U'→', "->"}, {U'←', "<-"}, {U'…', "..."},
     {U'“', "\""},   {U'”', "\""},   {U'’', "'"},     {U'∂', "d"},  {U'²', "^2"}, {U'▸', ">"},
     {U'ᵢ', "_i"},   {U'ⱼ', "_j"},   {U'₁', "_1"},    {U'₂', "_2"}, {U'⁻', "^-"}, {U'∈', "in"},
     {U'°', " deg"}, {U'δ', "delta"}}};

std::string_view ascii_spelling(char32_t c) {
  for (const auto& [from, to] : kAsciiSpelling) {
    if (from == c) return to;
  }
  return {};
}

}  // namespace

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> result;
  result.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result.push_back(byte);
    } else if (byte >= 0xC0) {
      result.push_back(byte & (byte < 0xE0 ? 0x1Fu : byte < 0xF0 ? 0x0Fu : 0x07u));
    } else if (!result.empty()) {
      result.back() = result.back() << 6 | (byte & 0x3Fu);
    }
  }
  return result;
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

int display_width(std::string_view text) {
  int width = 0;
  for (const char32_t c : code_points(text)) width += width_of(c);
  return width;
}

std::string Pen::text(std::string_view raw) const {
  const std::string safe = printable(raw);
  if (style_.unicode) return safe;
  std::string result;
  for (const char32_t c : code_points(safe)) {
    if (c < 0x80) {
      result.push_back(static_cast<char>(c));
    } else if (const std::string_view spelled = ascii_spelling(c); !spelled.empty()) {
      result += spelled;
    } else {
      result += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
    }
  }
  return result;
}

std::string Pen::ink(Ink ink, std::string_view text) const {
  static constexpr std::array<std::string_view, 8> kCodes = {"",  "1",  "1;36", "33",
                                                             "2", "34", "31",   "32"};
  const std::string_view code = kCodes[static_cast<std::size_t>(ink)];
  if (!style_.colour || code.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string_view Pen::shade_mark(double depth) const {
  static constexpr std::array<std::string_view, 5> kBlocks = {" ", "░", "▒", "▓", "█"};
  static constexpr std::array<std::string_view, 8> kAscii = {" ", ".", ":", "-",
                                                             "+", "*", "#", "@"};
  const double inside = std::isnan(depth) ? 0 : std::clamp(depth, 0.0, 1.0);
  const auto step = [inside](std::size_t levels) {
    return static_cast<std::size_t>(std::lround(inside * static_cast<double>(levels - 1)));
  };
  return style_.unicode ? kBlocks[step(kBlocks.size())] : kAscii[step(kAscii.size())];
}

std::string Pen::shade(double depth, std::string_view text) const {
  if (!style_.colour) {
    std::string marks;
    for (int i = 0; i < display_width(text); ++i) marks += shade_mark(depth);
    return marks;
  }
  // Pale to deep blue of the 256-colour palette; dark text on the pale half, white on the deep one.
  static constexpr std::array<int, 9> kRamp = {255, 189, 153, 117, 111, 75, 33, 26, 19};
  const double inside = std::isnan(depth) ? 0 : std::clamp(depth, 0.0, 1.0);
  const auto step = static_cast<std::size_t>(std::lround(inside * (kRamp.size() - 1)));
  return fmt::format("\x1b[{};48;5;{}m{}\x1b[0m", step < 6 ? "38;5;16" : "38;5;231", kRamp[step],
                     text);
}

std::string Pen::bar(double fraction, int columns) const {
  static constexpr std::array<std::string_view, 8> kEighths = {"",  "▏", "▎", "▍",
                                                               "▌", "▋", "▊", "▉"};
  const double inside = std::isnan(fraction) ? 0 : std::clamp(fraction, 0.0, 1.0);
  if (!style_.unicode)
    return std::string(static_cast<std::size_t>(std::lround(inside * columns)), '#');
  const auto eighths = static_cast<std::size_t>(std::lround(inside * columns * 8));
  std::string result;
  for (std::size_t i = 0; i < eighths / 8; ++i) result += "█";
  result += kEighths[eighths % 8];
  return result;
}

std::string pad_left(std::string_view text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ') +
         std::string(text);
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) +
         std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
}

std::string cut_to(std::string_view text, int width, std::string_view ellipsis) {
  if (display_width(text) <= width) return std::string(text);
  const int room = std::max(0, width - display_width(ellipsis));
  std::string result;
  int used = 0;
  for (const char32_t c : code_points(text)) {
    if (used + width_of(c) > room) break;
    used += width_of(c);
    append_utf8(result, c);
  }
  return result + std::string(ellipsis);
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines;
  std::string line;
  int used = 0;
  const auto end_line = [&] {
    lines.push_back(std::move(line));
    line.clear();
    used = 0;
  };
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t space = std::min(text.find(' ', from), text.size());
    std::string_view word = text.substr(from, space - from);
    from = space + 1;
    if (word.empty()) continue;
    const int needed = display_width(word);
    if (used > 0 && used + 1 + needed > width) end_line();
    if (used > 0) {
      line += ' ';
      ++used;
    }
    for (const char32_t c : code_points(word)) {
      if (used + width_of(c) > width) end_line();
      append_utf8(line, c);
      used += width_of(c);
    }
  }
  if (used > 0 || lines.empty()) end_line();
  return lines;
}

std::string spaces(int count) {
  return std::string(static_cast<std::size_t>(std::max(count, 0)), ' ');
}

void add_wrapped(std::string& out, const Pen& pen, Ink ink, std::string_view text) {
  for (const std::string& line : wrap(pen.text(text), pen.style().columns))
    out += pen.ink(ink, line) + "\n";
}

}  // namespace fovea::report
