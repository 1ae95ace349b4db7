// A lesson: attention explained in steps, every number computed from the words and vectors at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/lesson/figure.h"

namespace fovea::lesson {

/// One thought: what happens, its formula, and the numbers.
struct Step {
  std::string title;
  std::string sentence;
  std::string formula = {};  ///< empty where there is none
  std::vector<Figure> figures = {};
};

/// What every view (terminal, JSON, page) is drawn from.
struct Lesson {
  std::string id;
  std::string title;
  std::string summary;  ///< what the reader will have understood at the end, in one sentence
  int digits = 4;       ///< decimals that the sentences use; views print figures with the same
  std::vector<Step> steps = {};
};

/// Upper bounds of the numbers in LessonInputs; the lower ones are 1. A lesson looks at every score:
/// more words than this are for `attend`.
inline constexpr std::int64_t kMaxTokens = 1000;
inline constexpr std::int64_t kMaxSize = 4096;
inline constexpr std::int64_t kMaxDOut = 1024;
inline constexpr std::int64_t kMaxHeads = 64;
inline constexpr int kMaxDigits = 9;

/// What the lessons are computed from. `vectors` is [tokens, size] f32, finite, at least one of
/// each.
struct LessonInputs {
  std::vector<std::string> tokens;
  Tensor vectors;
  std::int64_t query = 0;  ///< index of the word that asks
  std::optional<std::uint64_t> seed =
      {};  ///< of every draw; unless given, the notebooks' own (123, and 789 for Linear)
  std::int64_t d_out = 2;   ///< size of queries, keys and values after the projections
  std::int64_t heads = 2;   ///< heads of `heads` and `split`
  int digits = 4;           ///< decimals shown, 1 to 9
  std::string origin = {};  ///< where the vectors come from, in one sentence; empty = not said
};

/// "Your journey starts with one step" with the notebooks' 3-number vectors, asked by "journey".
LessonInputs journey_inputs();

/// "The cat ran", asked by "ran".
LessonInputs cat_inputs();

/// Inputs for any words: the two sentences above keep the notebooks' vectors; any other word's
/// three numbers, between 0 and 1 with two decimals, are drawn from a hash of its text: the same
/// word has the same vector everywhere. `origin` says which. The query is the second word where
/// there is one. Throws Error{invalid_argument} without words.
LessonInputs inputs_for_words(std::vector<std::string> words);

/// A lesson that can be asked for.
struct LessonInfo {
  std::string_view id;
  std::string_view title;
};

/// All lessons, in the order in which they build on each other.
std::span<const LessonInfo> list_lessons();

/// Returns the lesson computed from `inputs`, in float32 by the notebooks' order of operations.
/// Throws Error{invalid_argument} for an unknown id (the text lists the known ones) and for inputs
/// that break what LessonInputs states.
Lesson make_lesson(std::string_view id, const LessonInputs& inputs);

}  // namespace fovea::lesson
