// Tables of numbers as text: vectors with their words, as people type and export them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/tensor.h"

namespace fovea::formats {

/// What a table holds. All rows have the same number of columns.
struct Csv {
  std::vector<std::string> heading;  ///< names of the number columns; empty without a heading line
  std::vector<std::string> words;    ///< one a row, where the first column holds words; else empty
  Tensor numbers;                    ///< [rows, columns], f64; at least one of each
};

/// Which numbers are welcome.
enum class CsvNumbers {
  finite,  ///< "nan" and "inf" are errors
  any,
};

/// Reads comma-separated values: a line a row, with '.' as decimal point whatever the locale.
/// Fields may be quoted as RFC 4180 has it, and a quoted field is a word even if it looks like a
/// number. The first line is a heading when none of its fields is a number; the first column holds
/// words when its first field below the heading is not a number. Empty lines, lines that begin with
/// "# ", spaces around fields, CRLF and a byte-order mark are skipped.
///
/// `name` begins the messages. Throws Error{format} with line and column: a field that is not a
/// number, a row of another length, a quote that is not closed, no numbers at all.
Csv parse_csv(std::string_view text, const std::string& name,
              CsvNumbers welcome = CsvNumbers::finite);

/// The same from a file of at most 64 MiB. Throws as InputFile too.
Csv read_csv(const std::string& path, CsvNumbers welcome = CsvNumbers::finite);

}  // namespace fovea::formats
