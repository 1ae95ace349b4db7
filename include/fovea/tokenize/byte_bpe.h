// Byte-level byte-pair encoding: GPT-2's tokenizer and its descendants.
// Sources: Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019, section 2.2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fovea/tokenize/tokenizer.h"

namespace fovea::tokenize {

/// How a text is cut into words before pairs are merged within them.
enum class WordSplit : std::uint8_t {
  gpt2,    ///< contractions, letters, digits, other signs, each with a space before; spaces
  smollm,  ///< each digit alone, then as gpt2
};

/// A tokenizer's data. Pieces and merges are spelled in GPT-2's byte alphabet ("Ġ" is a space).
struct ByteBpeData {
  std::vector<std::string> pieces;                          ///< by id
  std::vector<std::pair<std::string, std::string>> merges;  ///< first = merged first
  std::vector<std::int32_t> special;  ///< ids of special tokens; their pieces are plain text
  WordSplit split = WordSplit::gpt2;
  std::vector<std::int32_t> added_before = {};  ///< ids that SpecialTokens::are_added puts there
  std::vector<std::int32_t> added_after = {};
  std::string name;  ///< begins messages: a file
};

/// Bytes that no piece stands for are left out of a text, as Hugging Face's tokenizers do (SmolLM2
/// has none for some control characters). Throws Error{format} for data that is no byte-level BPE: a
/// piece that is empty, given twice or not in the byte alphabet, a byte of printable ASCII or of
/// those that characters go on with (0x80 to 0xBF) without a piece, a merge that names or makes an
/// unknown piece or is given twice, special ids outside of the pieces, a special piece above 256
/// bytes.
std::unique_ptr<Tokenizer> make_byte_bpe(ByteBpeData data);

}  // namespace fovea::tokenize
