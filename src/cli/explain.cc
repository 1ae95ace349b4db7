// fovea explain: a real model's attention over a text, and one word in several texts.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/explain_page.h"
#include "cli/interrupt.h"
#include "cli/model_store.h"
#include "cli/number.h"
#include "cli/progress_line.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "fovea/core/parallel.h"
#include "fovea/core/printable.h"
#include "fovea/models/built_in.h"
#include "fovea/models/model.h"
#include "fovea/report/comparison.h"
#include "fovea/report/explanation.h"
#include "fovea/report/page.h"
#include "fovea/report/terminal.h"

namespace fovea::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

struct ExplainFlags {
  std::vector<std::string> texts;
  std::optional<std::string> model;
  std::optional<std::string> only_heads;
  std::optional<std::string> at;
  std::optional<std::string> compare;
  std::optional<std::int64_t> guesses;
  std::optional<std::int64_t> threads;
  std::optional<std::string> html;
  bool is_full = false;
  bool json = false;
};

// "17.5" as a head; nothing if it is none.
std::optional<report::HeadName> parse_head(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const std::optional<std::int64_t> layer = parse_integer(text.substr(0, dot));
  const std::optional<std::int64_t> head = parse_integer(text.substr(dot + 1));
  if (!layer || !head || *layer < 0 || *head < 0) return std::nullopt;
  return report::HeadName{*layer, *head};
}

std::vector<report::HeadName> parse_heads(const std::string& text) {
  std::vector<report::HeadName> heads;
  std::size_t first = 0;
  while (first <= text.size()) {
    const std::size_t comma = std::min(text.find(',', first), text.size());
    const std::optional<report::HeadName> head = parse_head(text.substr(first, comma - first));
    if (!head) {
      throw UsageError(
          fmt::format("explain: --only-heads: {} is no list of heads; LAYER.HEAD,... is wanted, as "
                      "in 16.0,17.5",
                      in_quotes(text)));
    }
    heads.push_back(*head);
    first = comma + 1;
  }
  return heads;
}

report::RowName parse_row(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos) {
    const std::optional<report::HeadName> head = parse_head(text.substr(0, colon));
    const std::optional<std::int64_t> token = parse_integer(text.substr(colon + 1));
    if (head && token && *token >= 0) return {*head, *token};
  }
  throw UsageError(fmt::format(
      "explain: --at: {} is no row of a head; LAYER.HEAD:TOKEN is wanted, as in 17.5:14",
      in_quotes(text)));
}

constexpr std::string_view kBuiltIn = "built-in";
constexpr std::string_view kUsualModel = "smollm2";

// What --model says; else the usual model where it has been fetched; else the one that is always
// there.
std::string model_of(const ExplainFlags& flags) {
  if (flags.model) return *flags.model;
  const KnownModel* usual = find_known_model(kUsualModel);
  const bool is_here = usual != nullptr && is_complete(*usual, folder_of(*usual, model_store()));
  return std::string(is_here ? kUsualModel : kBuiltIn);
}

std::unique_ptr<models::Model> load(const std::string& model,
                                    const std::vector<std::string>& texts) {
  return model == kBuiltIn ? models::built_in_model(texts) : models::load_model(find_model(model));
}

report::TerminalStyle style_of_output() {
  const Terminal terminal = standard_output_terminal();
  return {.columns = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode};
}

// Under what the built-in model shows: where the real ones are.
constexpr std::string_view kRealModels =
    "\nThis was the model that is built in. A real one (a download of 93 MB), once:\n"
    "  fovea model get smollm2\n"
    "  fovea explain TEXT --model smollm2\n";

void print_view(const std::string& model, std::string view) {
  if (model == kBuiltIn) view += kRealModels;
  print(view);
}

