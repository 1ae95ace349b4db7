// Text from outside (file names, tokens, tensor names) made safe to print on a terminal, in one
// line.
#pragma once

#include <string>
#include <string_view>

namespace fovea {

/// Returns `text` with everything escaped that a terminal would act on or not show: control
/// characters as `\n`, `\t`,
/// `\x1b`; the C1 controls, line separators, zero-width characters and bidirectional overrides as
/// `\u{202e}`; bytes that are not UTF-8 as `\xff`. All other text, a backslash too, stays as it is.
std::string printable(std::string_view text);

/// printable, in single quotes, for error messages: what is longer than 60 bytes is cut in the
/// middle and its length given.
std::string in_quotes(std::string_view text);

}  // namespace fovea
