// The special tokens of a vocabulary: which ids they are, and where a text has typed ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/tokenize/tokenizer.h"
#include "tokenize/byte_trie.h"

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

/// Throws Error{invalid_argument} for an id outside of [0, size); `where` begins the message.
void require_id(std::int64_t id, std::int64_t size, std::string_view where);

}  // namespace fovea::tokenize
