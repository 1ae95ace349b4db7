// fovea list: what there is to choose from, a table on a terminal and plain tab-separated lines in
// a pipe.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/model_store.h"
#include "cli/standard_streams.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "fovea/core/printable.h"
#include "fovea/engine/attend.h"
#include "fovea/engine/plan.h"
#include "fovea/lesson/lesson.h"
#include "fovea/models/model.h"

namespace fovea::cli {
namespace {

struct Entry {
  std::string name;
  std::string summary;
};

// A kind of thing that can be listed. A new kind is a line in kinds().
struct Kind {
  std::string name;
  std::string summary;
  std::vector<Entry> (*entries)();
};

std::vector<Entry> command_entries() {
  std::vector<Entry> entries;
  for (const Command& command : all_commands()) entries.push_back({command.name, command.summary});
  return entries;
}

std::vector<Entry> implementation_entries() {
  std::vector<Entry> entries;
  for (const ImplementationInfo& info : list_implementations()) {
    entries.push_back({info.name, info.summary});
  }
  return entries;
}

std::vector<Entry> observer_entries() {
  std::vector<Entry> entries;
  for (const ObserverInfo& info : list_observers()) entries.push_back({info.name, info.summary});
  return entries;
}

std::vector<Entry> lesson_entries() {
  std::vector<Entry> entries;
  for (const lesson::LessonInfo& info : lesson::list_lessons()) {
    entries.push_back({std::string(info.id), std::string(info.title)});
  }
  return entries;
}

std::vector<Entry> model_entries() {
  std::vector<Entry> entries;
  for (const KnownModel& model : known_models()) entries.push_back({model.name, model.summary});
  return entries;
}

std::vector<Entry> family_entries() {
  std::vector<Entry> entries;
  for (models::FamilyInfo& info : models::list_families()) {
    entries.push_back({std::move(info.name), std::move(info.summary)});
  }
  return entries;
}

std::vector<Kind> kinds() {
  return {
      {"commands", "what fovea can do", command_entries},
      {"implementations", "what attend may compute with, best first", implementation_entries},
      {"observers", "what attend can see of the weights in the same pass", observer_entries},
      {"lessons", "what fovea walk explains, in order", lesson_entries},
      {"models", "what fovea model get knows by name", model_entries},
      {"families", "the kinds of model that --model takes", family_entries},
  };
}

std::string table(const std::vector<Entry>& entries) {
  const bool plain = !standard_output_terminal().is_terminal;
  std::size_t widest = 0;
  for (const Entry& entry : entries) widest = std::max(widest, entry.name.size());
  std::string text;
  for (const Entry& entry : entries) {
    text += plain ? fmt::format("{}\t{}\n", entry.name, entry.summary)
                  : fmt::format("{:<{}}  {}\n", entry.name, widest, entry.summary);
  }
  return text;
}

void list(const std::optional<std::string>& wanted) {
  if (!wanted) {
    std::vector<Entry> entries;
    for (const Kind& kind : kinds()) entries.push_back({kind.name, kind.summary});
    return print(table(entries));
  }
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) {
    if (kind.name == *wanted) return print(table(kind.entries()));
    names.push_back(kind.name);
  }
  throw UsageError(fmt::format("list: there is no list of {}{} (see fovea list)",
                               in_quotes(*wanted), did_you_mean(*wanted, names)));
}

}  // namespace

Command list_command() {
  auto kind = std::make_shared<std::optional<std::string>>();
  return {
      .name = "list",
      .summary = "what there is to choose from: commands, implementations, lessons, models, ...",
      .usage = "[KIND]",
      .about =
          "Prints the names and one line about each; without KIND, the kinds. In a pipe, one tab "
          "stands between "
          "name and line.",
      .positionals = {{"KIND", "", "what to list", Text{kind.get()}}},
      .examples = {{"fovea list", "what can be listed"}},
      .run = [kind] { list(*kind); },
  };
}

}  // namespace fovea::cli
