// Gathers an explanation from a model's layers as they pass, whoever runs the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fovea/attention/observe.h"
#include "fovea/models/model.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// What explain() is built on, for models that fovea does not run itself:
///
///   Explainer explainer(facts, tokens, options);
///   for each layer, in order:
///     const Attended answer = attend(question, explainer.observe(layer));
///     explainer.take({.layer = layer, .question = question, .answer = answer});
///   const Explanation explanation = explainer.finish(text);
///
/// No layer's attention outlives take. One thread at a time.
class Explainer {
 public:
  /// `tokens` have id, text, piece and place filled in. Throws Error{invalid_argument} for no token and for heads and tokens
  /// that the model or text does not have.
  Explainer(models::ModelFacts facts, std::vector<ExplainedToken> tokens,
            ExplainOptions options = {});
  Explainer(Explainer&&) noexcept;
  Explainer& operator=(Explainer&&) noexcept;
  ~Explainer();

  /// What to ask attend in a layer; empty for a layer without any head to look at. Views in it live until the next call of
  /// observe.
  Observe observe(std::int64_t layer);

  /// Looks at the answer to a question of [1, query_heads, tokens, head_size] that was asked with the last `observe`.
  /// Throws Error{invalid_argument} for another layer, and for a question of other sizes.
  void take(const models::LayerAttention& layer);

  /// Returns all but what needs the model itself: guesses, row_guesses, the sentence vector and kept projections are empty.
  /// Ends the explainer.
  Explanation finish(std::string text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea::report
