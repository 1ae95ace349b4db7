// Characters as Hugging Face's tokenizers see them, where that is not how PCRE2 and utf8proc do:
// each of them follows a Unicode version of its own, from 9 to 16. Ranges ascend.
#pragma once

#include <span>

namespace fovea::tokenize {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

/// Capitals first to last, whose small letters are lower, lower + 1, ...
struct CapitalRange {
  char32_t first;
  char32_t last;
  char32_t lower;
};

// To be added to PCRE2's \p{L} and \p{N}.
std::span<const CodePointRange> newer_letters() noexcept;
std::span<const CodePointRange> newer_numbers() noexcept;
/// What the pre-tokenizer Digits sets apart, beyond PCRE2's \p{N}.
std::span<const CodePointRange> newer_digits() noexcept;
/// All of \s.
std::span<const CodePointRange> spaces() noexcept;

// BERT's normalizer and pre-tokenizer: all that it drops as no text, takes for punctuation, and
// drops as an accent.
std::span<const CodePointRange> bert_removed() noexcept;
std::span<const CodePointRange> bert_punctuation() noexcept;
std::span<const CodePointRange> bert_accents() noexcept;
/// Combining characters that its NFD does not sort.
std::span<const CodePointRange> unsorted_marks() noexcept;
/// Capitals beyond utf8proc's.
std::span<const CapitalRange> newer_capitals() noexcept;

/// True when one of the ascending ranges holds the character.
bool is_in(std::span<const CodePointRange> ranges, char32_t code_point) noexcept;

}  // namespace fovea::tokenize
