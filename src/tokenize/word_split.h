// A text cut into the words within which byte-level BPE merges pairs, by a regular expression.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "fovea/tokenize/byte_bpe.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;

namespace fovea::tokenize {

/// A compiled pattern. Immutable; const use by several threads at once.
class WordPattern {
 public:
  explicit WordPattern(WordSplit split);

 private:
  friend class Words;
  struct Free {
    void operator()(pcre2_real_code_8* code) const noexcept;
  };
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  bool is_compiled_to_machine_code_ = false;
};

/// The words of one text, one after the other. They cover it without a gap.
class Words {
 public:
  /// `text` is valid UTF-8 and, like the pattern, outlives this.
  Words(const WordPattern& pattern, std::string_view text);

  /// True when there was another: word() is then it, and begins at first_byte().
  bool next();
  std::string_view word() const noexcept { return text_.substr(first_, end_ - first_); }
  std::size_t first_byte() const noexcept { return first_; }

 private:
  int match() noexcept;

  struct Free {
    void operator()(pcre2_real_match_data_8* match) const noexcept;
  };
  const WordPattern& pattern_;
  std::string_view text_;
  std::unique_ptr<pcre2_real_match_data_8, Free> match_;
  std::size_t first_ = 0;
  std::size_t end_ = 0;
};

}  // namespace fovea::tokenize
