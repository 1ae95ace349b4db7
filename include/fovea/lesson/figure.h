// What a lesson shows: numbers under the names that a reader knows them by. Data alone; report/
// draws it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fovea::lesson {

/// Numbers under row and column names. A vector is a table of one row.
struct Table {
  std::string name = {};                  ///< what the numbers are: "scores", "context vector"
  std::vector<std::string> rows = {};     ///< one name a row; empty strings where none is needed
  std::vector<std::string> columns = {};  ///< one name a column, or none at all
  std::vector<double> values = {};  ///< [rows, columns], row-major; NaN and -inf are shown as such
  std::optional<std::int64_t> focus = {};  ///< the row that the sentence speaks of
  std::int64_t totals = 0;                 ///< how many of the last rows sum up those above
  bool is_mixed = false;  ///< columns are different quantities, not the axis of a matrix
};

/// One bar for each number, from zero.
struct Bars {
  std::string name;
  std::vector<std::string> labels = {};
  std::vector<double> values = {};
  std::optional<std::int64_t> focus = {};
};

/// A matrix seen as shades: the darker, the larger. `low` and `high` are the values of no shade and
/// of full shade.
struct ShadedMap {
  std::string name;
  std::vector<std::string> rows = {};
  std::vector<std::string> columns = {};
  std::vector<double> values = {};  ///< [rows, columns], row-major
  double low = 0;
  double high = 1;
};

/// One line of arithmetic, so that a number can be followed back: "journey · with", "0.55 x 0.22 +
/// ...", 0.8434.
struct WorkedLine {
  std::string name;
  std::string expression = {};
  double value = 0;
};
struct Worked {
  std::vector<WorkedLine> lines = {};
};

/// The same thing done wrong and right. The two sides may differ in length: that may be the
/// mistake.
struct Comparison {
  std::string name;
  std::string wrong_how = {};  ///< what was done, in a few words
  std::vector<double> wrong = {};
  std::string right_how = {};
  std::vector<double> right = {};
};

/// A sentence between figures.
struct Note {
  std::string text = {};
};

using Figure = std::variant<Table, Bars, ShadedMap, Worked, Comparison, Note>;

}  // namespace fovea::lesson
