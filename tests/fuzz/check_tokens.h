// What any tokenizer promises of any text.
#pragma once

#include <string_view>
#include <vector>

#include "formats/utf8.h"
#include "fovea/tokenize/tokenizer.h"
#include "fuzz/fuzzing.h"

namespace fovea::fuzz {

/// Encodes, and checks that ids are in the vocabulary, and that tokens lie in the text, one behind
/// another.
inline std::vector<tokenize::Token> checked_tokens(const tokenize::Tokenizer& tokenizer,
                                                   std::string_view text,
                                                   const tokenize::SpecialTokens& special) {
  std::vector<tokenize::Token> tokens = tokenizer.encode(text, special);
  std::int64_t first = 0;
  for (const tokenize::Token& token : tokens) {
    require(token.id >= 0 && token.id < tokenizer.size());
    require(token.byte_count >= 0 && token.first_byte >= first);
    require(token.first_byte + token.byte_count <= static_cast<std::int64_t>(text.size()));
    require(!tokenizer.piece(token.id).empty() || tokenizer.is_special(token.id));
    first = token.first_byte;
  }
  return tokens;
}

inline std::string decoded(const tokenize::Tokenizer& tokenizer,
                           const std::vector<tokenize::Token>& tokens) {
  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : tokens) ids.push_back(token.id);
  return tokenizer.decode(ids);
}

}  // namespace fovea::fuzz
