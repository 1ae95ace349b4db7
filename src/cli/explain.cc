// fovea explain: a real model's attention over a text.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/model_store.h"
#include "cli/number.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "fovea/core/parallel.h"
#include "fovea/core/printable.h"
#include "fovea/models/built_in.h"
#include "fovea/models/model.h"
#include "fovea/report/explanation.h"
#include "fovea/report/terminal.h"

namespace fovea::cli {
namespace {

struct ExplainFlags {
  std::optional<std::string> text;
  std::optional<std::string> model;
  std::optional<std::string> only_heads;
  std::optional<std::string> at;
  std::optional<std::int64_t> guesses;
  std::optional<std::int64_t> threads;
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
          fmt::format("explain: --only-heads: {} is no list of heads; LAYER.HEAD,... is "
                      "wanted, as in 16.0,17.5",
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

std::unique_ptr<models::Model> small_model(const std::string& text) {
  return models::built_in_model(std::span(&text, 1));
}

// Under what the built-in model shows: where the real ones are.
constexpr std::string_view kRealModels =
    "\nThis was fovea's built-in model. A real one, 98 MB, once: fovea model get smollm2, then\n"
    "fovea explain TEXT --model smollm2\n";

void explain(const ExplainFlags& flags) {
  report::ExplainOptions options;
  if (flags.only_heads) options.only_heads = parse_heads(*flags.only_heads);
  if (flags.at) options.at = parse_row(*flags.at);
  options.guesses = flags.guesses.value_or(5);
  options.threads = static_cast<int>(flags.threads.value_or(0));
  if (flags.at && options.only_heads.empty()) options.only_heads = {options.at->head};

  const std::string text = flags.text == "-" ? read_standard_input("explain: TEXT") : *flags.text;
  const std::unique_ptr<models::Model> model =
      flags.model ? models::load_model(find_model(*flags.model)) : small_model(text);
  const report::Explanation explanation = report::explain(*model, text, options);
  if (flags.json) return print(report::explanation_json(explanation));
  const Terminal terminal = standard_output_terminal();
  std::string view = report::terminal_view(
      explanation,
      {.columns = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode});
  if (!flags.model) view += kRealModels;
  print(view);
}

}  // namespace

Command explain_command() {
  auto flags = std::make_shared<ExplainFlags>();
  return {
      .name = "explain",
      .summary = "a real model's attention over your text: what each head looks at",
      .usage = "TEXT [FLAG...]",
      .about = "",
      .positionals = {{"TEXT", "", "the text, or - for standard input", Text{&flags->text}, true}},
      .groups = {{.title = "What is looked at",
                  .flags = {{"--model", "NAME", "a model's name or file", Text{&flags->model}},
                            {"--only-heads", "L.H,...", "heads", Text{&flags->only_heads}},
                            {"--at", "L.H:TOKEN", "a row", Text{&flags->at}},
                            {"--guesses", "N", "next tokens", Integer{&flags->guesses, 0, 1000}},
                            {"--threads", "N", "threads", Integer{&flags->threads, 1, kMaxThreads}},
                            {"--json", "", "as JSON", Switch{&flags->json}}}}},
      .run = [flags] { explain(*flags); },
  };
}

}  // namespace fovea::cli
