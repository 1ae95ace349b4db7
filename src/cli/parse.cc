// The one file that includes CLI11 (a header of 3.4 seconds): it splits words into flags and
// values; what the values mean is decided here, so that every message names the flag, what was
// given and what is wanted.
#include "cli/parse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/number.h"
#include "cli/suggest.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

struct Given {
  const Flag* flag = nullptr;
  CLI::Option* option = nullptr;
};

[[noreturn]] void fail(const Command& command, std::string_view text) {
  throw UsageError(fmt::format("{}: {}", command.name, text));
}

std::vector<std::string> flag_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  for (const FlagGroup& group : command.groups) {
    for (const Flag& flag : group.flags) names.push_back(flag.name);
  }
  return names;
}

bool takes_value(const Flag& flag) {
  return !std::holds_alternative<Switch>(flag.binding);
}

// CLI11 takes the next word for the value of `--threads=`; two words, the second empty, say what
// was meant.
std::vector<std::string> with_empty_values_split(const Command& command,
                                                 const std::vector<std::string>& words) {
  std::vector<std::string> result;
  for (const std::string& word : words) {
    const std::string name = word.ends_with('=') ? word.substr(0, word.size() - 1) : "";
    bool split = false;
    for (const FlagGroup& group : command.groups) {
      for (const Flag& flag : group.flags)
        split = split || (flag.name == name && takes_value(flag));
    }
    if (split) {
      result.insert(result.end(), {name, ""});
    } else {
      result.push_back(word);
    }
  }
  return result;
}

// CLI11 would read `--json=no` as a switch that is off, and leave other words to their luck.
void refuse_values_of_switches(const Command& command, const std::vector<std::string>& words) {
  std::vector<std::string> switches{"--help", "-h"};
  for (const FlagGroup& group : command.groups) {
    for (const Flag& flag : group.flags) {
      if (!takes_value(flag)) switches.push_back(flag.name);
    }
  }
  for (const std::string& word : words) {
    if (word == "--") return;
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals == std::string::npos || std::ranges::find(switches, name) == switches.end())
      continue;
    fail(command, fmt::format("{} takes no value; {} was given (see fovea {} --help)", name,
                              in_quotes(word.substr(equals + 1)), command.name));
  }
}

void assign_integer(const Integer& integer, const std::string& text) {
  const std::optional<std::int64_t> value = parse_integer(text);
  if (!value || *value < integer.least || *value > integer.most) {
    throw UsageError(fmt::format("{} is not an integer from {} to {}", in_quotes(text),
                                 integer.least, integer.most));
  }
  *integer.target = *value;
}

void assign_real(const Real& real, const std::string& text) {
  const std::optional<double> value = parse_real(text);
  if (!value || (real.least && *value < *real.least)) {
    const std::string range = real.least ? fmt::format(" of {} or more", *real.least) : "";
    throw UsageError(fmt::format("{} is not a finite number{}", in_quotes(text), range));
  }
  *real.target = *value;
}

void assign_choice(const Choice& choice, const std::string& text) {
  if (std::find(choice.words.begin(), choice.words.end(), text) == choice.words.end()) {
    throw UsageError(fmt::format("{} is not one of {}{}", in_quotes(text),
                                 fmt::join(choice.words, ", "), did_you_mean(text, choice.words)));
  }
  *choice.target = text;
}

// Puts the values into the target. Throws UsageError without the flag's name.
void assign(const Flag& flag, const std::vector<std::string>& values) {
  if (const auto* texts = std::get_if<Texts>(&flag.binding)) {
    *texts->target = values;
    return;
  }
  if (values.size() > 1) {
    throw UsageError(fmt::format("given {} times; give it once", values.size()));
  }
  const std::string& value = values.front();
  if (const auto* on = std::get_if<Switch>(&flag.binding)) *on->target = value == "true";
  if (const auto* text = std::get_if<Text>(&flag.binding)) *text->target = value;
  if (const auto* integer = std::get_if<Integer>(&flag.binding)) assign_integer(*integer, value);
  if (const auto* real = std::get_if<Real>(&flag.binding)) assign_real(*real, value);
  if (const auto* choice = std::get_if<Choice>(&flag.binding)) assign_choice(*choice, value);
}

