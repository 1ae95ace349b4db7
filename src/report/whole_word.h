// Where a word stands in a text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fovea::report {

/// Returns the first byte of the last occurrence that is no part of a longer word; nothing when
/// there is none. Letters, digits and marks of any script make words; Chinese, Japanese and the like
/// are written without spaces, and there any occurrence counts. `word` is not empty.
std::optional<std::size_t> last_whole_word(std::string_view text, std::string_view word);

}  // namespace fovea::report
