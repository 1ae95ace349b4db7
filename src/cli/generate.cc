// fovea generate: a text, and how a model goes on with it, printed as it comes.
#include "fovea/models/generate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_store.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "cli/text_stream.h"
#include "fovea/core/error.h"

namespace fovea::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct GenerateFlags {
  std::optional<std::string> prompt;
  std::optional<std::string> model;
  std::optional<std::int64_t> tokens;
  std::optional<double> temperature;
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> threads;
  bool ids = false;
  bool json = false;

  bool samples() const { return temperature || top_k || top_p || seed; }
};

models::Sampling sampling_of(const GenerateFlags& flags) {
  models::Sampling sampling;
  if (flags.samples()) sampling.temperature = flags.temperature.value_or(1);
  if (flags.top_k) sampling.top_k = *flags.top_k;
  if (flags.top_p) sampling.top_p = *flags.top_p;
  if (flags.seed) sampling.seed = static_cast<std::uint64_t>(*flags.seed);
  return sampling;
}

std::string prompt_of(const GenerateFlags& flags) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 26;
  if (!flags.prompt) throw UsageError("generate: PROMPT is missing (see fovea generate --help)");
  return *flags.prompt == "-" ? read_standard_input("generate -", kMostBytes) : *flags.prompt;
}

std::vector<std::int32_t> ids_of(const models::Model& model, const std::string& text) {
  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : model.tokenizer().encode(text)) ids.push_back(token.id);
  return ids;
}

const char* words_for(models::GenerationEnd end) {
  switch (end) {
    case models::GenerationEnd::text:
      return "end of text";
    case models::GenerationEnd::context:
      return "context full";
    default:
      return "tokens";
  }
}

// The question, read and tokenised.
struct Task {
  std::string prompt;
  std::unique_ptr<models::Model> model;
  std::vector<std::int32_t> ids;
  models::Generation how;
};

Task task_of(const GenerateFlags& flags) {
  Task task;
  task.prompt = prompt_of(flags);
  task.model = models::load_model(find_model(flags.model.value_or("smollm2")));
  task.ids = ids_of(*task.model, task.prompt);
  task.how.tokens = flags.tokens.value_or(task.how.tokens);
  task.how.sampling = sampling_of(flags);
  task.how.threads = static_cast<int>(flags.threads.value_or(0));
  // Special tokens stand for no text: each ends what a reader can read.
  task.how.ends_text = [&model = *task.model](std::int32_t id) {
    return id < model.tokenizer().size() && model.tokenizer().is_special(id);
  };
  return task;
}

// When the first token came and how many there are: the first waits for the prompt.
class Stopwatch {
 public:
  void token() {
    last_ = Clock::now();
    if (tokens_++ == 0) first_ = last_;
  }

  std::string report(std::size_t prompt_tokens, models::GenerationEnd end) const {
    const auto seconds = [](Clock::duration time) {
      return std::chrono::duration<double>(time).count();
    };
    std::string text = fmt::format("{} tokens", tokens_);
    if (tokens_ > 1)
      text += fmt::format(", {:.1f} tokens/s", (tokens_ - 1) / seconds(last_ - first_));
    if (tokens_ > 0)
      text += fmt::format("; prompt of {} in {:.2f} s", prompt_tokens, seconds(first_ - start_));
    if (end != models::GenerationEnd::tokens) text += fmt::format("; {}", words_for(end));
    return text;
  }

 private:
  Clock::time_point start_ = Clock::now();
  Clock::time_point first_;
  Clock::time_point last_;
  int tokens_ = 0;
};

void report_speed(const std::string& text) {
  if (::isatty(STDERR_FILENO) == 1) print_to_error("\n" + text + '\n');
}

// The prompt is dim, so that the eye finds where the model goes on.
void print_prompt(const std::string& prompt, const Terminal& terminal, TextStream& stream) {
  std::string text = stream.take(prompt) + stream.finish();
  if (terminal.colour) text = "\x1b[2m" + text + "\x1b[0m";
  print(text);
}

void print_text(Task& task) {
  const Terminal terminal = standard_output_terminal();
  TextStream stream(terminal.is_terminal ? Reader::terminal : Reader::program);
  Stopwatch watch;
  const LastWords end_of_line(terminal.is_terminal ? "\n" : "");
  bool is_shown = false;
  const auto show_prompt = [&] {
    if (!is_shown) print_prompt(task.prompt, terminal, stream);
    is_shown = true;
  };
  task.how.on_token = [&](std::int32_t id) {
    watch.token();
    show_prompt();
    print(stream.take(task.model->text_of({&id, 1})));
  };
  const models::Generated done = models::generate(*task.model, task.ids, task.how);
  show_prompt();
  print(stream.finish() + '\n');
  report_speed(watch.report(task.ids.size(), done.end));
}

