// A text as BERT's normalizer and pre-tokenizer see it: words of cleaned, folded characters, each
// of which knows where it came from.
// Source: github.com/google-research/bert, tokenization.py, BasicTokenizer; Hugging Face's
// tokenizers, BertNormalizer and BertPreTokenizer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tokenize {

/// A part of the text as given.
struct TextRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
  void include(const TextRange& other) noexcept {
    first = other.first < first ? other.first : first;
    end = other.end > end ? other.end : end;
  }
};

/// A word of at least one character.
struct BertWord {
  std::string text;               ///< folded, UTF-8
  std::vector<TextRange> ranges;  ///< of each byte of `text`: the character that it came from
  std::int64_t characters = 0;
  TextRange range;  ///< of the whole word
};

struct BertFolding {
  bool is_lower_case = true;  ///< small letters without accents
  /// Characters after which a word's text and ranges are not kept: it is unknown anyway.
  std::int64_t longest_word = 100;
};

/// Calls `on_word` for each word of `part`, in order. `part` is valid UTF-8 and begins at byte
/// `first` of the text, which ranges count in.
void for_each_bert_word(std::string_view part, std::int64_t first, const BertFolding& folding,
                        const std::function<void(const BertWord&)>& on_word);

}  // namespace fovea::tokenize
