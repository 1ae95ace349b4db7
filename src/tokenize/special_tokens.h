// The special tokens of a vocabulary: which ids they are, where a text has typed ones, and what goes
// around a text.
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/tokenize/tokenizer.h"
#include "tokenize/byte_trie.h"
#include "tokenize/utf8.h"

namespace fovea::tokenize {

/// Immutable once made.
class TypedSpecials {
 public:
  TypedSpecials() = default;
  /// `ids` are in the range of `pieces`. Throws Error{format}, beginning with `name`, for a piece
  /// that is longer than kMostBytes: what is searched for at each byte of a text must be short.
  TypedSpecials(const std::vector<std::string>& pieces, const std::vector<std::int32_t>& ids,
                const std::string& name);

  bool contains(std::int32_t id) const noexcept {
    return is_special_[static_cast<std::size_t>(id)] != 0;
  }

  /// Calls plain(part, first_byte) for the text between special tokens, where there is any, and
  /// special(Token) for each of those, in order. Of several that begin at a byte the longest counts.
  template <typename Plain, typename Special>
  void split(std::string_view text, const Plain& plain, const Special& special) const {
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size();) {
      const ByteTrie::Match match = trie_.longest(text, i);
      if (match.length == 0) {
        ++i;
        continue;
      }
      if (i > done) plain(text.substr(done, i - done), done);
      special(Token{match.value, static_cast<std::int64_t>(i), match.length});
      done = i += match.length;
    }
    if (done < text.size()) plain(text.substr(done), done);
  }

  static constexpr std::size_t kMostBytes = 256;

 private:
  std::vector<char> is_special_;  // by id
  ByteTrie trie_;
};

/// Throws Error{out_of_memory} for a text of so many bytes.
[[noreturn]] void refuse_without_memory(std::size_t text_bytes);

/// The ids that SpecialTokens::are_added puts around a text.
struct AddedTokens {
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> after;
};

/// Tokenizer::encode around a tokenizer's own words: append(part, first_byte, tokens) appends the
/// tokens of a part of the text without special ones.
template <typename Append>
std::vector<Token> encode_around(std::string_view given, const SpecialTokens& special,
                                 const TypedSpecials& typed, const AddedTokens& added,
                                 const Append& append) {
  try {
    const ValidText valid(given);
    const std::string_view text = valid.text();
    std::vector<Token> tokens;
    if (special.are_added) {
      for (const std::int32_t id : added.before) tokens.push_back({id, 0, 0});
    }
    if (special.are_recognised) {
      typed.split(
          text, [&](std::string_view part, std::size_t first) { append(part, first, tokens); },
          [&](const Token& token) { tokens.push_back(token); });
    } else {
      append(text, std::size_t{0}, tokens);
    }
    if (special.are_added) {
      for (const std::int32_t id : added.after)
        tokens.push_back({id, static_cast<std::int64_t>(text.size()), 0});
    }
    valid.locate(tokens);
    return tokens;
  } catch (const std::bad_alloc&) {
    refuse_without_memory(given.size());
  }
}

/// Throws Error{invalid_argument} for an id outside of [0, size); `where` begins the message.
void require_id(std::int64_t id, std::int64_t size, std::string_view where);

}  // namespace fovea::tokenize
