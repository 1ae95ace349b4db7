// Hugging Face's tokenizer.json: a pipeline of named parts. Those of byte-level BPE and of BERT are
// known; any other is refused by its name, because without it the ids would be other ones.
// Source: github.com/huggingface/tokenizers, the serialization of Tokenizer.
#include <fmt/format.h>

#include <string_view>
#include <unordered_set>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/tokenize/byte_bpe.h"
#include "fovea/tokenize/wordpiece.h"
#include "models/json_place.h"
#include "models/tokenizer_readers.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/utf8.h"

namespace fovea::models {
namespace {

[[noreturn]] void refuse(const JsonPlace& place, std::string_view what) {
  place.fail(what, ErrorKind::unsupported);
}

// The parts of a Sequence, or the one part that there is; none for null.
std::vector<JsonPlace> parts_of(const JsonPlace& top, std::string_view key,
                                std::string_view parts) {
  const auto found = top.find(key);
  if (!found) return {};
  if (found->type() == "Sequence") return found->at(parts).items();
  return {*found};
}

void refuse_type(const JsonPlace& part, std::string_view known) {
  refuse(part, fmt::format("the type {} is not known; {} is", in_quotes(part.type()), known));
}

// The vocabulary by id, added tokens put in, and which of them are special.
struct Pieces {
  std::vector<std::string> by_id;
  std::vector<std::int32_t> special;
};

void add_token(const JsonPlace& token, Pieces& pieces) {
  const std::string& content = token.at("content").text();
  const JsonPlace id_place = token.at("id");
  const std::int64_t id = id_place.integer();
  const auto count = static_cast<std::int64_t>(pieces.by_id.size());
  if (id < 0 || id > count) {
    id_place.fail(fmt::format("{}: id {}; the tokens before it have 0 to {}", in_quotes(content),
                              id, count - 1));
  }
  if (id == count) {
    pieces.by_id.push_back(content);
  } else if (pieces.by_id[static_cast<std::size_t>(id)] != content) {
    token.fail(fmt::format("{} has id {}, which the vocabulary gives to {}", in_quotes(content), id,
                           in_quotes(pieces.by_id[static_cast<std::size_t>(id)])));
  }
  if (!token.flag_or("special", false)) {
    refuse(token, fmt::format("{} is added but not special, which fovea does not know",
                              in_quotes(content)));
  }
  for (const std::string_view flag : {"lstrip", "rstrip", "single_word"}) {
    if (token.flag_or(flag, false))
      refuse(token, fmt::format("{}: \"{}\" is not known", in_quotes(content), flag));
  }
  pieces.special.push_back(static_cast<std::int32_t>(id));
}

Pieces read_pieces(const JsonPlace& top) {
  const JsonPlace vocabulary = top.at("model").at("vocab");
  Pieces pieces{pieces_by_id(vocabulary.object(), top.file() + ": model.vocab"), {}};
  const bool has_normalizer = top.find("normalizer").has_value();
  if (const auto added = top.find("added_tokens")) {
    for (const JsonPlace& token : added->items()) {
      add_token(token, pieces);
      if (has_normalizer && token.flag_or("normalized", false))
        refuse(token, "an added token with \"normalized\" is not known");
    }
  }
  return pieces;
}

// The tokens that a TemplateProcessing puts before and after a text.
struct Template {
  std::vector<std::string> before;
  std::vector<std::string> after;
};

Template read_template(const JsonPlace& processor) {
  Template found;
  bool is_after = false;
  for (const JsonPlace& part : processor.at("single").items()) {
    if (part.find("Sequence")) {
      is_after = true;
    } else {
      (is_after ? found.after : found.before).push_back(part.at("SpecialToken").at("id").text());
    }
  }
  if (!is_after) processor.fail("\"single\" has no place for the text");
  return found;
}

std::string token_of_pair(const JsonPlace& processor, std::string_view key) {
  const auto pair = processor.at(key).items();
  if (pair.size() != 2) processor.fail(fmt::format("\"{}\": [token, id] is wanted", key));
  return pair[0].text();
}

Template read_processors(const JsonPlace& top) {
  Template found;
  for (const JsonPlace& part : parts_of(top, "post_processor", "processors")) {
    if (part.type() == "TemplateProcessing") {
      found = read_template(part);
    } else if (part.type() == "BertProcessing") {
      found = {{token_of_pair(part, "cls")}, {token_of_pair(part, "sep")}};
    } else if (part.type() != "ByteLevel") {
      refuse_type(part, "TemplateProcessing");
    }
  }
  return found;
}

tokenize::WordSplit read_split(const JsonPlace& top) {
  bool has_digits = false;
  bool has_bytes = false;
  for (const JsonPlace& part : parts_of(top, "pre_tokenizer", "pretokenizers")) {
    if (part.type() == "Digits" && !has_digits && !has_bytes) {
      has_digits = true;
      if (!part.flag_or("individual_digits", false))
        refuse(part, "Digits without \"individual_digits\" is not known");
    } else if (part.type() == "ByteLevel" && !has_bytes) {
      has_bytes = true;
      if (part.flag_or("add_prefix_space", true)) refuse(part, "\"add_prefix_space\" is not known");
      if (!part.flag_or("use_regex", true)) refuse(part, "\"use_regex\": false is not known");
    } else {
      refuse_type(part, "ByteLevel, with Digits before it or alone,");
    }
  }
  if (!has_bytes) refuse(top, "pre_tokenizer: BPE without ByteLevel is not known");
  return has_digits ? tokenize::WordSplit::smollm : tokenize::WordSplit::gpt2;
}

void read_merges(const JsonPlace& merges, tokenize::ByteBpeData& data) {
  for (const nlohmann::json& merge : merges.array()) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      data.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : "";
    const std::size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) {
      merges.fail(fmt::format("merge {}: \"left right\" or [\"left\", \"right\"] is wanted",
                              data.merges.size()));
    }
    data.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
}

void refuse_unknown_bpe(const JsonPlace& top) {
  const JsonPlace model = top.at("model");
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.text_or(key, "").empty()) refuse(model, fmt::format("\"{}\" is not known", key));
  }
  for (const std::string_view key : {"byte_fallback", "ignore_merges"}) {
    if (model.flag_or(key, false)) refuse(model, fmt::format("\"{}\" is not known", key));
  }
  if (model.find("dropout")) refuse(model, "\"dropout\" is not known");
  if (const auto normalizer = top.find("normalizer")) refuse_type(*normalizer, "none");
}

