// The three vocabularies and the texts of tests/golden/tokenizer.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/tokenize/byte_bpe.h"
#include "fovea/tokenize/wordpiece.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/utf8.h"

namespace fovea::tokenize {

inline std::string golden_path(const std::string& name) {
  return std::string(FOVEA_SOURCE_DIR) + "/tests/golden/tokenizer/" + name;
}

inline std::vector<std::string> golden_lines(const std::string& name) {
  std::ifstream file(golden_path(name), std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + golden_path(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// Undoes the script's `escaped`.
inline std::string unescaped(std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      text += line[i];
      continue;
    }
    text += static_cast<char>(std::stoi(std::string(line.substr(i + 2, 2)), nullptr, 16));
    i += 3;
  }
  return text;
}

/// The spellings of all bytes, in the order of their characters, but for `missing`.
inline std::vector<std::string> spelled_bytes(const std::vector<std::string>& missing = {}) {
  std::vector<std::string> spelled;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string piece;
    append_utf8(piece, spelled_byte(static_cast<unsigned char>(byte)));
    if (std::ranges::count(missing, piece) == 0) spelled.push_back(piece);
  }
  std::ranges::sort(spelled);  // UTF-8 sorts as its characters do
  return spelled;
}

using Merges = std::vector<std::pair<std::string, std::string>>;

/// The merges after a first line that is none.
inline Merges golden_merges(const std::vector<std::string>& lines) {
  Merges merges;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t space = lines[i].find(' ');
    merges.emplace_back(lines[i].substr(0, space), lines[i].substr(space + 1));
  }
  return merges;
}

inline ByteBpeData gpt2_data() {
  ByteBpeData data;
  data.pieces = spelled_bytes();
  data.merges = golden_merges(golden_lines("gpt2_merges.txt"));
  for (const auto& [left, right] : data.merges) data.pieces.push_back(left + right);
  data.special = {static_cast<std::int32_t>(data.pieces.size())};
  data.pieces.emplace_back("<|endoftext|>");
  return data;
}

inline ByteBpeData smollm2_data() {
  const std::vector<std::string> lines = golden_lines("smollm2_merges.txt");
  const auto head = nlohmann::json::parse(lines[0].substr(1));
  ByteBpeData data;
  data.split = WordSplit::smollm;
  data.pieces = head.at("specials").get<std::vector<std::string>>();
  for (std::size_t i = 0; i < data.pieces.size(); ++i) data.special.push_back(static_cast<int>(i));
  for (const std::string& piece : spelled_bytes(head.at("missing"))) data.pieces.push_back(piece);
  data.merges = golden_merges(lines);
  for (const auto& [left, right] : data.merges) data.pieces.push_back(left + right);
  return data;
}

inline WordPieceData minilm_data() {
  WordPieceData data;
  data.pieces = golden_lines("minilm_vocab.txt");
  return data;
}

/// "gpt2", "smollm2" or "minilm", made once.
inline const Tokenizer& golden_tokenizer(const std::string& name) {
  static const std::unique_ptr<Tokenizer> gpt2 = make_byte_bpe(gpt2_data());
  static const std::unique_ptr<Tokenizer> smollm2 = make_byte_bpe(smollm2_data());
  static const std::unique_ptr<Tokenizer> minilm = make_wordpiece(minilm_data());
  return name == "gpt2" ? *gpt2 : name == "smollm2" ? *smollm2 : *minilm;
}

inline std::vector<std::int32_t> ids_of(const std::vector<Token>& tokens) {
  std::vector<std::int32_t> ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

inline std::string joined(const std::vector<std::int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, " "));
}

/// The count of ids and the script's `fnv1a` of them.
inline std::string hash_of(const std::vector<std::int32_t>& ids) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const std::int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      value = (value ^ (static_cast<std::uint32_t>(id) >> shift & 0xFF)) * 0x100000001B3;
    }
  }
  return fmt::format("{} {:016x}", ids.size(), value);
}

}  // namespace fovea::tokenize
