// The notebooks' words with their vectors, and vectors for words that bring none.
#pragma once

#include <string>
#include <vector>

#include "fovea/core/tensor.h"

namespace fovea::nn {

/// "Your journey starts with one step", and its vectors [6, 3] f32.
std::vector<std::string> journey_words();
Tensor journey_vectors();

/// [words, size] f32: numbers of two decimals between 0 and 1, drawn from a hash of each word's
/// bytes. The same word has the same vector in every sentence and on every machine.
Tensor vectors_of_words(const std::vector<std::string>& words, std::int64_t size);

}  // namespace fovea::nn
