// Two columns, greedy line breaking, nothing cleverer.
#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace fovea::cli {
namespace {

constexpr std::size_t kColumns = 80;
// Left columns wider than this get a line of their own.
constexpr std::size_t kWidestLeft = 26;

// Columns that a word takes: one for each character of UTF-8.
std::size_t width_of(std::string_view word) {
  return static_cast<std::size_t>(
      std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Appends `text` in lines that end before kColumns, all but the first indented. `column` is where
// the first begins.
void append_wrapped(std::string& out, std::string_view text, std::size_t column,
                    std::size_t indent) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, length);
    const std::size_t width = width_of(word);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!first && column + 1 + width > kColumns) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += width;
    first = false;
  }
  out += '\n';
}

struct Row {
  std::string left;
  std::string right;
};

void append_rows(std::string& out, const std::vector<Row>& rows) {
  std::size_t widest = 0;
  for (const Row& row : rows) {
    if (row.left.size() <= kWidestLeft) widest = std::max(widest, row.left.size());
  }
  const std::size_t indent = widest + 4;
  for (const Row& row : rows) {
    out += "  " + row.left;
    if (row.left.size() <= kWidestLeft) {
      out += std::string(indent - 2 - row.left.size(), ' ');
    } else {
      out += '\n' + std::string(indent, ' ');
    }
    append_wrapped(out, row.right, indent, indent);
  }
}

void append_paragraphs(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::min(text.find("\n\n"), text.size());
    append_wrapped(out, text.substr(0, length), 0, 0);
    text.remove_prefix(std::min(length + 2, text.size()));
    if (!text.empty()) out += '\n';
  }
}

std::string left_of(const Flag& flag) {
  return flag.placeholder.empty() ? flag.name : flag.name + ' ' + flag.placeholder;
}

void append_examples(std::string& out, const std::vector<Example>& examples) {
  if (examples.empty()) return;
  out += "\nExamples\n";
  for (const Example& example : examples) {
    out += "  # " + example.meaning + "\n  " + example.line + '\n';
  }
}

}  // namespace

std::string overview_help(const std::vector<Command>& commands) {
  std::string out =
      "fovea: attention you can see into, at fused-kernel speed.\n"
      "\n"
      "Usage: fovea COMMAND [FLAG...]\n"
      "\n"
      "Commands\n";
  std::vector<Row> rows;
  for (const Command& command : commands) rows.push_back({command.name, command.summary});
  append_rows(out, rows);
  out += "\nFlags\n";
  append_rows(out, {{"--help, -h", "this text; after a command, that command's flags and examples"},
                    {"--version, -V", "the version"}});
  std::vector<Example> firsts;
  for (const Command& command : commands) {
    if (!command.examples.empty()) firsts.push_back(command.examples.front());
  }
  append_examples(out, firsts);
  return out;
}

std::string command_help(const Command& command) {
  std::string out = "Usage: fovea " + command.name + ' ';
  append_wrapped(out, command.usage, out.size(), std::string("Usage: ").size());
  out += '\n';
  append_paragraphs(out, command.about);
  for (const FlagGroup& group : command.groups) {
    out += '\n' + group.title + '\n';
    std::vector<Row> rows;
    for (const Flag& flag : group.flags) rows.push_back({left_of(flag), flag.help});
    append_rows(out, rows);
  }
  append_examples(out, command.examples);
  return out;
}

}  // namespace fovea::cli
