// The notebooks' sentences, and vectors for words that bring none.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/lesson/lesson.h"
#include "lesson/word_vectors.h"

namespace fovea::lesson {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// splitmix64: neighbouring words and components give unrelated numbers.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Tensor vectors_of_words(const std::vector<std::string>& words, std::int64_t size) {
  Tensor vectors =
      Tensor::uninitialized(DType::f32, {static_cast<std::int64_t>(words.size()), size});
  auto next = vectors.values<float>().begin();
  for (const std::string& word : words) {
    const std::uint64_t hash = fnv1a(word);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::uint64_t hundredths = mixed(hash + static_cast<std::uint64_t>(i)) % 101;
      *next++ = static_cast<float>(static_cast<double>(hundredths) / 100);
    }
  }
  return vectors;
}

LessonInputs journey_inputs() {
  LessonInputs inputs;
  inputs.tokens = {"Your", "journey", "starts", "with", "one", "step"};
  inputs.vectors =
      Tensor::of<float>({6, 3}, {0.43F, 0.15F, 0.89F, 0.55F, 0.87F, 0.66F, 0.57F, 0.85F, 0.64F,
                                 0.22F, 0.58F, 0.33F, 0.77F, 0.25F, 0.10F, 0.05F, 0.80F, 0.55F});
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
  inputs.vectors = vectors_of_words(words, 3);
  inputs.query = words.size() > 1 ? 1 : 0;
  inputs.tokens = std::move(words);
  inputs.origin =
      "The vectors are drawn from each word's own spelling, three numbers each: they mean nothing, "
      "but the arithmetic is real";
  return inputs;
}

}  // namespace fovea::lesson
