// Byte-level BPE: the text's bytes, cut into words, merged pair by pair within each.
#include "fovea/tokenize/byte_bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "tokenize/bpe_merges.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/special_tokens.h"
#include "tokenize/utf8.h"
#include "tokenize/word_split.h"

namespace fovea::tokenize {
namespace {

constexpr std::int32_t kNone = -1;

// What checking the data leaves: everything by id.
struct Vocabulary {
  std::vector<std::string> pieces;
  std::vector<std::string> bytes;  // that a piece stands for
  std::array<std::int32_t, 256> byte_ids{};
  BpeMerges merges;
  TypedSpecials special;
};

class Reader {
 public:
  explicit Reader(ByteBpeData& data) : data_(data) {}

  Vocabulary read() {
    require_sizes();
    vocabulary_.special = TypedSpecials(data_.pieces, data_.special, data_.name);
    read_pieces();
    read_bytes();
    read_merges();
    vocabulary_.pieces = std::move(data_.pieces);
    return std::move(vocabulary_);
  }

 private:
  template <typename... Parts>
  [[noreturn]] void fail(fmt::format_string<Parts...> text, Parts&&... parts) const {
    const std::string begin = data_.name.empty() ? "byte BPE" : data_.name;
    throw Error(ErrorKind::format, begin + ": " + fmt::format(text, std::forward<Parts>(parts)...));
  }

  void require_sizes() const {
    constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
    if (data_.pieces.size() > kMost || data_.merges.size() > kMost) {
      fail("{} pieces and {} merges; at most {} are wanted", data_.pieces.size(),
           data_.merges.size(), kMost);
    }
    for (const auto* const ids : {&data_.special, &data_.added_before, &data_.added_after}) {
      for (const std::int32_t id : *ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= data_.pieces.size())
          fail("special token {} is outside of the {} pieces", id, data_.pieces.size());
      }
    }
  }

  void read_pieces() {
    ids_.reserve(data_.pieces.size());
    std::unordered_set<std::string_view> specials;
    for (std::size_t i = 0; i < data_.pieces.size(); ++i) {
      const std::string_view piece = data_.pieces[i];
      const auto id = static_cast<std::int32_t>(i);
      if (piece.empty()) fail("token {} is empty", id);
      const bool is_special = vocabulary_.special.contains(id);
      const bool is_new = is_special ? specials.insert(piece).second && !ids_.contains(piece)
                                     : ids_.emplace(piece, id).second && !specials.contains(piece);
      if (!is_new) fail("token {}: {} is there twice", id, in_quotes(piece));
      std::optional<std::string> bytes = is_special ? std::string(piece) : bytes_of_piece(piece);
      if (!bytes) fail("token {}: {} is not in the byte alphabet", id, in_quotes(piece));
      vocabulary_.bytes.push_back(*std::move(bytes));
    }
  }

  void read_bytes() {
    for (unsigned byte = 0; byte < vocabulary_.byte_ids.size(); ++byte) {
      std::string spelled;
      append_utf8(spelled, spelled_byte(static_cast<unsigned char>(byte)));
      const std::int32_t id = id_of(spelled);
      if (id == kNone && is_needed(byte)) {
        fail("no token stands for byte 0x{:02x}, '{}'", byte, spelled);
      }
      vocabulary_.byte_ids[byte] = id;
    }
  }

  // Printable ASCII, and what characters go on with.
  static bool is_needed(unsigned byte) {
    return (byte >= 0x20 && byte <= 0x7E) || (byte >= 0x80 && byte <= 0xBF);
  }

  void read_merges() {
    std::vector<BpeMerge> merges;
    merges.reserve(data_.merges.size());
    std::unordered_set<std::uint64_t> pairs;
    pairs.reserve(data_.merges.size());
    for (const auto& [left, right] : data_.merges) {
      const auto rank = static_cast<std::int32_t>(merges.size());
      const BpeMerge merge{id_of(left), id_of(right), id_of(left + right), rank};
      if (merge.left == kNone || merge.right == kNone || merge.merged == kNone) {
        const std::string& unknown = merge.left == kNone    ? left
                                     : merge.right == kNone ? right
                                                            : left + right;
        fail("merge {}: {} and {}: {} is no token", rank, in_quotes(left), in_quotes(right),
             in_quotes(unknown));
      }
      if (!pairs
               .insert(static_cast<std::uint64_t>(merge.left) << 32 |
                       static_cast<std::uint32_t>(merge.right))
               .second) {
        fail("merge {}: {} and {} are there twice", rank, in_quotes(left), in_quotes(right));
      }
      merges.push_back(merge);
    }
    vocabulary_.merges =
        BpeMerges(std::move(merges), static_cast<std::int64_t>(data_.pieces.size()));
  }

