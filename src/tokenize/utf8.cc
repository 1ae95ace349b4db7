// Decoding by the table of well-formed byte sequences (The Unicode Standard 15, table 3-7).
#include "tokenize/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "fovea/core/error.h"

namespace fovea::tokenize {
namespace {

struct Lead {
  std::uint32_t length;  // 0: begins no character
  unsigned char least_second;
  unsigned char most_second;
};

constexpr Lead lead_of(unsigned char byte) noexcept {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Bytes from `position` on that are ASCII, eight at a time.
std::size_t skip_ascii(std::string_view text, std::size_t position) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  for (; position + 8 <= text.size(); position += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + position, sizeof eight);
    if ((eight & kHighBits) != 0) break;
  }
  while (position < text.size() && static_cast<unsigned char>(text[position]) < 0x80) ++position;
  return position;
}

}  // namespace

Utf8Char read_utf8(std::string_view text, std::size_t position) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {};
  const std::size_t left = text.size() - position;
  char32_t code_point = first & (0x7Fu >> lead.length);
  for (std::uint32_t i = 1; i < lead.length; ++i) {
    const unsigned char least = i == 1 ? lead.least_second : 0x80;
    const unsigned char most = i == 1 ? lead.most_second : 0xBF;
    if (i >= left || byte(i) < least || byte(i) > most) return {kReplacement, i, false};
    code_point = code_point << 6 | (byte(i) & 0x3Fu);
  }
  return {code_point, lead.length, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      put(0xE0 | code_point >> 12);
    } else {
      put(0xF0 | code_point >> 18);
      put(0x80 | (code_point >> 12 & 0x3F));
    }
    put(0x80 | (code_point >> 6 & 0x3F));
  }
  put(0x80 | (code_point & 0x3F));
}

ValidText::ValidText(std::string_view given) : text_(given) {
  if (given.size() > kMostTextBytes) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("encode: the text has {} bytes; at most {} are wanted", given.size(),
                            kMostTextBytes));
  }
  std::size_t copied = 0;
  for (std::size_t i = skip_ascii(given, 0); i < given.size();) {
    const Utf8Char c = read_utf8(given, i);
    if (!c.is_valid) {
      own_.append(given, copied, i - copied);
      replaced_.push_back({static_cast<std::int64_t>(own_.size()), static_cast<std::int64_t>(i),
                           static_cast<std::int64_t>(c.length)});
      own_ += kReplacementBytes;
      copied = i + c.length;
    }
    i = skip_ascii(given, i + c.length);
  }
  if (replaced_.empty()) return;
  own_.append(given, copied);
  text_ = own_;
}

void ValidText::locate(std::vector<Token>& tokens) const noexcept {
  if (replaced_.empty()) return;
  constexpr auto kLength = static_cast<std::int64_t>(kReplacementBytes.size());
  // The last replacement that begins at or before a place; -1 for none.
  const auto last_at = [&](std::int64_t place) {
    const auto after = std::ranges::upper_bound(replaced_, place, {}, &Replaced::at);
    return after - replaced_.begin() - 1;
  };
  const auto given_place = [&](std::int64_t place, bool is_end) {
    const auto index = last_at(is_end ? place - 1 : place);
    if (index < 0) return place;
    const Replaced& r = replaced_[static_cast<std::size_t>(index)];
    const std::int64_t inside = place - r.at;
    if (inside >= kLength) return r.given_at + r.given_length + inside - kLength;
    return is_end ? r.given_at + r.given_length : r.given_at;
  };
  for (Token& token : tokens) {
    const std::int64_t first = given_place(token.first_byte, false);
    if (token.byte_count > 0) {
      token.byte_count = given_place(token.first_byte + token.byte_count, true) - first;
    }
    token.first_byte = first;
  }
}

}  // namespace fovea::tokenize
