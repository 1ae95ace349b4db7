// One pass over the text. In the order of BertNormalizer: clean, set Chinese characters apart, NFD,
// drop accents, make small; then words end at spaces, and a punctuation mark is one.
//
// NFD sorts combining characters, but almost all of them are accents, which are dropped; those of
// another class stay where they are. So a run of them is collected only without the accents, and
// sorted when it ends: utf8proc's own sort takes time in proportion to the square of a run.
#include "tokenize/bert_words.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tokenize/unicode_ranges.h"
#include "tokenize/utf8.h"

namespace fovea::tokenize {
namespace {

bool is_space(char32_t c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || (c > 0x7F && is_in(spaces(), c));
}

// The blocks that BERT sets apart. The gap at U+2B820 is theirs.
bool is_chinese(char32_t c) noexcept {
  static constexpr CodePointRange kBlocks[] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},  {0x20000, 0x2A6DF},
      {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  return c >= kBlocks[0].first && is_in(kBlocks, c);
}

char32_t small_letter(char32_t c) noexcept {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  for (const CapitalRange& range : newer_capitals()) {
    if (c >= range.first && c <= range.last) return range.lower + (c - range.first);
  }
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

// The class by which NFD sorts; 0: stays.
int combining_class(char32_t c) noexcept {
  if (c < 0x300) return 0;
  const int found = utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
  return found != 0 && is_in(unsorted_marks(), c) ? 0 : found;
}

// A character of the folded text and where it came from.
struct Folded {
  char32_t code_point;
  TextRange range;
};

class Splitter {
 public:
  Splitter(const BertFolding& folding, const std::function<void(const BertWord&)>& on_word)
      : folding_(folding), on_word_(on_word) {}

  void add(char32_t c, TextRange range) {
    if (c < 0x80) return add_ascii(c, range);
    if (is_in(bert_removed(), c)) return;  // U+0085 too, which is a space otherwise
    if (is_space(c)) return end_word();
    if (!is_chinese(c)) return fold({c, range});
    end_word();
    fold({c, range});
    end_word();
  }

  void end_word() {
    flush_marks();
    flush_word();
  }

 private:
  void add_ascii(char32_t c, TextRange range) {
    if (is_space(c)) return end_word();
    if (c < 0x20 || c == 0x7F) return;
    flush_marks();
    append({folding_.is_lower_case ? small_letter(c) : c, range});
  }

  void fold(const Folded& given) {
    if (!folding_.is_lower_case) return append(given);
    // No character has a longer decomposition. U+11938's is newer than that of tokenizers.
    std::array<utf8proc_int32_t, 32> parts{static_cast<utf8proc_int32_t>(given.code_point)};
    utf8proc_ssize_t count = 1;
    if (given.code_point != 0x11938) {
      int boundary = 0;
      count = utf8proc_decompose_char(parts[0], parts.data(), parts.size(), UTF8PROC_DECOMPOSE,
                                      &boundary);
    }
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      place({static_cast<char32_t>(parts[static_cast<std::size_t>(i)]), given.range});
    }
  }

  // Takes one character of the NFD.
  void place(const Folded& part) {
    const int order = combining_class(part.code_point);
    const bool is_accent = is_in(bert_accents(), part.code_point);
    if (order == 0) flush_marks();
    if (is_accent) return;
    if (order == 0) return append({small_letter(part.code_point), part.range});
    marks_.emplace_back(order, Folded{small_letter(part.code_point), part.range});
  }

  void flush_marks() {
    if (marks_.empty()) return;
    // Marks that change places all come from the whole run, so that tokens stay in order.
    if (!std::ranges::is_sorted(marks_, {}, &std::pair<int, Folded>::first)) {
      std::ranges::stable_sort(marks_, {}, &std::pair<int, Folded>::first);
      TextRange run = marks_.front().second.range;
      for (const auto& [order, mark] : marks_) run.include(mark.range);
      for (auto& [order, mark] : marks_) mark.range = run;
    }
    for (const auto& [order, mark] : marks_) append(mark);
    marks_.clear();
  }

  void append(const Folded& c) {
    if (is_in(bert_punctuation(), c.code_point)) {
      flush_word();
      extend_word(c);
      return flush_word();
    }
    extend_word(c);
  }

  void extend_word(const Folded& c) {
    if (word_.characters == 0) word_.range = c.range;
    word_.range.include(c.range);
    if (++word_.characters > folding_.longest_word) return;
    append_utf8(word_.text, c.code_point);
    word_.ranges.resize(word_.text.size(), c.range);
  }

  void flush_word() {
    if (word_.characters == 0) return;
    on_word_(word_);
    word_.text.clear();
    word_.ranges.clear();
    word_.characters = 0;
  }

  const BertFolding& folding_;
  const std::function<void(const BertWord&)>& on_word_;
  BertWord word_;
  std::vector<std::pair<int, Folded>> marks_;  // a run's, without accents
};

}  // namespace

void for_each_bert_word(std::string_view part, std::int64_t first, const BertFolding& folding,
                        const std::function<void(const BertWord&)>& on_word) {
  Splitter splitter(folding, on_word);
  for (std::size_t i = 0; i < part.size();) {
    const Utf8Char c = read_utf8(part, i);
    const std::int64_t at = first + static_cast<std::int64_t>(i);
    splitter.add(c.code_point, {at, at + c.length});
    i += c.length;
  }
  splitter.end_word();
}

}  // namespace fovea::tokenize
