// "did you mean": the known word nearest to a mistyped one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::cli {

/// Returns the word of `known` that `typed` was probably meant to be: one that it begins, else the
/// nearest by Damerau-Levenshtein distance (an insertion, deletion, replacement or swap of
/// neighbours counts 1) when at most a third of its letters differ. Leading dashes do not count.
/// Ties go to the first.
std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& known);

/// Returns "; did you mean WORD?", or nothing when no word is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace fovea::cli
