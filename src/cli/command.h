// What a command is to the command line: its words for people, its flags as plain data, and a
// function to run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace fovea::cli {

/// The command line itself is wrong: `fovea` prints the text and exits with 2. Other errors exit
/// with 1.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a flag may be bound to. The parser fills the target before the command runs; a flag that is
// not given leaves its target untouched (an empty optional, false, an empty vector).

/// `--causal`
struct Switch {
  bool* target;
};
/// `--query FILE`
struct Text {
  std::optional<std::string>* target;
};
/// `--scores STAGE=FILE --scores STAGE=FILE`, or the words of a positional
struct Texts {
  std::vector<std::string>* target;
};
/// `--threads N`, a whole number in decimal digits and within [least, most]; anything else is a
/// UsageError that names the flag and the range.
struct Integer {
  std::optional<std::int64_t>* target;
  std::int64_t least;
  std::int64_t most;
};
/// `--scale X`, a finite number at or above `least`, with a decimal point whatever the locale.
struct Real {
  std::optional<double>* target;
  std::optional<double> least = std::nullopt;
};
/// `--output-type f32|f64`, one of a few words.
struct Choice {
  std::optional<std::string>* target;
  std::vector<std::string> words;
};
using Binding = std::variant<Switch, Text, Texts, Integer, Real, Choice>;

struct Flag {
  std::string name;         ///< "--threads"; of a positional, the word that help shows: "LESSON"
  std::string placeholder;  ///< "N", "FILE"; empty for a switch
  std::string help;         ///< one or two sentences, without a line break
  Binding binding;
  bool required = false;
};

/// Flags that help shows together, under a title.
struct FlagGroup {
  std::string title;
  std::vector<Flag> flags;
};

struct Example {
  std::string line;     ///< "fovea walk causal"
  std::string meaning;  ///< "the causal mask, both ways"
};

/// Made by a function such as attend_command(); `run` owns the targets that the flags are bound to.
struct Command {
  std::string name;
  std::string summary;  ///< one line, for `fovea --help`
  std::string usage;    ///< what follows "fovea NAME " in the usage line
  std::string about;    ///< paragraphs, divided by an empty line, for `fovea NAME --help`
  std::vector<Flag> positionals = {};  ///< at most one, bound to Text or Texts
  std::vector<FlagGroup> groups = {};
  std::vector<Example> examples = {};
  /// Does the work. Throws UsageError for flags that contradict each other, fovea::Error for
  /// everything else.
  std::function<void()> run;
};

}  // namespace fovea::cli
