// The model that is always at hand: the notebooks' own numbers as a tiny causal layer.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "fovea/models/model.h"

namespace fovea::models {

/// One layer of causal attention with two heads of size 2. "Your journey starts with one step" has
/// the notebooks' vectors of three numbers, and query, key and value weights are drawn with their
/// seed 789: head 0.0 gives the weights that they print. Any other word of `texts` gets a vector
/// drawn from its spelling; ModelFacts::origin says how many did. What it looks at has no meaning,
/// but the arithmetic is that of a large model.
///
/// Tokens are the texts' words, divided by white space; its tokenizer knows no others and throws
/// Error{invalid_argument}. The hidden states are the embeddings (3 numbers), then the heads' answers
/// side by side (4 numbers = hidden_size). It guesses no next token.
std::unique_ptr<Model> built_in_model(std::span<const std::string> texts);

}  // namespace fovea::models
