// fovea tokenize: the tokens of a text as a model sees them, with their ids and their bytes.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/model_store.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/input_file.h"
#include "fovea/models/tokenizer_file.h"
#include "report/terminal_text.h"

namespace fovea::cli {
namespace {

using tokenize::Token;
using tokenize::Tokenizer;

struct TokenizeFlags {
  std::optional<std::string> text;
  std::optional<std::string> file;
  std::optional<std::string> model;
  bool special = false;
  bool bare = false;
  bool ids = false;
  bool json = false;
};

std::string text_of(const TokenizeFlags& flags) {
  if (flags.text && flags.file) {
    throw UsageError("tokenize: TEXT and --file: give one of them");
  }
  if (flags.file) return formats::read_text(formats::InputFile(*flags.file));
  if (!flags.text) throw UsageError("tokenize: TEXT is missing (see fovea tokenize --help)");
  return *flags.text == "-" ? read_standard_input("tokenize -") : *flags.text;
}

std::string range_of(const Token& token) {
  return fmt::format("{}-{}", token.first_byte, token.first_byte + token.byte_count);
}

std::string plain_table(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    text += fmt::format("{}\t{}\t{}\t{}\n", i, tokens[i].id,
                        printable(tokenizer.piece(tokens[i].id)), range_of(tokens[i]));
  }
  return text;
}

// The same in columns that are as wide as their widest entry, under their names.
std::string aligned_table(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  constexpr int kMostPieceColumns = 40;
  const Terminal terminal = standard_output_terminal();
  const report::Pen pen(
      {.columns = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode});
  std::vector<std::string> pieces;
  int widest = static_cast<int>(std::string_view("piece").size());
  for (const Token& token : tokens) {
    pieces.push_back(
        report::cut_to(pen.text(tokenizer.piece(token.id)), kMostPieceColumns, pen.ellipsis()));
    widest = std::max(widest, report::display_width(pieces.back()));
  }
  constexpr int kNumberColumns = 7;
  const auto row = [&](std::string_view index, std::string_view id, std::string_view piece) {
    return report::pad_left(index, kNumberColumns) + report::pad_left(id, kNumberColumns + 1) +
           "  " + report::pad_right(piece, widest) + "  ";
  };
  std::string text = pen.ink(report::Ink::quiet, row("token", "id", "piece") + "bytes") + "\n";
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    text += row(std::to_string(i), std::to_string(tokens[i].id), pieces[i]) + range_of(tokens[i]) +
            "\n";
  }
  return text;
}

std::string ids_line(const std::vector<Token>& tokens) {
  std::string text;
  for (const Token& token : tokens) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", token.id);
  }
  return text + "\n";
}

// Written token by token: a tree of a long text's tokens would take hundreds of bytes for each.
std::string as_json(const Tokenizer& tokenizer, const std::vector<Token>& tokens,
                    const std::string& text) {
  const auto in_json = [](std::string_view raw) {
    return nlohmann::json(raw).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  std::string json = fmt::format("{{\n  \"bytes\": {},\n  \"tokens\": [", text.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    json += fmt::format(
        "{}\n    {{\"id\": {}, \"piece\": {}, \"first_byte\": {}, \"byte_count\": {}, "
        "\"is_special\": {}}}",
        i == 0 ? "" : ",", token.id, in_json(tokenizer.piece(token.id)), token.first_byte,
        token.byte_count, tokenizer.is_special(token.id));
  }
  return json + "\n  ]\n}\n";
}

void run(const TokenizeFlags& flags) {
  if (flags.ids && flags.json) {
    throw UsageError("tokenize: --ids and --json: give one of them (the JSON has the ids)");
  }
  const std::string text = text_of(flags);
  if (text.empty()) throw Error(ErrorKind::invalid_argument, "tokenize: empty text");
  const auto tokenizer = models::load_tokenizer(find_model(flags.model.value_or("smollm2")));
  const std::vector<Token> tokens =
      tokenizer->encode(text, {.are_added = !flags.bare, .are_recognised = flags.special});
  if (flags.json) return print(as_json(*tokenizer, tokens, text));
  if (flags.ids) return print(ids_line(tokens));
  print(standard_output_terminal().is_terminal ? aligned_table(*tokenizer, tokens)
                                               : plain_table(*tokenizer, tokens));
}

std::vector<FlagGroup> flag_groups(TokenizeFlags& f) {
  return {
      {.title = "The text and its tokenizer",
       .flags = {{"--model", "NAME",
                  "one of fovea model list, or a .gguf, tokenizer.json, vocab.txt, vocab.bpe, or a "
                  "folder that holds one; smollm2 unless given",
                  Text{&f.model}},
                 {"--file", "FILE", "the text is all of this file", Text{&f.file}},
                 {"--special", "",
                  "special tokens that the text spells, such as <|endoftext|>, are those tokens; "
                  "otherwise they are plain text",
                  Switch{&f.special}},
                 {"--bare", "",
                  "without the tokens that the model puts around a text, such as [CLS]",
                  Switch{&f.bare}}}},
      {.title = "How they are shown",
       .flags = {{"--ids", "", "the ids alone, on one line", Switch{&f.ids}},
                 {"--json", "", "ids, pieces and places as JSON", Switch{&f.json}}}},
  };
}

}  // namespace

Command tokenize_command() {
  auto flags = std::make_shared<TokenizeFlags>();
  return {
      .name = "tokenize",
      .summary = "the tokens of a text: ids, pieces and the bytes that each stands for",
      .usage = "TEXT [FLAG...]",
      .about =
          "Prints a line for each token of TEXT, one argument, or of standard input for -: its "
          "number, its id, its piece as the vocabulary spells it (in byte-level vocabularies a "
          "space is \xC4\xA0) and the bytes of the text from-to, the last not included. In a pipe, "
          "tabs stand between them.\n\n"
          "Bytes that are not UTF-8 count as U+FFFD, one for each maximal part of a character.",
      .positionals = {{"TEXT", "", "the text, or - for standard input", Text{&flags->text}}},
      .groups = flag_groups(*flags),
      .examples = {{"fovea tokenize \"Your journey starts with one step\"", "SmolLM2's tokens"},
                   {"fovea tokenize \"unbelievable\" --model minilm",
                    "BERT's, with [CLS] and [SEP]"},
                   {"fovea tokenize --file notes.txt --ids", "a file's ids"},
                   {"fovea tokenize \"a<|endoftext|>b\" --special", "a special token, typed"}},
      .run = [flags] { run(*flags); },
  };
}

}  // namespace fovea::cli
