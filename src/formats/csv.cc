// Lines and fields by hand: a message must name the line and column, and no locale may have a say.
#include "fovea/formats/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/input_file.h"

namespace fovea::formats {
namespace {

constexpr std::int64_t kLongestText = std::int64_t{64} << 20;

struct Field {
  std::string text;
  bool is_quoted = false;
};

struct Line {
  std::size_t number = 0;  // of the file, from 1
  std::vector<Field> fields;
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The number that a field spells; nothing for a word. "1e999" is a word here and refused as one.
std::optional<double> number_of(const Field& field) {
  if (field.is_quoted) return std::nullopt;
  std::string_view text = field.text;
  // from_chars knows no '+'.
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes the text apart, a line at a time.
class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : rest_(text), name_(name) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  // The next line that is neither empty nor a comment; nothing at the end.
  std::optional<Line> next() {
    while (!rest_.empty()) {
      ++line_;
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view text = trimmed(rest_.substr(0, end));
      if (text.empty() || text == "#" || text.starts_with("# ")) {
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
      } else {
        return take_line();
      }
    }
    return std::nullopt;
  }

  [[noreturn]] void fail(std::size_t line, std::string_view what) const {
    throw Error(ErrorKind::format, fmt::format("{}: line {}: {}", name_, line, what));
  }
  [[noreturn]] void fail(std::size_t line, std::size_t column, std::string_view what) const {
    throw Error(ErrorKind::format,
                fmt::format("{}: line {}, column {}: {}", name_, line, column, what));
  }

 private:
  Line take_line() {
    Line line{line_, {}};
    while (true) {
      skip_spaces();
      const bool is_quoted = rest_.starts_with('"');
      line.fields.push_back(is_quoted ? take_quoted(line.fields.size() + 1) : take_plain());
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        continue;
      }
      if (rest_.starts_with('\n')) rest_.remove_prefix(1);
      return line;
    }
  }

  void skip_spaces() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r"), rest_.size()));
  }

  Field take_plain() {
    const std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    Field field{std::string(trimmed(rest_.substr(0, end))), false};
    rest_.remove_prefix(end);
    return field;
  }

  Field take_quoted(std::size_t column) {
    const std::size_t first_line = line_;
    Field field{"", true};
    while (true) {
      rest_.remove_prefix(1);
      const std::size_t end = rest_.find('"');
      if (end == rest_.npos) fail(first_line, column, "the quote '\"' is not closed");
      const std::string_view part = rest_.substr(0, end);
      line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      field.text += part;
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"')) break;  // two are one quote
      field.text += '"';
    }
    skip_spaces();
    if (!rest_.empty() && rest_[0] != ',' && rest_[0] != '\n') {
      fail(line_, column,
           fmt::format("found {} after the closing quote", in_quotes(rest_.substr(0, 1))));
    }
    return field;
  }

  std::string_view rest_;
  const std::string& name_;
  std::size_t line_ = 0;
};

bool is_heading(const Line& line) {
  return std::none_of(line.fields.begin(), line.fields.end(),
                      [](const Field& field) { return number_of(field).has_value(); });
}

double checked_number(const Reader& reader, const Line& line, std::size_t at, CsvNumbers welcome) {
  const Field& field = line.fields[at];
  const std::optional<double> number = number_of(field);
  if (!number) {
    reader.fail(line.number, at + 1,
                field.text.empty() ? "a number is missing"
                                   : in_quotes(field.text) + " is not a number that 64 bits hold");
  }
  if (welcome == CsvNumbers::finite && !std::isfinite(*number)) {
    reader.fail(line.number, at + 1, in_quotes(field.text) + " is not finite");
  }
  return *number;
}

// Rows as they come.
struct Rows {
  std::vector<std::string> words;
  std::vector<double> numbers;
  std::size_t first_number = 0;  // column: 1 after a column of words
  std::size_t columns = 0;       // of all kinds
};

void append_row(const Reader& reader, Line& line, CsvNumbers welcome, Rows& rows) {
  if (line.fields.size() != rows.columns) {
    reader.fail(line.number,
                fmt::format("has {} field{}; the lines before have {}", line.fields.size(),
                            line.fields.size() == 1 ? "" : "s", rows.columns));
  }
  if (rows.first_number == 1) rows.words.push_back(std::move(line.fields[0].text));
  for (std::size_t at = rows.first_number; at < line.fields.size(); ++at) {
    rows.numbers.push_back(checked_number(reader, line, at, welcome));
  }
}

}  // namespace

Csv parse_csv(std::string_view text, const std::string& name, CsvNumbers welcome) {
  Reader reader(text, name);
  std::optional<Line> line = reader.next();
  std::optional<Line> heading;
  if (line && is_heading(*line)) {
    heading = std::move(line);
    line = reader.next();
  }
  if (!line) {
    throw Error(ErrorKind::format, fmt::format("{}: holds no row of numbers{}", name,
                                               text.empty() ? "; it is empty" : ""));
  }
  Rows rows;
  rows.columns = heading ? heading->fields.size() : line->fields.size();
  rows.first_number = line->fields.size() > 1 && !number_of(line->fields[0]) ? 1 : 0;
  std::int64_t count = 0;
  for (; line; line = reader.next()) {
    append_row(reader, *line, welcome, rows);
    ++count;
  }

  Csv csv;
  csv.words = std::move(rows.words);
  if (heading) {
    for (std::size_t at = rows.first_number; at < rows.columns; ++at) {
      csv.heading.push_back(std::move(heading->fields[at].text));
    }
  }
  const auto columns = static_cast<std::int64_t>(rows.columns - rows.first_number);
  csv.numbers = Tensor::of<double>({count, columns}, std::span<const double>(rows.numbers));
  return csv;
}

Csv read_csv(const std::string& path, CsvNumbers welcome) {
  const InputFile file(path);
  return parse_csv(read_text(file, kLongestText), file.name(), welcome);
}

}  // namespace fovea::formats