// With all 256 bytes nothing is unknown; without some, fovea leaves out what it cannot spell.
void refuse_unknown_token(const JsonPlace& top, const std::vector<std::string>& pieces) {
  if (!top.at("model").find("unk_token")) return;
  const std::unordered_set<std::string_view> known(pieces.begin(), pieces.end());
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string spelled;
    tokenize::append_utf8(spelled, tokenize::spelled_byte(static_cast<unsigned char>(byte)));
    if (known.contains(spelled)) continue;
    refuse(top, "model.unk_token: not known for a vocabulary that lacks bytes");
  }
}

std::unique_ptr<tokenize::Tokenizer> read_bpe(const JsonPlace& top) {
  refuse_unknown_bpe(top);
  const JsonPlace model = top.at("model");
  Pieces pieces = read_pieces(top);
  refuse_unknown_token(top, pieces.by_id);
  tokenize::ByteBpeData data;
  data.name = top.file();
  data.pieces = std::move(pieces.by_id);
  data.special = std::move(pieces.special);
  data.split = read_split(top);
  read_merges(model.at("merges"), data);
  const Template around = read_processors(top);
  const auto id_of = [&](const std::string& piece) {
    for (const std::int32_t id : data.special) {
      if (data.pieces[static_cast<std::size_t>(id)] == piece) return id;
    }
    top.fail(fmt::format("post_processor: {} is no special token", in_quotes(piece)));
  };
  for (const std::string& piece : around.before) data.added_before.push_back(id_of(piece));
  for (const std::string& piece : around.after) data.added_after.push_back(id_of(piece));
  return tokenize::make_byte_bpe(std::move(data));
}

bool read_lower_case(const JsonPlace& top) {
  const auto parts = parts_of(top, "normalizer", "normalizers");
  if (parts.size() != 1 || parts[0].type() != "BertNormalizer") {
    refuse(top, "normalizer: WordPiece without BertNormalizer is not known");
  }
  const JsonPlace& normalizer = parts[0];
  for (const std::string_view key : {"clean_text", "handle_chinese_chars"}) {
    if (!normalizer.flag_or(key, true))
      refuse(normalizer, fmt::format("\"{}\": false is not known", key));
  }
  const bool is_lower_case = normalizer.flag_or("lowercase", true);
  if (normalizer.flag_or("strip_accents", is_lower_case) != is_lower_case) {
    refuse(normalizer, "\"strip_accents\" other than \"lowercase\" is not known");
  }
  return is_lower_case;
}

std::unique_ptr<tokenize::Tokenizer> read_wordpiece(const JsonPlace& top) {
  const JsonPlace model = top.at("model");
  tokenize::WordPieceData data;
  data.name = top.file();
  data.is_lower_case = read_lower_case(top);
  const auto before = parts_of(top, "pre_tokenizer", "pretokenizers");
  if (before.size() != 1 || before[0].type() != "BertPreTokenizer") {
    refuse(top, "pre_tokenizer: WordPiece without BertPreTokenizer is not known");
  }
  if (model.text_or("continuing_subword_prefix", "##") != "##") {
    refuse(model, "\"continuing_subword_prefix\" other than \"##\" is not known");
  }
  data.unknown = model.text_or("unk_token", "[UNK]");
  if (const auto longest = model.find("max_input_chars_per_word")) {
    data.longest_word = longest->integer();
    if (data.longest_word < 1) longest->fail("at least 1 is wanted");
  }
  Pieces pieces = read_pieces(top);
  data.special.clear();
  for (const std::int32_t id : pieces.special)
    data.special.push_back(pieces.by_id[static_cast<std::size_t>(id)]);
  data.pieces = std::move(pieces.by_id);
  const Template around = read_processors(top);
  if (around.before.size() != 1 || around.after.size() != 1) {
    refuse(top, "post_processor: WordPiece with other than one token before and one after a text");
  }
  data.begin = around.before[0];
  data.end = around.after[0];
  return tokenize::make_wordpiece(std::move(data));
}

}  // namespace

std::unique_ptr<tokenize::Tokenizer> read_tokenizer_json(const std::string& path) {
  const JsonFile file = read_json_file(path);
  const JsonPlace top(file.value, file.name);
  const JsonPlace model = top.at("model");
  // Files of 2020 name no type.
  const std::string type = model.type().empty() && model.find("merges") ? "BPE" : model.type();
  if (type == "BPE") return read_bpe(top);
  if (type == "WordPiece") return read_wordpiece(top);
  refuse_type(model, "BPE or WordPiece");
  return nullptr;
}

}  // namespace fovea::models
