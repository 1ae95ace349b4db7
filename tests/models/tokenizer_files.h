// Tokenizer files composed by hand, each whole and small: what tests change one thing in.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/gguf_bytes.h"
#include "formats/temporary_folder.h"
#include "tokenize/golden_tokenizers.h"

namespace fovea::models {

using nlohmann::json;
using tokenize::golden_lines;
using tokenize::golden_merges;
using tokenize::spelled_bytes;

/// {"!": 0, ...} of pieces in order.
inline json ids_of_pieces(const std::vector<std::string>& pieces) {
  json ids = json::object();
  for (const std::string& piece : pieces) ids[piece] = ids.size();
  return ids;
}

/// All bytes, "ab", "abc".
inline std::vector<std::string> small_pieces() {
  std::vector<std::string> pieces = spelled_bytes();
  pieces.insert(pieces.end(), {"ab", "abc"});
  return pieces;
}

/// A tokenizer.json of byte-level BPE with those pieces and <end>, 258.
inline json small_bpe_json() {
  return {
      {"added_tokens", {{{"id", 258}, {"content", "<end>"}, {"special", true}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"post_processor", nullptr},
      {"model",
       {{"type", "BPE"}, {"vocab", ids_of_pieces(small_pieces())}, {"merges", {"a b", "ab c"}}}}};
}

/// A tokenizer.json of WordPiece.
inline json small_wordpiece_json() {
  const auto added = [](int id, const char* content) {
    return json{{"id", id}, {"content", content}, {"special", true}, {"normalized", false}};
  };
  return {{"added_tokens", {added(0, "[UNK]"), added(1, "[CLS]"), added(2, "[SEP]")}},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}},
              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
              {{"SpecialToken", {{"id", "[SEP]"}, {"type_id", 0}}}}}}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", ids_of_pieces({"[UNK]", "[CLS]", "[SEP]", "step", "##s", "E"})}}}};
}

/// The keys of a GGUF's tokenizer, each to be left out or replaced.
class SmallGguf {
 public:
  SmallGguf() {
    std::vector<std::string> pieces = small_pieces();
    pieces.emplace_back("<end>");
    std::vector<std::int32_t> types(pieces.size(), 1);
    types.back() = 3;
    text("model", "gpt2");
    text("pre", "gpt-2");
    texts("tokens", pieces);
    numbers("token_type", types);
    texts("merges", {"a b", "ab c"});
    number("bos_token_id", 258);
    flag("add_bos_token", false);
  }

  void text(const std::string& key, std::string_view value) {
    set(key, formats::kGgufString, formats::gguf_string(value));
  }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes = array_start(formats::kGgufString, values.size());
    for (const std::string& value : values) bytes += formats::gguf_string(value);
    set(key, formats::kGgufArray, bytes);
  }
  void numbers(const std::string& key, const std::vector<std::int32_t>& values) {
    constexpr std::uint32_t kInt32 = 5;
    std::string bytes = array_start(kInt32, values.size());
    for (const std::int32_t value : values) bytes += formats::raw_number(value);
    set(key, formats::kGgufArray, bytes);
  }
  void number(const std::string& key, std::uint32_t value) {
    set(key, formats::kGgufU32, formats::raw_number(value));
  }
  void flag(const std::string& key, bool value) {
    set(key, formats::kGgufBool, formats::raw_number(static_cast<std::uint8_t>(value)));
  }
  void leave_out(const std::string& key) { keys_.erase(key); }

  std::string bytes() const {
    std::string file = formats::gguf_start(0, keys_.size());
    for (const auto& [key, value] : keys_) file += value;
    return file;
  }

 private:
  static std::string array_start(std::uint32_t type, std::size_t count) {
    return formats::raw_number(type) + formats::raw_number(std::uint64_t{count});
  }
  void set(const std::string& key, std::uint32_t type, std::string_view value) {
    keys_[key] = formats::gguf_key("tokenizer.ggml." + key, type, value);
  }
  std::map<std::string, std::string> keys_;
};

}  // namespace fovea::models
