// The tokens that a decoder holds likely to come next.
#pragma once

#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/models/model.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// Returns the options.guesses likeliest tokens after the last of `hidden` [tokens, hidden_size], by falling probability.
/// Throws Error{invalid_argument} for logits that are infinite or NaN.
std::vector<Guess> last_guesses(const models::Model& model, const Tensor& hidden,
                                const ExplainOptions& options);

/// How many are named after each token, and in how long a text where room is not free: beyond, their names would take a
/// head's room in the page, and their logits a fifth of the model's time.
inline constexpr std::int64_t kRowGuesses = 3;
inline constexpr std::int64_t kMostGuessedTokens = 1024;

/// Returns kRowGuesses of them after each token: 128 rows at a time, so that no more logits are held than theirs. Throws
/// likewise, and Error{cancelled}.
std::vector<std::vector<Guess>> row_guesses(const models::Model& model, const Tensor& hidden,
                                            const ExplainOptions& options);

}  // namespace fovea::report
