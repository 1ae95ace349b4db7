// Text to token ids and back: what every tokenizer can do.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tokenize {

/// A token of a text. Its bytes are text[first_byte, first_byte + byte_count), of the text as given;
/// a token that was added ([CLS]) has none, at its place. Where a character is split over several
/// tokens (byte-level BPE), each has its own bytes; a replaced invalid byte sequence counts as a
/// whole for each of its tokens.
struct Token {
  std::int32_t id = 0;
  std::int64_t first_byte = 0;
  std::int64_t byte_count = 0;
  friend bool operator==(const Token&, const Token&) = default;
};

/// What becomes of special tokens, such as "<|endoftext|>" and [CLS].
struct SpecialTokens {
  bool are_added = true;        ///< those that the model wants around a text ([CLS] ... [SEP])
  bool are_recognised = false;  ///< typed ones are the tokens that they spell, not plain text
};

/// Immutable; const calls may run at once.
class Tokenizer {
 public:
  virtual ~Tokenizer();

  /// Returns the text's tokens, the same ids as Hugging Face's tokenizers give. The text is UTF-8,
  /// NULs welcome; each maximal invalid part counts as U+FFFD (Unicode 15, section 3.9). Takes time
  /// in proportion to the text, up to a logarithm. Throws Error{out_of_memory},
  /// Error{invalid_argument} for a text above 1 GiB.
  virtual std::vector<Token> encode(std::string_view text,
                                    const SpecialTokens& special = {}) const = 0;

  /// Returns the text that ids stand for, special tokens as they are spelled. It need not be valid
  /// UTF-8: a token may be a part of a character. Throws Error{invalid_argument} for an id outside
  /// of [0, size()).
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;

  /// Returns the token as the vocabulary spells it: "Ġjourney", "##ing". Throws as decode.
  virtual std::string_view piece(std::int32_t id) const = 0;

  /// True for tokens that stand for no text: "<|endoftext|>", [CLS]. Throws as decode.
  virtual bool is_special(std::int32_t id) const = 0;

  /// Ids are 0 to size() - 1.
  virtual std::int64_t size() const noexcept = 0;
};

}  // namespace fovea::tokenize
