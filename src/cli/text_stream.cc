// A character of UTF-8 has at most four bytes: up to three are ever held back.
#include "cli/text_stream.h"

#include <algorithm>
#include <utility>

#include "fovea/core/printable.h"
#include "tokenize/utf8.h"

namespace fovea::cli {
namespace {

// Bytes of `text` before a character that its end cuts.
std::size_t whole_part(std::string_view text) {
  constexpr std::size_t kMostHeld = 3;
  for (std::size_t held = std::min(kMostHeld, text.size()); held > 0; --held) {
    const std::size_t at = text.size() - held;
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) == 0xC0;
    if (!begins) continue;
    const tokenize::Utf8Char last = tokenize::read_utf8(text, at);
    if (!last.is_valid && last.length == held) return at;
  }
  return text.size();
}

}  // namespace

std::string TextStream::take(std::string_view bytes) {
  waiting_ += bytes;
  const std::size_t whole = whole_part(waiting_);
  std::string text = shown(std::string_view(waiting_).substr(0, whole));
  waiting_.erase(0, whole);
  return text;
}

std::string TextStream::finish() {
  return shown(std::exchange(waiting_, {}));
}

std::string TextStream::shown(std::string_view text) const {
  const tokenize::ValidText valid(text);
  if (reader_ == Reader::program) return std::string(valid.text());
  std::string result;
  for (std::string_view rest = valid.text(); !rest.empty();) {
    const std::size_t plain = std::min(rest.find_first_of("\n\t"), rest.size());
    result += printable(rest.substr(0, plain));
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    result += rest.front();
    rest.remove_prefix(1);
  }
  return result;
}

}  // namespace fovea::cli
