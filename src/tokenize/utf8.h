// UTF-8 read with one rule for what is not UTF-8: each maximal part of a character that is cut or
// wrong counts as one U+FFFD. Source: The Unicode Standard 15, section 3.9, U+FFFD substitution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/tokenize/tokenizer.h"

namespace fovea::tokenize {

inline constexpr char32_t kReplacement = 0xFFFD;
inline constexpr std::string_view kReplacementBytes = "\xEF\xBF\xBD";

/// The texts that tokenizers take: positions fit 31 bits.
inline constexpr std::size_t kMostTextBytes = std::size_t{1} << 30;

struct Utf8Char {
  char32_t code_point = kReplacement;
  std::uint32_t length = 1;  ///< bytes; of an invalid part too
  bool is_valid = false;
};

/// Reads the character at text[position]; position < text.size().
Utf8Char read_utf8(std::string_view text, std::size_t position) noexcept;

void append_utf8(std::string& out, char32_t code_point);

/// A text made valid, and the way back to the bytes of the text as given, which must outlive it.
class ValidText {
 public:
  /// Copies only where something must be replaced. Throws Error{invalid_argument} for a text above
  /// kMostTextBytes.
  explicit ValidText(std::string_view given);
  ValidText(const ValidText&) = delete;  // text_ may look into own_
  ValidText& operator=(const ValidText&) = delete;

  std::string_view text() const noexcept { return text_; }

  /// Turns the ranges of tokens of text(), which begin in ascending order, into ranges of the text
  /// as given: a byte of a replacement becomes all that was replaced.
  void locate(std::vector<Token>& tokens) const noexcept;

 private:
  struct Replaced {
    std::int64_t at;            // in text_: kReplacementBytes lies here
    std::int64_t given_at;      // in the text as given
    std::int64_t given_length;  // 1 to 3
  };
  std::string own_;
  std::string_view text_;
  std::vector<Replaced> replaced_;
};

}  // namespace fovea::tokenize
