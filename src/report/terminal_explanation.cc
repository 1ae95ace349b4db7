// A model's run as lines of text: tokens, heads, maps, guesses.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "fovea/report/terminal.h"
#include "report/head_maps.h"
#include "report/terminal_text.h"

namespace fovea::report {
namespace {

constexpr int kIndent = 2;

void add_heading(std::string& out, const Pen& pen, std::string_view text, std::string_view note) {
  out += "\n" + pen.ink(Ink::heading, pen.text(text)) + "\n";
  if (!note.empty()) add_wrapped(out, pen, Ink::quiet, note);
}

void add_model(std::string& out, const Pen& pen, const Explanation& explanation) {
  const models::ModelFacts& model = explanation.model;
  const std::string heads =
      model.key_heads == model.query_heads
          ? fmt::format("{} heads", model.query_heads)
          : fmt::format("{} heads ({} key heads)", model.query_heads, model.key_heads);
  add_wrapped(out, pen, Ink::accent, model.name);
  const std::string parameters =
      model.parameters >= 1'000'000
          ? fmt::format("{:.3g} M", static_cast<double>(model.parameters) / 1e6)
          : std::to_string(model.parameters);
  const std::size_t tokens = explanation.tokens.size();
  add_wrapped(
      out, pen, Ink::plain,
      fmt::format("{}, {}: {} layer{} of {}, {} parameters; {} token{}", model.family,
                  model.is_causal ? "decoder" : "encoder", model.layers,
                  model.layers == 1 ? "" : "s", heads, parameters, tokens, tokens == 1 ? "" : "s"));
  if (model.family == "built-in") add_wrapped(out, pen, Ink::quiet, model.origin);
}

// The shade of a token: of those that are no sinks, the one that gets most is the deepest.
double deepest_of(const Explanation& explanation) {
  double deepest = 0;
  for (const ExplainedToken& token : explanation.tokens) {
    if (!token.is_sink) deepest = std::max(deepest, token.received);
  }
  return deepest;
}

// A space before a word is a gap, not a part of what is shaded.
std::string shown_text(const Pen& pen, const ExplainedToken& token) {
  std::string text = pen.text(token.text);
  const std::size_t first = text.find_first_not_of(' ');
  if (first != std::string::npos && first > 0) text.erase(0, first);
  return text.empty() ? "\"\"" : text;
}

void add_tokens(std::string& out, const Pen& pen, const Explanation& explanation) {
  const double deepest = deepest_of(explanation);
  const std::string_view hatch = pen.style().unicode ? "╱" : "/";
  const int width = pen.style().columns - kIndent;
  std::string words;
  std::string marks;
  int used = 0;
  const auto flush = [&] {
    if (used == 0) return;
    // The gap after the last word; a token that nobody sees has no mark either.
    words.erase(words.find_last_not_of(' ') + 1);
    marks.erase(marks.find_last_not_of(' ') + 1);
    out += spaces(kIndent) + words + "\n";
    if (!marks.empty()) out += spaces(kIndent) + marks + "\n";
    words.clear();
    marks.clear();
    used = 0;
  };
  for (const ExplainedToken& token : explanation.tokens) {
    const std::string text = cut_to(shown_text(pen, token), width - 2, pen.ellipsis());
    // In colour the hatching stands on both sides.
    const int hatches = token.is_sink && pen.style().colour ? 2 : 0;
    const int columns = display_width(text);
    if (used + columns + hatches > width) flush();
    const double depth = deepest > 0 ? token.received / deepest : 0;
    std::string hatched;
    for (int i = 0; i < columns && token.is_sink; ++i) hatched += hatch;
    if (!pen.style().colour) {
      words += text;
      marks += (token.is_sink ? hatched : pen.shade(depth, text)) + " ";
    } else {
      words += token.is_sink ? pen.ink(Ink::quiet, "╱" + text + "╱") : pen.shade(depth, text);
    }
    words += " ";
    used += columns + hatches + 1;
  }
  flush();
}

std::string received_note(const Explanation& explanation) {
  if (explanation.tokens.size() == 1) return "One token: no other sees it";
  std::string sinks;
  for (const ExplainedToken& token : explanation.tokens) {
    if (token.is_sink) {
      sinks += fmt::format("{}“{}” {:.2f}",
                           sinks.empty() ? "; off the scale, hatched (attention sinks): " : ", ",
                           token.text, token.received);
    }
  }
  const std::size_t count = explanation.heads.size();
  const std::string heads = count == 1
                                ? fmt::format("in head {}", to_string(explanation.heads[0].name))
                                : fmt::format("mean over {} heads", count);
  return fmt::format(
      "The weight that each token gets from the others that see it, {}; full shade is {:.3f}{}",
      heads, deepest_of(explanation), sinks);
}

char letter_of(HeadKind kind) {
  static constexpr std::string_view kLetters = "psfkdilb";
  return kLetters[static_cast<std::size_t>(kind)];
}

void add_grid(std::string& out, const Pen& pen, const Explanation& explanation) {
  std::map<std::int64_t, std::map<std::int64_t, const ExplainedHead*>> layers;
  std::int64_t most = 0;
  for (const ExplainedHead& head : explanation.heads) {
    layers[head.name.layer][head.name.head] = &head;
    most = std::max(most, head.name.head + 1);
  }
  const int cell = 2 * static_cast<int>(most) + 8 <= pen.style().columns ? 2 : 1;
  constexpr int kNames = 7;
  const std::int64_t fit = std::max(1, (pen.style().columns - kNames) / cell);
  out += "\n";
  for (const auto& [layer, heads] : layers) {
    std::string line = spaces(kIndent) + pen.ink(Ink::quiet, fmt::format("{:>4}", layer)) + " ";
    for (std::int64_t h = 0; h < most; ++h) {
      if (h > 0 && h % fit == 0) line += "\n" + spaces(kNames);
      const auto found = heads.find(h);
      std::string mark(1, ' ');
      if (found != heads.end()) {
        const auto& labels = found->second->portrait.labels;
        mark = labels.empty()
                   ? pen.ink(Ink::quiet, pen.style().unicode ? "·" : ".")
                   : pen.ink(Ink::accent, std::string(1, letter_of(labels.front().kind)));
      }
      line += spaces(cell - 1) + mark;
    }
    out += line + "\n";
  }
}

std::string label_text(const ExplainedHead& head, const HeadLabel& label) {
  return label.kind == HeadKind::local
             ? fmt::format("{} {:g} keys", to_string(head.name), label.number)
             : fmt::format("{} {:.2f}", to_string(head.name), label.number);
}

// Lines of whole items.
std::vector<std::string> wrap_items(const std::vector<std::string>& items, int width) {
  constexpr std::string_view kGap = "   ";
  std::vector<std::string> lines;
  for (const std::string& item : items) {
    const bool fits =
        !lines.empty() && std::ssize(lines.back()) + std::ssize(kGap) + std::ssize(item) <= width;
    if (fits) {
      lines.back() += kGap;
      lines.back() += item;
    } else {
      lines.push_back(item);
    }
  }
  return lines;
}

// Each kind with the heads that are most of it.
void add_kinds(std::string& out, const Pen& pen, const Explanation& explanation) {
  constexpr std::size_t kShown = 5;
  constexpr int kNames = 19;
  using Labelled = std::pair<const ExplainedHead*, const HeadLabel*>;
  std::map<HeadKind, std::vector<Labelled>> kinds;
  std::int64_t without = 0;
  for (const ExplainedHead& head : explanation.heads) {
    for (const HeadLabel& label : head.portrait.labels)
      kinds[label.kind].emplace_back(&head, &label);
    without += head.portrait.labels.empty() ? 1 : 0;
  }
  out += "\n";
  for (auto& [kind, heads] : kinds) {
    const bool rising = kind == HeadKind::local;
    std::ranges::stable_sort(heads, [rising](const Labelled& a, const Labelled& b) {
      return rising ? a.second->number < b.second->number : a.second->number > b.second->number;
    });
    std::vector<std::string> items;
    for (std::size_t i = 0; i < std::min(heads.size(), kShown); ++i)
      items.push_back(label_text(*heads[i].first, *heads[i].second));
    if (heads.size() > kShown) items.push_back(fmt::format("and {} more", heads.size() - kShown));
    std::string before = spaces(kIndent) + pen.ink(Ink::accent, std::string(1, letter_of(kind))) +
                         " " + pad_right(pen.text(name_of(kind)), kNames - 2);
    for (const std::string& line : wrap_items(items, pen.style().columns - kIndent - kNames)) {
      out += before + line + "\n";
      before = spaces(kIndent + kNames);
    }
  }
  if (without == 0) return;
  out += spaces(kIndent) + pen.ink(Ink::quiet, pen.style().unicode ? "·" : ".") + " " +
         pad_right("no kind", kNames - 2) +
         fmt::format("{} of {}\n", without, explanation.heads.size());
}

// Chosen heads each get a line of their own.
void add_portraits(std::string& out, const Pen& pen, const Explanation& explanation) {
  constexpr int kNames = 7;
  for (const ExplainedHead& head : explanation.heads) {
    std::string before =
        spaces(kIndent) + pen.ink(Ink::accent, pad_right(to_string(head.name), kNames));
    const double spread = std::exp(head.entropy);
    const std::string text =
        pen.text(fmt::format("{}; weight spread over about {:.1f} token{}", summary_of(head),
                             spread, spread < 1.05 ? "" : "s"));
    for (const std::string& line : wrap(text, pen.style().columns - kIndent - kNames)) {
      out += before + line + "\n";
      before = spaces(kIndent + kNames);
    }
  }
}

void add_guesses(std::string& out, const Pen& pen, const Explanation& explanation) {
  if (!explanation.guesses.empty()) add_heading(out, pen, "What comes next, by the model", "");
  for (const Guess& guess : explanation.guesses) {
    const std::string text =
        guess.text.empty() ? fmt::format("token {}", guess.id) : pen.text("“" + guess.text + "”");
    out += spaces(kIndent) + pad_right(cut_to(text, 20, pen.ellipsis()), 22) +
           fmt::format("{:.3f} ", guess.probability) +
           pen.ink(Ink::bar, pen.bar(guess.probability, pen.style().columns - 32)) + "\n";
  }
  if (explanation.sentence_vector.empty()) return;
  std::string numbers;
  for (std::size_t i = 0; i < std::min<std::size_t>(6, explanation.sentence_vector.size()); ++i)
    numbers += fmt::format("{:.6f} ", explanation.sentence_vector[i]);
  add_heading(out, pen, "The sentence as a vector", "");
  numbers +=
      fmt::format("{} ({} numbers, length 1)", pen.ellipsis(), explanation.sentence_vector.size());
  for (const std::string& line : wrap(numbers, pen.style().columns - kIndent))
    out += spaces(kIndent) + line + "\n";
}

}  // namespace

std::string terminal_view(const Explanation& explanation, const TerminalStyle& style) {
  constexpr std::size_t kFewHeads = 12;
  const Pen pen(style);
  std::string out;
  add_model(out, pen, explanation);
  add_heading(out, pen, "Attention that the tokens get", received_note(explanation));
  add_tokens(out, pen, explanation);
  if (!explanation.heads.empty()) {
    if (explanation.heads.size() <= kFewHeads) {
      add_heading(out, pen, "Heads", "");
      add_portraits(out, pen, explanation);
    } else {
      add_heading(out, pen, "Heads by what they look at",
                  "A line a layer, a letter a head: its first kind; below, each kind's strongest "
                  "heads (layer.head) and their mean weight there (local: how many keys back it "
                  "looks; broad: how evenly, 1 = at all alike)");
      add_grid(out, pen, explanation);
      add_kinds(out, pen, explanation);
    }
    out += head_maps(explanation, pen);
  }
  add_guesses(out, pen, explanation);
  if (explanation.steps) out += "\n" + terminal_view(*explanation.steps, style);
  return out;
}

}  // namespace fovea::report
