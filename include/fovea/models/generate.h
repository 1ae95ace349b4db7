// Text generation: a decoder's own guesses become its next input, one token at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/models/model.h"

namespace fovea::models {

/// How the next token is chosen. What is not the default narrows the choice, in this order.
struct Sampling {
  double temperature = 0;  ///< logits are divided by it; 0 = greedy: always the likeliest
  std::int64_t top_k = 0;  ///< the k likeliest tokens only; 0 = all
  double top_p = 1;  ///< the fewest likeliest whose probabilities add up to this; 0 leaves one
  std::uint64_t seed = Generator::kDefaultSeed;
};

/// Returns the index of the next token among its logits [vocabulary]. Of equal logits the lower
/// index is the likelier. At temperature 0 nothing is drawn; else one Generator::uniform_double,
/// however many tokens are left. A logit of -inf is never chosen. Throws Error{invalid_argument} for
/// no logits, NaN or +inf among them, or -inf in all; for a temperature or top_k that is negative,
/// and for a top_p outside of [0, 1]. Source of top_p: Holtzman et al. 2019, arXiv:1904.09751.
std::int32_t next_token(std::span<const float> logits, const Sampling& sampling,
                        Generator& generator);

/// What to generate, and how.
struct Generation {
  std::int64_t tokens = 64;  ///< the most new ones
  Sampling sampling = {};
  int threads = 0;  ///< as in Execution
  /// Ends it: asked for between two tokens (in on_token, say) what there is so far is returned; while
  /// the model runs, Error{cancelled}.
  std::stop_token stop = {};
  /// True for a token that ends the text; it is not part of the result. Empty: none does.
  std::function<bool(std::int32_t id)> ends_text = {};
  /// Called with each new token as soon as it is known, by the thread that calls generate.
  std::function<void(std::int32_t id)> on_token = {};
};

/// Why generate returned.
enum class GenerationEnd : std::uint8_t {
  tokens,   ///< as many as were wanted
  text,     ///< ends_text
  context,  ///< the model takes no more tokens
  stopped,  ///< stop
};

struct Generated {
  std::vector<std::int32_t> ids;  ///< the new ones
  GenerationEnd end = GenerationEnd::tokens;
};

/// Returns the tokens with which the model goes on after `prompt`. The prompt runs through it once,
/// then each new token alone, over the keys and values that a Context keeps. The same prompt,
/// sampling and model give the same tokens, whatever the threads. Throws Error{invalid_argument} for
/// an empty prompt, one that is longer than context_length (both lengths are given), ids outside of
/// the vocabulary, negative `tokens`, and as next_token; Error{unsupported} for an encoder; as
/// Model::forward.
Generated generate(const Model& model, std::span<const std::int32_t> prompt,
                   const Generation& how = {});

}  // namespace fovea::models
