// One word in several texts, as lines of text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fovea/report/terminal.h"
#include "report/terminal_text.h"

namespace fovea::report {
namespace {

constexpr int kIndent = 2;

// "A", "B", ...
std::string letter(std::size_t index) {
  return index < 26 ? std::string(1, static_cast<char>('A' + index)) : fmt::format("#{}", index);
}

// Layers that are shown: some, evenly, and the last.
std::vector<std::size_t> shown_layers(std::size_t layers) {
  constexpr std::size_t kShown = 10;
  const std::size_t step = std::max<std::size_t>(1, (layers + kShown - 1) / kShown);
  std::vector<std::size_t> shown;
  for (std::size_t layer = 0; layer <= layers; layer += step) shown.push_back(layer);
  if (shown.back() != layers) shown.push_back(layers);
  return shown;
}

void add_cosines(std::string& out, const Pen& pen, const Comparison& comparison) {
  constexpr int kNames = 20;
  constexpr int kPair = 9;
  const std::size_t fit =
      static_cast<std::size_t>(std::max(1, (pen.style().columns - kIndent - kNames) / kPair));
  const std::size_t pairs = std::min(fit, comparison.pairs.size());
  std::string head = spaces(kIndent + kNames);
  for (std::size_t i = 0; i < pairs; ++i) {
    const ComparedPair& pair = comparison.pairs[i];
    head += pad_left(letter(pair.a) + " " + letter(pair.b), kPair);
  }
  out += pen.ink(Ink::quiet, head) + "\n";
  const auto line = [&](const std::string& name, std::size_t at) {
    out += spaces(kIndent) + pad_right(name, kNames);
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::string number = fmt::format("{:.4f}", comparison.pairs[i].cosines[at]);
      const std::string cell = pad_left(number, kPair);
      out += i == comparison.farthest ? pen.ink(Ink::accent, cell) : cell;
    }
    out += "\n";
  };
  const std::size_t layers = comparison.pairs.front().cosines.size() - 2;
  for (const std::size_t layer : shown_layers(layers))
    line(layer == 0 ? "embedding" : fmt::format("after layer {}", layer - 1), layer);
  line("in the end", layers + 1);
  if (pairs == comparison.pairs.size()) return;
  add_wrapped(out, pen, Ink::quiet,
              fmt::format("{} more pairs are in --json", comparison.pairs.size() - pairs));
}

std::string looked_at(const std::vector<LookedAt>& tokens) {
  std::string text;
  for (const LookedAt& token : tokens) {
    const std::size_t first = token.text.find_first_not_of(' ');
    text +=
        fmt::format("{}{} {:.2f}", text.empty() ? "" : ", ",
                    first == std::string::npos ? "\"\"" : token.text.substr(first), token.weight);
  }
  return text;
}

void add_heads(std::string& out, const Pen& pen, const Comparison& comparison) {
  const ComparedPair& pair = comparison.pairs[comparison.farthest];
  const std::string a = letter(pair.a);
  const std::string b = letter(pair.b);
  out += "\n";
  add_wrapped(out, pen, Ink::heading,
              fmt::format("What moved {} and {} apart: heads, by what they looked at", a, b));
  add_wrapped(
      out, pen, Ink::quiet,
      comparison.model.is_causal
          ? "The share of the final difference that each head brought from the words around (not "
            "from the first token, where attention rests, nor from the word itself). The rest "
            "comes "
            "by feed-forward layers and by what those tokens have become"
          : "The share of the difference after the head's layer that it brought from the words "
            "around "
            "(not from the word itself, nor from added tokens); norms between the layers change it "
            "on "
            "the way");
  for (const MovingHead& head : comparison.heads) {
    const std::string name = to_string(head.name);
    const int text_indent = 16;
    std::string before = spaces(kIndent) + pen.ink(Ink::accent, pad_right(name, 6)) +
                         fmt::format("{:4.1f} %  ", 100 * head.share);
    for (const auto& [where, tokens] : {std::pair(a, &head.in_a), std::pair(b, &head.in_b)}) {
      out += before +
             cut_to(pen.text(fmt::format("{}: {}", where, looked_at(*tokens))),
                    pen.style().columns - text_indent, pen.ellipsis()) +
             "\n";
      before = spaces(text_indent);
    }
  }
  if (comparison.heads.empty()) add_wrapped(out, pen, Ink::plain, "No head did.");
  double sum = 0;
  for (const MovingHead& head : comparison.heads) sum += head.share;
  if (!comparison.model.is_causal || comparison.heads.size() < 2) return;
  add_wrapped(out, pen, Ink::quiet,
              fmt::format("Together these {} heads brought {:.0f} % of it.",
                          comparison.heads.size(), 100 * sum));
}

}  // namespace

std::string terminal_view(const Comparison& comparison, const TerminalStyle& style) {
  const Pen pen(style);
  std::string out;
  add_wrapped(out, pen, Ink::accent, comparison.model.name);
  add_wrapped(out, pen, Ink::heading,
              fmt::format("“{}” in {} texts", comparison.word, comparison.texts.size()));
  for (std::size_t i = 0; i < comparison.texts.size(); ++i)
    add_wrapped(out, pen, Ink::plain, fmt::format("  {}  {}", letter(i), comparison.texts[i].text));
  out += "\n";
  add_wrapped(out, pen, Ink::heading, "How alike its vectors are (cosine; 1 = the same direction)");
  add_cosines(out, pen, comparison);
  if (comparison.has_same_past) {
    add_wrapped(
        out, pen, Ink::plain,
        "The same tokens stand before it in all texts, and in a decoder only what stands before "
        "a word can move it: nothing does here.");
  } else {
    if (comparison.model.is_causal) {
      add_wrapped(out, pen, Ink::quiet, "In a decoder only what stands before a word can move it.");
    }
    add_heads(out, pen, comparison);
  }
  if (std::isnan(comparison.notebook.in_the_end)) return out;
  out += "\n";
  add_wrapped(
      out, pen, Ink::quiet,
      fmt::format("“starts” and “journey”: {:.4f} by the vectors that the notebooks made by hand; "
                  "in this model {:.4f} as embeddings, {:.4f} in the end.",
                  comparison.notebook.by_hand, comparison.notebook.embedding,
                  comparison.notebook.in_the_end));
  return out;
}

}  // namespace fovea::report
