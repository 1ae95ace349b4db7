// GPT-2's byte alphabet: every byte is spelled as one printable character, a space as "Ġ".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fovea::tokenize {

/// The character that stands for a byte: U+0021 to U+0143.
char32_t spelled_byte(unsigned char byte) noexcept;

/// The bytes that a piece stands for; nothing where it holds a character outside of the alphabet.
std::optional<std::string> bytes_of_piece(std::string_view piece);

}  // namespace fovea::tokenize
