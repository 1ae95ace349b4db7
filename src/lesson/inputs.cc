// The notebooks' sentences, and vectors for words that bring none.
#include <fmt/format.h>

#include <utility>

#include "fovea/core/error.h"
#include "fovea/lesson/lesson.h"
#include "nn/word_vectors.h"

namespace fovea::lesson {

LessonInputs journey_inputs() {
  LessonInputs inputs;
  inputs.tokens = nn::journey_words();
  inputs.vectors = nn::journey_vectors();
  inputs.query = 1;
  inputs.origin =
      "The vectors were made by hand, with three numbers each, to be small enough to follow";
  return inputs;
}

LessonInputs cat_inputs() {
  LessonInputs inputs;
  inputs.tokens = {"The", "cat", "ran"};
  inputs.vectors =
      Tensor::of<float>({3, 3}, {0.2F, 0.1F, 0.5F, 0.9F, 0.1F, 0.3F, 0.4F, 0.8F, 0.2F});
  inputs.query = 2;
  inputs.origin =
      "The vectors were made by hand, with three numbers each, to be small enough to follow";
  return inputs;
}

LessonInputs inputs_for_words(std::vector<std::string> words) {
  if (words.empty())
    throw Error(ErrorKind::invalid_argument, "lesson: no words given; at least one is wanted");
  for (const auto make : {journey_inputs, cat_inputs}) {
    LessonInputs known = make();
    if (words == known.tokens) return known;
  }
  LessonInputs inputs;
  inputs.vectors = nn::vectors_of_words(words, 3);
  inputs.query = words.size() > 1 ? 1 : 0;
  inputs.tokens = std::move(words);
  inputs.origin =
      "The vectors are drawn from each word's own spelling, three numbers each: they mean nothing, "
      "but the arithmetic is real";
  return inputs;
}

}  // namespace fovea::lesson
