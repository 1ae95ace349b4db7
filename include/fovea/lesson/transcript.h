// The notebooks' printed output, computed anew.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fovea::lesson {

/// "000" to "004".
std::span<const std::string_view> list_transcripts();

/// Returns, byte for byte, what the cells of a notebook print, in its order: computed step by step
/// in float32 and printed by torch's rules. Throws Error{invalid_argument} for an unknown notebook.
std::string transcript(std::string_view notebook);

}  // namespace fovea::lesson
