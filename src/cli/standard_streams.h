// Standard input, output and error, with every failure noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::cli {

/// Thrown by print when nobody reads any more (`fovea walk | head -1`): the program ends quietly.
struct ReaderGone {};

/// Puts something on the descriptors 0, 1 and 2 that the caller left closed, so that a file opened
/// later cannot take their place: reading or writing them then fails with "Bad file descriptor".
void fill_closed_descriptors();

/// Writes all of `text` to standard output at once. Throws Error{io} when it cannot (a full disk,
/// say), ReaderGone when the reader has closed the pipe. Text from outside must have gone through
/// printable().
void print(std::string_view text);

/// Writes one line to standard error, escaped by printable and cut when very long. Failures are
/// ignored.
void print_error_line(std::string_view line);

/// Writes text of our own to standard error as it is. Failures are ignored.
void print_to_error(std::string_view text);

/// Returns all of standard input, for the flag or argument `wanted_by` that asked for it. Throws
/// Error{io} when it is closed, Error{format} when it is empty or longer than `most_bytes`.
std::string read_standard_input(std::string_view wanted_by,
                                std::int64_t most_bytes = std::int64_t{1} << 30);

}  // namespace fovea::cli
