// WordPiece: BERT's tokenizer.
// Sources: Schuster & Nakajima 2012; Devlin et al. 2019, arXiv:1810.04805, and its BasicTokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fovea/tokenize/tokenizer.h"

namespace fovea::tokenize {

/// A tokenizer's data.
struct WordPieceData {
  std::vector<std::string> pieces;  ///< by id; "##" begins one that goes on a word
  bool is_lower_case = true;        ///< fold case and strip accents, as "uncased" models do
  std::string unknown = "[UNK]";
  std::string begin = "[CLS]";  ///< what SpecialTokens::are_added puts before the text
  std::string end = "[SEP]";    ///< and after it
  std::vector<std::string> special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  std::int64_t longest_word = 100;  ///< characters; a longer word is unknown as a whole
  std::string name;                 ///< begins messages: a file
};

/// Throws Error{format} for a piece that is empty or given twice, and for unknown, begin or end
/// not among the pieces. Special tokens that are not among the pieces are left out.
std::unique_ptr<Tokenizer> make_wordpiece(WordPieceData data);

}  // namespace fovea::tokenize
