// WordPiece: of each word, the longest piece that it begins with, then the longest that goes on.
#include "fovea/tokenize/wordpiece.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <unordered_map>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "tokenize/bert_words.h"
#include "tokenize/byte_trie.h"
#include "tokenize/special_tokens.h"

namespace fovea::tokenize {
namespace {

constexpr std::string_view kGoesOn = "##";

// What checking the data leaves.
struct Vocabulary {
  ByteTrie beginnings;
  ByteTrie continuations;  // without their "##"
  TypedSpecials special;
  std::int32_t unknown = 0;
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

[[noreturn]] void fail(const WordPieceData& data, std::string_view text) {
  throw Error(ErrorKind::format,
              fmt::format("{}: {}", data.name.empty() ? "WordPiece" : data.name, text));
}

Vocabulary read(const WordPieceData& data) {
  if (data.pieces.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    fail(data, fmt::format("{} pieces are too many", data.pieces.size()));
  }
  std::unordered_map<std::string_view, std::int32_t> ids;
  std::vector<ByteTrie::Entry> beginnings;
  std::vector<ByteTrie::Entry> continuations;
  ids.reserve(data.pieces.size());
  for (std::size_t i = 0; i < data.pieces.size(); ++i) {
    const std::string_view piece = data.pieces[i];
    const auto id = static_cast<std::int32_t>(i);
    if (piece.empty()) fail(data, fmt::format("token {} is empty", id));
    if (!ids.emplace(piece, id).second) {
      fail(data, fmt::format("token {}: {} is there twice", id, in_quotes(piece)));
    }
    beginnings.emplace_back(piece, id);
    if (piece.starts_with(kGoesOn) && piece != kGoesOn) {
      continuations.emplace_back(piece.substr(kGoesOn.size()), id);
    }
  }
  const auto id_of = [&](const std::string& piece) {
    const auto found = ids.find(piece);
    if (found == ids.end()) {
      fail(data, fmt::format("{} is not among the {} tokens", in_quotes(piece), ids.size()));
    }
    return found->second;
  };
  std::vector<std::int32_t> special;
  for (const std::string& piece : data.special) {
    if (const auto found = ids.find(piece); found != ids.end()) special.push_back(found->second);
  }
  return {ByteTrie(std::move(beginnings)),
          ByteTrie(std::move(continuations)),
          TypedSpecials(data.pieces, special, data.name),
          id_of(data.unknown),
          id_of(data.begin),
          id_of(data.end)};
}

class WordPiece final : public Tokenizer {
 public:
  explicit WordPiece(WordPieceData data)
      : vocabulary_(read(data)),
        pieces_(std::move(data.pieces)),
        folding_{data.is_lower_case, data.longest_word} {}

  std::vector<Token> encode(std::string_view text, const SpecialTokens& special) const override {
    return encode_around(text, special, vocabulary_.special,
                         {{vocabulary_.begin}, {vocabulary_.end}},
                         [this](std::string_view part, std::size_t first,
                                std::vector<Token>& tokens) { append(part, first, tokens); });
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      std::string_view next = piece(id);
      if (!text.empty() && next.starts_with(kGoesOn) && next != kGoesOn) {
        next.remove_prefix(kGoesOn.size());
      } else if (!text.empty()) {
        text += ' ';
      }
      text += next;
    }
    return text;
  }

  std::string_view piece(std::int32_t id) const override {
    require_id(id, size(), "tokenizer");
    return pieces_[static_cast<std::size_t>(id)];
  }

  bool is_special(std::int32_t id) const override {
    require_id(id, size(), "tokenizer");
    return vocabulary_.special.contains(id);
  }

  std::int64_t size() const noexcept override { return static_cast<std::int64_t>(pieces_.size()); }

 private:
  void append(std::string_view part, std::size_t first, std::vector<Token>& tokens) const {
    for_each_bert_word(part, static_cast<std::int64_t>(first), folding_,
                       [&](const BertWord& word) { append_word(word, tokens); });
  }

  void append_word(const BertWord& word, std::vector<Token>& tokens) const {
    const std::size_t before = tokens.size();
    bool is_known = word.characters <= folding_.longest_word;
    for (std::size_t at = 0; is_known && at < word.text.size();) {
      const ByteTrie& pieces = at == 0 ? vocabulary_.beginnings : vocabulary_.continuations;
      const ByteTrie::Match match = pieces.longest(word.text, at);
      is_known = match.length > 0;
      if (!is_known) break;
      TextRange range = word.ranges[at];
      for (std::size_t i = at + 1; i < at + match.length; ++i) range.include(word.ranges[i]);
      tokens.push_back({match.value, range.first, range.end - range.first});
      at += match.length;
    }
    if (is_known) return;
    tokens.resize(before);
    tokens.push_back({vocabulary_.unknown, word.range.first, word.range.end - word.range.first});
  }

  Vocabulary vocabulary_;
  std::vector<std::string> pieces_;
  BertFolding folding_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_wordpiece(WordPieceData data) {
  return std::make_unique<WordPiece>(std::move(data));
}

}  // namespace fovea::tokenize