void print_ids(Task& task) {
  Stopwatch watch;
  std::string before;
  task.how.on_token = [&](std::int32_t id) {
    watch.token();
    print(fmt::format("{}{}", before, id));
    before = " ";
  };
  const models::Generated done = models::generate(*task.model, task.ids, task.how);
  print("\n");
  report_speed(watch.report(task.ids.size(), done.end));
}

void print_json(const Task& task) {
  using nlohmann::ordered_json;
  const models::Generated done = models::generate(*task.model, task.ids, task.how);
  const models::Sampling& sampling = task.how.sampling;
  const ordered_json all = {{"model", task.model->facts().origin},
                            {"temperature", sampling.temperature},
                            {"top_k", sampling.top_k},
                            {"top_p", sampling.top_p},
                            {"seed", sampling.seed},
                            {"prompt", task.prompt},
                            {"prompt_ids", task.ids},
                            {"ids", done.ids},
                            {"text", task.model->text_of(done.ids)},
                            {"end", words_for(done.end)}};
  print(all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n');
}

void run(const GenerateFlags& flags) {
  if (flags.ids && flags.json) {
    throw UsageError("generate: --ids and --json: give one of them (the JSON has the ids)");
  }
  if (flags.top_p.value_or(1) > 1) {
    throw UsageError(fmt::format("generate: --top-p: {} is more than 1", *flags.top_p));
  }
  Task task = task_of(flags);
  if (flags.json) return print_json(task);
  if (flags.ids) return print_ids(task);
  print_text(task);
}

FlagGroup sampling_flags(GenerateFlags& f) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMostTopK = 1'000'000'000;
  return {.title = "Sampling; without any of these, always the likeliest token",
          .flags = {
              {"--temperature", "T",
               "logits are divided by it: below 1 bolder words are rarer, above 1 more frequent; 0 "
               "is the likeliest; 1 unless given",
               Real{&f.temperature, 0}},
              {"--top-k", "K", "only the K likeliest", Integer{&f.top_k, 0, kMostTopK}},
              {"--top-p", "P", "only the fewest likeliest whose probabilities add up to P, 0 to 1",
               Real{&f.top_p, 0}},
              {"--seed", "N", "of the random numbers: the same seed, the same text",
               Integer{&f.seed, 0, kMost}},
          }};
}

FlagGroup other_flags(GenerateFlags& f) {
  constexpr std::int64_t kMostTokens = 1'000'000'000;
  constexpr std::int64_t kMostThreads = 1'000'000;
  return {
      .title = "Model and output",
      .flags = {
          {"--model", "NAME",
           "one of fovea model list, or a .gguf, a .safetensors or a folder; smollm2 unless "
           "given",
           Text{&f.model}},
          {"--tokens", "N", "at most so many new tokens; 64 unless given",
           Integer{&f.tokens, 0, kMostTokens}},
          {"--ids", "", "the new tokens' ids in place of text", Switch{&f.ids}},
          {"--json", "", "prompt, text, ids and why it ended, at the end", Switch{&f.json}},
          {"--threads", "N", "at most N threads; 0 is the default: FOVEA_THREADS, else one a core",
           Integer{&f.threads, 0, kMostThreads}},
      }};
}

}  // namespace

Command generate_command() {
  auto flags = std::make_shared<GenerateFlags>();
  return {
      .name = "generate",
      .summary = "a text, and how a model goes on with it",
      .usage = "PROMPT [FLAG...]",
      .about =
          "Prints PROMPT and the text with which the model goes on, token by token, until a token "
          "that ends the text, --tokens, or a full context. - is standard input; special tokens in "
          "the prompt are plain text.\n\n"
          "On a terminal, the number of tokens a second follows on standard error.",
      .positionals = {{"PROMPT", "", "the text to go on with", Text{&flags->prompt}}},
      .groups = {other_flags(*flags), sampling_flags(*flags)},
      .examples = {{"fovea generate \"Your journey starts with one step\"", "the likeliest words"},
                   {"fovea generate \"Once upon a time\" --temperature 0.8 --top-p 0.9 --seed 1",
                    "other words with every seed"}},
      .run = [flags] { run(*flags); },
  };
}

}  // namespace fovea::cli
