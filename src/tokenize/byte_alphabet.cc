// Bytes that print as themselves in Latin-1 are spelled so; the 68 others, in order, take the
// characters from U+0100 on. Source: github.com/openai/gpt-2, bytes_to_unicode.
#include "tokenize/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tokenize/utf8.h"

namespace fovea::tokenize {
namespace {

constexpr char32_t kFirstForOthers = 0x100;
constexpr std::int16_t kNone = -1;

struct Alphabet {
  std::array<char32_t, 256> spelled{};
  std::array<std::int16_t, kFirstForOthers + 68> bytes{};
};

constexpr bool prints_as_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(kNone);
  char32_t next = kFirstForOthers;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t spelled = prints_as_itself(byte) ? byte : next++;
    alphabet.spelled[byte] = spelled;
    alphabet.bytes[spelled] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t spelled_byte(unsigned char byte) noexcept {
  return kAlphabet.spelled[byte];
}

std::optional<std::string> bytes_of_piece(std::string_view piece) {
  std::string bytes;
  for (std::size_t i = 0; i < piece.size();) {
    const Utf8Char c = read_utf8(piece, i);
    if (!c.is_valid || c.code_point >= kAlphabet.bytes.size()) return std::nullopt;
    const std::int16_t byte = kAlphabet.bytes[c.code_point];
    if (byte == kNone) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    i += c.length;
  }
  return bytes;
}

}  // namespace fovea::tokenize