Given declare(CLI::App& app, const Flag& flag) {
  CLI::Option* option = nullptr;
  if (takes_value(flag)) {
    option = app.add_option(flag.name)->expected(1);
  } else {
    option = app.add_flag(flag.name);
  }
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  return {&flag, option};
}

// Puts the words that are neither a known flag nor its value into the positional, if the command
// has one. After "--" every word is such a word. (CLI11's own lists would take "[a,b]" apart.)
void assign_positional(const Command& command, std::vector<std::string> words) {
  const auto end_of_flags = std::find(words.begin(), words.end(), "--");
  for (auto word = words.begin(); word != end_of_flags; ++word) {
    if (!word->starts_with('-') || word->size() < 2) continue;
    const std::string name = word->substr(0, word->find('='));
    fail(command, fmt::format("unknown flag {}{} (see fovea {} --help)", in_quotes(name),
                              did_you_mean(name, flag_names(command)), command.name));
  }
  if (end_of_flags != words.end()) words.erase(end_of_flags);
  if (words.empty()) return;
  const bool any_number =
      !command.positionals.empty() && std::holds_alternative<Texts>(command.positionals[0].binding);
  const std::size_t allowed = any_number ? words.size() : command.positionals.size();
  if (words.size() > allowed) {
    fail(command, fmt::format("{} is one word too many (see fovea {} --help)",
                              in_quotes(words[allowed]), command.name));
  }
  assign(command.positionals[0], words);
}

// `--query --key K.npy`: the value was forgotten. A file of such a name can be given as ./--key.
void refuse_flag_as_value(const Command& command, const Given& given) {
  const std::vector<std::string> names = flag_names(command);
  for (const std::string& value : given.option->results()) {
    if (std::find(names.begin(), names.end(), value.substr(0, value.find('='))) == names.end())
      continue;
    fail(command, fmt::format("{} needs {}; the flag {} follows it", given.flag->name,
                              given.flag->placeholder, value));
  }
}

void run_parser(const Command& command, CLI::App& app, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch&) {
    // The only flag that can lack a value is the last word.
    fail(command, fmt::format("the last flag needs a value (see fovea {} --help)", command.name));
  } catch (const CLI::ParseError& error) {
    fail(command, printable(error.what()));
  }
}

}  // namespace

bool parse_flags(const Command& command, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const CLI::Option* help = app.add_flag("-h,--help");
  std::vector<Given> all;
  for (const FlagGroup& group : command.groups) {
    for (const Flag& flag : group.flags) all.push_back(declare(app, flag));
  }

  if (!words.empty()) {
    for (const Given& given : all) {
      const Flag& flag = *given.flag;
      if (words.back() == flag.name && takes_value(flag)) {
        fail(command, fmt::format("{} needs {} after it", flag.name, flag.placeholder));
      }
    }
  }
  refuse_values_of_switches(command, words);
  run_parser(command, app, with_empty_values_split(command, words));
  if (help->count() > 0) return true;
  assign_positional(command, app.remaining());
  for (const Given& given : all) {
    const Flag& flag = *given.flag;
    if (given.option->count() == 0) {
      if (flag.required)
        fail(command, fmt::format("{} {} is missing (see fovea {} --help)", flag.name,
                                  flag.placeholder, command.name));
      continue;
    }
    if (takes_value(flag)) refuse_flag_as_value(command, given);
    try {
      assign(flag, given.option->results());
    } catch (const UsageError& error) {
      fail(command, fmt::format("{}: {}", flag.name, error.what()));
    }
  }
  return false;
}

}  // namespace fovea::cli