void require_one_view(const ExplainFlags& flags) {
  if (flags.html && flags.json)
    throw UsageError("explain: --html and --json are two views; one is wanted");
  if (flags.is_full && !flags.html)
    throw UsageError("explain: --full is for the page: it goes with --html FILE");
  if (flags.html && flags.at) {
    throw UsageError(
        "explain: --at is for the terminal and --json; in the page of --html any row can be "
        "opened");
  }
}

// How large the page may be, and what is to be kept for it.
report::PageOptions page_options(const ExplainFlags& flags, std::int64_t tokens) {
  return {.most_bytes = flags.is_full ? 0 : report::most_page_bytes(tokens)};
}

std::int64_t token_count(const models::Model& model, const std::vector<std::string>& texts) {
  std::int64_t count = 0;
  for (const std::string& text : texts) count += std::ssize(model.tokenizer().encode(text));
  return count;
}

// Each text explained, the heads that moved the word kept before others.
report::Page page_of_comparison(const ExplainFlags& flags, const models::Model& model,
                                const report::Comparison& comparison) {
  const report::PageOptions page = page_options(flags, token_count(model, flags.texts));
  report::ExplainOptions options{.keep = report::keep_for(page),
                                 .threads = static_cast<int>(flags.threads.value_or(0))};
  for (const report::MovingHead& head : comparison.heads) options.keep.first.push_back(head.name);
  std::vector<report::Explanation> explanations;
  for (const std::string& text : flags.texts)
    explanations.push_back(report::explain(model, text, options));
  return report::comparison_page(comparison, explanations, page);
}

void compare_texts(const ExplainFlags& flags) {
  require_one_view(flags);
  if (flags.only_heads || flags.at || flags.guesses) {
    throw UsageError(
        "explain: --compare looks at all heads of several texts; it goes with --model, "
        "--threads, --json and --html alone");
  }
  if (flags.texts.size() < 2) {
    throw UsageError(
        fmt::format("explain: --compare wants at least two texts; {} given", flags.texts.size()));
  }
  std::optional<PageFile> file;
  if (flags.html) file.emplace(*flags.html);
  const std::string name = model_of(flags);
  const std::unique_ptr<models::Model> model = load(name, flags.texts);
  const report::Comparison comparison =
      report::compare(*model, *flags.compare, flags.texts,
                      {.threads = static_cast<int>(flags.threads.value_or(0))});
  if (flags.json) return print(report::comparison_json(comparison));
  if (file) return file->write(page_of_comparison(flags, *model, comparison));
  print_view(name, report::terminal_view(comparison, style_of_output()));
}

void explain_text(const ExplainFlags& flags) {
  require_one_view(flags);
  if (flags.texts.size() != 1) {
    throw UsageError(
        fmt::format("explain: {} given; one TEXT is wanted (in quotes), or - for standard "
                    "input. Several go with --compare WORD",
                    flags.texts.empty() ? "no text" : fmt::format("{} texts", flags.texts.size())));
  }
  report::ExplainOptions options;
  if (flags.only_heads) options.only_heads = parse_heads(*flags.only_heads);
  if (flags.at) options.at = parse_row(*flags.at);
  // A row alone asks about its head alone.
  if (flags.at && !flags.only_heads) options.only_heads = {options.at->head};
  options.guesses = flags.guesses.value_or(options.guesses);
  options.threads = static_cast<int>(flags.threads.value_or(0));
  const std::string text = flags.texts.front() == kStandardInput ? read_standard_input("explain -")
                                                                 : flags.texts.front();
  if (text.empty()) throw UsageError("explain: empty text");
  std::optional<PageFile> file;
  if (flags.html) file.emplace(*flags.html);
  const std::string name = model_of(flags);
  const std::unique_ptr<models::Model> model = load(name, {text});
  report::PageOptions page;
  if (flags.html) {
    page = page_options(flags, token_count(*model, {text}));
    options.keep = report::keep_for(page);
    options.keep.first = options.only_heads;
  }
  std::optional<ProgressLine> progress(std::in_place, "explain");
  // Ctrl-C leaves the terminal at the beginning of a line.
  const LastWords end_of_line(standard_output_terminal().is_terminal ? "\n" : "");
  options.on_layer = [&](std::int64_t layer) {
    progress->update(fmt::format("layer {} of {}", layer + 1, model->facts().layers));
  };
  const report::Explanation explanation = report::explain(*model, text, options);
  progress.reset();
  if (flags.json) return print(report::explanation_json(explanation));
  if (file) return file->write(report::explanation_page(explanation, page));
  print_view(name, report::terminal_view(explanation, style_of_output()));
}

