// Text from outside, made harmless where it stands in the page.
#pragma once

#include <string>
#include <string_view>

namespace fovea::report {

/// Returns text for an element's content: printable(), with &, <, > and quotes as entities.
std::string html_text(std::string_view text);

/// Returns text as valid UTF-8: each run of bytes that are none is named, as ⟨F0 9F⟩. A token may be a part of a character.
std::string with_named_bytes(std::string_view text);

/// Returns JSON for the inside of a <script>: <, >, &, U+2028 and U+2029, which JSON holds in strings alone, as \u escapes.
std::string json_in_script(std::string_view json);

}  // namespace fovea::report
