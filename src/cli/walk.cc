// fovea walk: attention step by step, on the notebooks' words or on anyone's own.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/number.h"
#include "cli/standard_streams.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/csv.h"
#include "fovea/formats/npy.h"
#include "fovea/lesson/lesson.h"
#include "fovea/lesson/transcript.h"
#include "fovea/report/lesson_json.h"
#include "fovea/report/terminal.h"

namespace fovea::cli {
namespace {

constexpr std::string_view kEveryLesson = "all";
constexpr std::string_view kStandardInput = "-";

struct WalkFlags {
  std::vector<std::string> lessons;
  bool list = false;
  std::optional<std::string> tokens;
  std::optional<std::string> vectors;
  std::optional<std::string> query;
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> d_out;
  std::optional<std::int64_t> heads;
  std::optional<std::int64_t> digits;
  bool json = false;
  std::optional<std::string> transcript;

  bool has_inputs() const { return tokens || vectors || query || seed || d_out || heads || digits; }
};

std::vector<std::string> lesson_names() {
  std::vector<std::string> names;
  for (const lesson::LessonInfo& info : lesson::list_lessons()) names.emplace_back(info.id);
  return names;
}

std::vector<std::string> transcript_names() {
  const auto names = lesson::list_transcripts();
  return {names.begin(), names.end()};
}

// The lessons to show, each known to exist.
std::vector<std::string> wanted_lessons(const std::vector<std::string>& given) {
  std::vector<std::string> names = lesson_names();
  if (given.empty()) return {names.front()};
  if (std::ranges::count(given, kEveryLesson) > 0) return names;
  for (const std::string& name : given) {
    if (std::ranges::count(names, name) > 0) continue;
    names.emplace_back(kEveryLesson);
    throw UsageError(fmt::format("walk: there is no lesson {}{} (see fovea walk --list)",
                                 in_quotes(name), did_you_mean(name, names)));
  }
  return given;
}

std::vector<std::string> split_words(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\v\f";
  std::vector<std::string> words;
  while (true) {
    const std::size_t first = text.find_first_not_of(kSpaces);
    if (first == text.npos) return words;
    text.remove_prefix(first);
    const std::size_t length = std::min(text.find_first_of(kSpaces), text.size());
    words.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

// What a file of vectors gives: words only when it is a table with a column of them.
struct VectorFile {
  std::vector<std::string> words;
  Tensor numbers;
};

VectorFile from_csv(formats::Csv csv) {
  return {std::move(csv.words), std::move(csv.numbers)};
}

VectorFile read_vectors(const std::string& path) {
  if (path == kStandardInput) {
    const std::string text = read_standard_input("--vectors -");
    if (text.starts_with("\x93NUMPY"))
      return {{}, formats::parse_npy(std::as_bytes(std::span(text)), "standard input")};
    return from_csv(formats::parse_csv(text, "standard input"));
  }
  if (std::filesystem::path(path).extension() == ".npy") return {{}, formats::read_npy(path)};
  return from_csv(formats::read_csv(path));
}

// [tokens, size] f32 of whatever numbers the file holds.
Tensor as_vectors(const Tensor& numbers, const std::string& path) {
  if (numbers.rank() != 2) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("walk: --vectors {}: the array is {}; wanted [tokens, size]",
                            printable(path), to_string(numbers.shape())));
  }
  Tensor vectors = Tensor::uninitialized(DType::f32, numbers.shape());
  auto next = vectors.values<float>().begin();
  const TensorView view = numbers.view();
  for (std::int64_t i = 0; i < view.size(0); ++i) {
    for (std::int64_t j = 0; j < view.size(1); ++j) {
      *next++ = static_cast<float>(view.number_at(i, j));
    }
  }
  return vectors;
}

std::vector<std::string> numbered_words(std::int64_t count) {
  std::vector<std::string> words;
  for (std::int64_t i = 0; i < count; ++i) words.push_back(fmt::format("x{}", i));
  return words;
}

lesson::LessonInputs inputs_from_file(const WalkFlags& flags) {
  VectorFile file = read_vectors(*flags.vectors);
  lesson::LessonInputs inputs;
  inputs.vectors = as_vectors(file.numbers, *flags.vectors);
  if (flags.tokens) {
    inputs.tokens = split_words(*flags.tokens);
  } else if (!file.words.empty()) {
    inputs.tokens = std::move(file.words);
  } else {
    inputs.tokens = numbered_words(inputs.vectors.size(0));
  }
  inputs.query = inputs.tokens.size() > 1 ? 1 : 0;
  inputs.origin =
      fmt::format("The vectors are those of {}",
                  *flags.vectors == kStandardInput ? "standard input" : printable(*flags.vectors));
  return inputs;
}

// A word of the sentence, or else an index; a word that occurs twice must be asked for by index.
std::int64_t index_of(const std::string& query, const std::vector<std::string>& tokens) {
  const auto found = std::ranges::find(tokens, query);
  if (found != tokens.end()) {
    const auto again = std::find(found + 1, tokens.end(), query);
    if (again == tokens.end()) return found - tokens.begin();
    throw UsageError(fmt::format("walk: --query: {} is word {} and word {}; give its index",
                                 in_quotes(query), found - tokens.begin(), again - tokens.begin()));
  }
  const std::optional<std::int64_t> index = parse_integer(query);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (index && *index >= 0 && *index < count) return *index;
  throw UsageError(
      fmt::format("walk: --query: {} is neither one of the {} words nor an index from 0 to {}{}",
                  in_quotes(query), count, count - 1, did_you_mean(query, tokens)));
}

lesson::LessonInputs inputs_of(const WalkFlags& flags) {
  lesson::LessonInputs inputs;
  if (flags.vectors) {
    inputs = inputs_from_file(flags);
  } else if (flags.tokens) {
    std::vector<std::string> words = split_words(*flags.tokens);
    if (words.empty()) throw UsageError("walk: --tokens: no words; at least one is wanted");
    inputs = lesson::inputs_for_words(std::move(words));
  } else {
    inputs = lesson::journey_inputs();
  }
  if (flags.query) inputs.query = index_of(*flags.query, inputs.tokens);
  if (flags.seed) inputs.seed = static_cast<std::uint64_t>(*flags.seed);
  if (flags.d_out) inputs.d_out = *flags.d_out;
  if (flags.heads) inputs.heads = *flags.heads;
  if (flags.digits) inputs.digits = static_cast<int>(*flags.digits);
  return inputs;
}

report::TerminalStyle style_of_output() {
  const Terminal terminal = standard_output_terminal();
  return {.columns = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode};
}

// What to type next, under the first lesson.
std::string way_on(const report::TerminalStyle& style) {
  return "\nThe lessons (fovea walk NAME, or all):\n\n" + report::terminal_list(style) +
         "\nYour own words: fovea walk --tokens \"...\"\nMore: fovea walk --help\n";
}

void show_lessons(const WalkFlags& flags) {
  const std::vector<std::string> wanted = wanted_lessons(flags.lessons);
  const lesson::LessonInputs inputs = inputs_of(flags);
  std::vector<lesson::Lesson> lessons;
  for (const std::string& id : wanted) lessons.push_back(lesson::make_lesson(id, inputs));
  if (flags.json) return print(report::lessons_to_json(lessons));

  const report::TerminalStyle style = style_of_output();
  std::string text;
  for (const lesson::Lesson& each : lessons) {
    if (!text.empty()) text += "\n\n";
    text += report::terminal_view(each, style);
  }
  if (flags.lessons.empty()) text += way_on(style);
  print(text);
}

void walk(const WalkFlags& flags) {
  if (flags.list || flags.transcript) {
    const char* const alone = flags.list ? "--list" : "--transcript";
    if (flags.has_inputs() || !flags.lessons.empty() || flags.json ||
        (flags.list && flags.transcript)) {
      throw UsageError(
          fmt::format("walk: {} stands alone: it takes no lesson and no other flag", alone));
    }
    return print(flags.list ? report::terminal_list(style_of_output())
                            : lesson::transcript(*flags.transcript));
  }
  show_lessons(flags);
}

FlagGroup input_flags(WalkFlags& f) {
  constexpr std::int64_t kMostSeed = std::numeric_limits<std::int64_t>::max();
  return {
      .title = "What the lessons are about",
      .flags = {
          {"--tokens", "WORDS",
           "words, divided by spaces; without --vectors each gets three numbers drawn from its "
           "spelling",
           Text{&f.tokens}},
          {"--vectors", "FILE",
           "a vector a row: .csv (a first column of words names them), .npy, or - for either on "
           "standard input",
           Text{&f.vectors}},
          {"--query", "WORD", "the word that asks, or its index from 0", Text{&f.query}},
          {"--seed", "N", "of all random numbers; the notebooks' own unless given",
           Integer{&f.seed, 0, kMostSeed}},
          {"--d-out", "N", "size of queries, keys and values; 2 unless given",
           Integer{&f.d_out, 1, lesson::kMaxDOut}},
          {"--heads", "N", "heads of the lessons heads and split; 2 unless given",
           Integer{&f.heads, 1, lesson::kMaxHeads}},
      }};
}

FlagGroup output_flags(WalkFlags& f) {
  return {
      .title = "How they are shown",
      .flags = {
          {"--digits", "N", "decimals; 4 unless given", Integer{&f.digits, 1, lesson::kMaxDigits}},
          {"--json", "", "every step and number as JSON, nothing rounded", Switch{&f.json}},
          {"--list", "", "the lessons, a line each", Switch{&f.list}},
          {"--transcript", "NAME",
           "what a notebook's cells print, 000 to 004, byte for byte as torch does",
           Choice{&f.transcript, transcript_names()}},
      }};
}

}  // namespace

Command walk_command() {
  auto flags = std::make_shared<WalkFlags>();
  return {
      .name = "walk",
      .summary = "attention step by step, every number computed before your eyes",
      .usage = "[LESSON...] [FLAG...]",
      .about =
          "Explains attention in lessons that build on each other, from dot products to heads: "
          "one sentence, the formula, the numbers. Without LESSON, the first one and the list.\n\n"
          "All numbers are computed from the words and vectors at hand: the notebooks' \"Your "
          "journey starts with one step\", or your own.",
      .positionals = {{"LESSON", "", "names of fovea walk --list, or all", Texts{&flags->lessons}}},
      .groups = {input_flags(*flags), output_flags(*flags)},
      .examples = {{"fovea walk", "the first lesson, then what else there is"},
                   {"fovea walk causal", "the causal mask, both ways"},
                   {"fovea walk --tokens \"The cat ran\" --query cat", "your own words"},
                   {"fovea walk qkv --vectors words.csv --d-out 4", "your own vectors"},
                   {"fovea walk --transcript 002", "the third notebook's printed output"}},
      .run = [flags] { walk(*flags); },
  };
}

}  // namespace fovea::cli