FlagGroup model_flags(ExplainFlags& f) {
  return {.title = "With what",
          .flags = {{"--model", "NAME",
                     "a model by name (fovea model list) or file: a .gguf, or a folder with a "
                     ".safetensors. Unless given: smollm2 where it was fetched, else built-in, the "
                     "notebooks' words and weights",
                     Text{&f.model}},
                    {"--threads", "N", "threads to use at most; one a core unless given",
                     Integer{&f.threads, 1, kMaxThreads}}}};
}

FlagGroup look_flags(ExplainFlags& f) {
  return {
      .title = "What is looked at",
      .flags = {
          {"--only-heads", "L.H,...",
           "these heads alone: layer and head, both from 0, as in 16.0,17.5", Text{&f.only_heads}},
          {"--at", "L.H:TOKEN",
           "the arithmetic of one row, step by step: what token number TOKEN looks at in a "
           "head",
           Text{&f.at}},
          {"--compare", "WORD",
           "one word in several texts: how far apart they move it, and which heads do",
           Text{&f.compare}},
          {"--guesses", "N", "next tokens to name; 5 unless given", Integer{&f.guesses, 0, 1000}},
          {"--json", "", "all of it as JSON, nothing rounded", Switch{&f.json}}}};
}

FlagGroup page_flags(ExplainFlags& f) {
  return {.title = "The page",
          .flags = {{"--html", "FILE",
                     "writes a page to be opened in a browser, with no network (- is standard "
                     "output): any token, any head, and the arithmetic of each row. At most 4 MB "
                     "up to 2,000 tokens: of long texts the most telling heads can be opened row "
                     "by row, or those of --only-heads",
                     Text{&f.html}},
                    {"--full", "", "every head can be opened row by row, however large the page",
                     Switch{&f.is_full}}}};
}

}  // namespace

Command explain_command() {
  auto flags = std::make_shared<ExplainFlags>();
  return {
      .name = "explain",
      .summary = "a real model's attention over your text: what each head looks at",
      .usage = "TEXT... [FLAG...]",
      .about =
          "Runs a transformer over the text with observers on every layer, and shows which tokens "
          "get attention, what kind of head each one is (previous token, induction, ...), maps of "
          "the heads that tell most, and what the model makes of it in the end. No weight matrix "
          "is "
          "ever made, so thousands of tokens are welcome.",
      .positionals = {{"TEXT", "", "the text, or - for standard input; with --compare several",
                       Texts{&flags->texts}, true}},
      .groups = {model_flags(*flags), look_flags(*flags), page_flags(*flags)},
      .examples =
          {{"fovea explain \"Your journey starts with one step\" --model built-in",
            "without any download"},
           {"fovea explain - --model smollm2 < chapter.txt", "a file, a real model"},
           {"fovea explain \"Your journey starts with one step\" --model smollm2 --at 16.0:3",
            "one row, every number"},
           {"fovea explain - --model smollm2 --html page.html < chapter.txt", "a page of it"},
           {"fovea explain --compare bat \"A bat flew.\" \"He swung a bat.\" --model smollm2",
            "one word, other company"}},
      .run = [flags] { return flags->compare ? compare_texts(*flags) : explain_text(*flags); },
  };
}

}  // namespace fovea::cli
