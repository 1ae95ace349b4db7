// GPT-2's pattern, and SmolLM2's of the same making, for PCRE2.
// Source: Radford et al. 2019, github.com/openai/gpt-2, encoder.py.
//
// The pattern of GPT-2, in words: a contraction, or letters, numbers or other signs with at most one
// space before them; of several spaces the last stays with the word that follows it. SmolLM2's
// tokenizer cuts the text at each digit first and matches the parts alone. That is one pattern too:
// a digit comes first, letters and signs hold none, and spaces before a digit are all one word, as
// before the text's end.
//
// Letters, numbers and spaces are those of Hugging Face's tokenizers (unicode_ranges.h), whatever
// PCRE2's Unicode version is. Each alternative is a repeat of one class that nothing follows which
// could match less, so neither the machine code nor the interpreter takes stack for a long word.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenize/word_split.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <new>
#include <span>
#include <string>

#include "fovea/core/error.h"
#include "tokenize/unicode_ranges.h"

namespace fovea::tokenize {
namespace {

std::string in_class(std::span<const CodePointRange> ranges) {
  std::string text;
  for (const CodePointRange& range : ranges) {
    text += fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<std::uint32_t>(range.first),
                        static_cast<std::uint32_t>(range.last));
  }
  return text;
}

std::string pattern_of(WordSplit split) {
  const std::string letters = "\\p{L}" + in_class(newer_letters());
  const std::string numbers = "\\p{N}" + in_class(newer_numbers());
  const std::string digits = "\\p{N}" + in_class(newer_digits());
  const std::string space = in_class(spaces());
  switch (split) {
    case WordSplit::gpt2:
      return fmt::format(
          "'s|'t|'re|'ve|'m|'ll|'d| ?[{0}]+| ?[{1}]+| ?[^{2}{0}{1}]+|[{2}]+(?![^{2}])|[{2}]+",
          letters, numbers, space);
    case WordSplit::smollm:
      return fmt::format(
          "[{1}]|'s|'t|'re|'ve|'m|'ll|'d| ?[{0}]+| ?[^{2}{0}{1}]+|[{2}]+(?![^{2}{1}])|[{2}]+",
          letters, digits, space);
  }
  return {};
}

}  // namespace

WordPattern::WordPattern(WordSplit split) {
  const std::string pattern = pattern_of(split);
  int error = 0;
  PCRE2_SIZE place = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                            PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &place, nullptr));
  if (!code_) {
    throw Error(ErrorKind::unsupported,
                fmt::format("this PCRE2 does not know the words' pattern: error {} at byte {}",
                            error, place));
  }
  // Where the system forbids memory that is written and run, PCRE2 interprets.
  is_compiled_to_machine_code_ = pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE) == 0;
}

void WordPattern::Free::operator()(pcre2_real_code_8* code) const noexcept {
  pcre2_code_free(code);
}

void Words::Free::operator()(pcre2_real_match_data_8* match) const noexcept {
  pcre2_match_data_free(match);
}

Words::Words(const WordPattern& pattern, std::string_view text)
    : pattern_(pattern), text_(text), match_(pcre2_match_data_create(1, nullptr)) {
  if (!match_) throw std::bad_alloc();
}

int Words::match() noexcept {
  const auto* const text = reinterpret_cast<PCRE2_SPTR>(text_.data());
  if (pattern_.is_compiled_to_machine_code_) {
    return pcre2_jit_match(pattern_.code_.get(), text, text_.size(), end_, 0, match_.get(),
                           nullptr);
  }
  return pcre2_match(pattern_.code_.get(), text, text_.size(), end_, PCRE2_NO_UTF_CHECK,
                     match_.get(), nullptr);
}

bool Words::next() {
  if (end_ == text_.size()) return false;
  const int result = match();
  if (result == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
  const std::size_t end = result > 0 ? pcre2_get_ovector_pointer(match_.get())[1] : end_;
  if (end <= end_) {
    throw Error(ErrorKind::unsupported,
                fmt::format("PCRE2 finds no word at byte {}: error {}", end_, result));
  }
  first_ = end_;
  end_ = end;
  return true;
}

}  // namespace fovea::tokenize
