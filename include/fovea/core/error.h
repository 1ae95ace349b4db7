// The one exception of the library: what was wrong with what was given, in one line.
#pragma once

#include <stdexcept>
#include <string>

namespace fovea {

/// What went wrong, for callers that act on it. The text of the error is for people.
enum class ErrorKind {
  invalid_argument,  ///< The arguments of a call contradict each other or its contract.
  unsupported,       ///< A valid question that this build or implementation cannot answer.
  io,                ///< The system refused to open, read, write or rename a file.
  format,            ///< A file is not what its format demands.
  out_of_memory,     ///< An allocation failed; the text states its size.
  cancelled,         ///< The caller asked to stop.
};

/// Thrown at the boundary only: when arguments are validated, files opened or parsed. The text says
/// where, what was given and what is wanted: `attend: key has 6 heads, query has 8; query heads
/// must be a multiple of key heads`.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  // Defined in error.cc, so that the class's type information is in one place: a catch finds it.
  ~Error() override;
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace fovea
