// Words' ends by the characters on both sides of them.
#include "report/whole_word.h"

#include "tokenize/unicode_ranges.h"
#include "tokenize/utf8.h"

namespace fovea::report {
namespace {

// Scripts without spaces between words: from CJK radicals to Yi, compatibility ideographs, the
// ideographs' later planes; Thai and Lao, Myanmar, Khmer.
bool has_no_spaces(char32_t c) {
  return (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF) || (c >= 0x0E00 && c <= 0x0EFF) ||
         (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF);
}

// Arrows, symbols, box drawing and emoji are neither punctuation nor words.
bool is_symbol(char32_t c) {
  return (c >= 0x2000 && c <= 0x2BFF) || (c >= 0x1F000 && c <= 0x1FBFF) || c == 0xFFFD;
}

bool joins(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return !has_no_spaces(c) && !is_symbol(c) && !tokenize::is_in(tokenize::spaces(), c) &&
         !tokenize::is_in(tokenize::bert_punctuation(), c);
}

bool joins_at(std::string_view text, std::size_t at) {
  return joins(tokenize::read_utf8(text, at).code_point);
}

// The same of the character that ends before `end`.
bool joins_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && end - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return joins_at(text, at);
}

}  // namespace

std::optional<std::size_t> last_whole_word(std::string_view text, std::string_view word) {
  const bool first_joins = joins_at(word, 0);
  const bool last_joins = joins_before(word, word.size());
  for (std::size_t at = text.rfind(word); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : text.rfind(word, at - 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !first_joins || !joins_before(text, at);
    const bool ends = end == text.size() || !last_joins || !joins_at(text, end);
    if (begins && ends) return at;
  }
  return std::nullopt;
}

}  // namespace fovea::report