  std::int32_t id_of(std::string_view piece) const {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? kNone : found->second;
  }

  ByteBpeData& data_;
  Vocabulary vocabulary_;
  std::unordered_map<std::string_view, std::int32_t> ids_;  // of pieces that are not special
};

class ByteBpe final : public Tokenizer {
 public:
  explicit ByteBpe(ByteBpeData data)
      : added_{data.added_before, data.added_after},
        pattern_(data.split),
        vocabulary_(Reader(data).read()) {
    for (const std::string& bytes : vocabulary_.bytes)
      lengths_.push_back(static_cast<std::int32_t>(bytes.size()));
  }

  std::vector<Token> encode(std::string_view text, const SpecialTokens& special) const override {
    return encode_around(text, special, vocabulary_.special, added_,
                         [this](std::string_view part, std::size_t first,
                                std::vector<Token>& tokens) { append(part, first, tokens); });
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      require_id(id, size(), "decode");
      text += vocabulary_.bytes[static_cast<std::size_t>(id)];
    }
    return text;
  }

  std::string_view piece(std::int32_t id) const override {
    require_id(id, size(), "piece");
    return vocabulary_.pieces[static_cast<std::size_t>(id)];
  }

  bool is_special(std::int32_t id) const override {
    require_id(id, size(), "is_special");
    return vocabulary_.special.contains(id);
  }

  std::int64_t size() const noexcept override {
    return static_cast<std::int64_t>(vocabulary_.pieces.size());
  }

 private:
  // Appends the tokens of `part`, which begins at first_byte of the text.
  void append(std::string_view part, std::size_t first_byte, std::vector<Token>& tokens) const {
    std::vector<std::int32_t> ids;
    BpeWord merging;
    for (Words words(pattern_, part); words.next();) {
      const std::string_view word = words.word();
      ids.clear();
      for (const char byte : word) {
        const std::int32_t id = vocabulary_.byte_ids[static_cast<unsigned char>(byte)];
        if (id != kNone) ids.push_back(id);
      }
      const bool is_whole = ids.size() == word.size();
      merging.merge(vocabulary_.merges, ids);
      const auto first = static_cast<std::int64_t>(first_byte + words.first_byte());
      if (is_whole) {
        append_ids(ids, first, tokens);
      } else {
        append_ids_around_gaps(ids, word, first, tokens);
      }
    }
  }

  std::int64_t length_of(std::int32_t id) const noexcept {
    return lengths_[static_cast<std::size_t>(id)];
  }

  void append_ids(const std::vector<std::int32_t>& ids, std::int64_t first,
                  std::vector<Token>& tokens) const {
    for (const std::int32_t id : ids) {
      tokens.push_back({id, first, length_of(id)});
      first += length_of(id);
    }
  }

  // Where bytes without a piece were dropped, a token reaches from its first byte to its last.
  void append_ids_around_gaps(const std::vector<std::int32_t>& ids, std::string_view word,
                              std::int64_t first, std::vector<Token>& tokens) const {
    std::vector<std::int64_t> kept;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (vocabulary_.byte_ids[static_cast<unsigned char>(word[i])] != kNone)
        kept.push_back(first + static_cast<std::int64_t>(i));
    }
    const std::int64_t* next = kept.data();
    for (const std::int32_t id : ids) {
      const std::int64_t* const last = next + length_of(id) - 1;
      tokens.push_back({id, *next, *last + 1 - *next});
      next = last + 1;
    }
  }

  AddedTokens added_;
  WordPattern pattern_;
  Vocabulary vocabulary_;
  std::vector<std::int32_t> lengths_;  // of the pieces' bytes
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_bpe(ByteBpeData data) {
  return std::make_unique<ByteBpe>(std::move(data));
}

}  // namespace fovea::tokenize
