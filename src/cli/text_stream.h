// Text that comes in pieces, shown as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::cli {

/// Who reads a TextStream.
enum class Reader : std::uint8_t {
  terminal,  ///< what a terminal would act on is escaped, line breaks and tabs are not
  program,   ///< the text as it is
};

/// A token may be a part of a character: what it lacks is waited for. Bytes that are not UTF-8
/// become U+FFFD.
class TextStream {
 public:
  explicit TextStream(Reader reader) noexcept : reader_(reader) {}

  /// Adds bytes; returns what can be written now, in whole characters.
  std::string take(std::string_view bytes);

  /// The text has ended: returns what was still waited for.
  std::string finish();

 private:
  std::string shown(std::string_view text) const;

  Reader reader_;
  std::string waiting_;
};

}  // namespace fovea::cli
