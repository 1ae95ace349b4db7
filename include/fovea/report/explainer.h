// Gathers an explanation from a model's layers as they pass, whoever runs the model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

  /// Looks at the answer to a question of [1, query_heads, tokens, head_size] that was asked with the last `observe`. Its
  /// `input` and `rope` are shown as they are: give them only where they say how query and key were made. Throws
  /// Error{invalid_argument} for another layer, and for a question or an input of other sizes.
  void take(const models::LayerAttention& layer);

  /// Returns all but what needs the model itself: guesses, row_guesses, the sentence vector and kept projections are empty.
  /// Facts that have no RoPE get that of the layers, where it is one. Ends the explainer.
  Explanation finish(std::string text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The matrices of a head; nothing where there are none to show.
using ProjectionOf = std::function<std::optional<models::HeadProjection>(const HeadName& name)>;

/// Adds to `kept` the matrices of its heads whose layer's input was kept, the most telling first, within a budget of their
/// own: options.budget_bytes. Asks for no more than fit, and one.
void keep_projections(const ProjectionOf& projection_of, const KeepOptions& options,
                      KeptNumbers& kept);

}  // namespace fovea::report
