// explain: a text through a model that fovea runs itself, watched by an Explainer.
#include <span>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/report/explainer.h"
#include "fovea/report/explanation.h"
#include "report/finite.h"
#include "report/guesses.h"

namespace fovea::report {
namespace {

std::vector<ExplainedToken> explained_tokens(const tokenize::Tokenizer& tokenizer,
                                             const std::vector<tokenize::Token>& tokens) {
  std::vector<ExplainedToken> explained;
  for (const tokenize::Token& token : tokens) {
    explained.push_back({.id = token.id,
                         .text = tokenizer.decode(std::span(&token.id, 1)),
                         .piece = std::string(tokenizer.piece(token.id)),
                         .first_byte = token.first_byte,
                         .byte_count = token.byte_count});
  }
  return explained;
}

models::Forward watched_by(Explainer& explainer, const ExplainOptions& options) {
  models::Forward how{.threads = options.threads, .stop = options.stop};
  how.observe = [&explainer](std::int64_t layer) { return explainer.observe(layer); };
  how.on_attention = [&explainer, &options](const models::LayerAttention& layer) {
    explainer.take(layer);
    if (options.on_layer) options.on_layer(layer.layer);
  };
  return how;
}

}  // namespace

Explanation explain(const models::Model& model, std::string_view text,
                    const ExplainOptions& options) {
  if (text.empty()) throw Error(ErrorKind::invalid_argument, "explain: empty text");
  const tokenize::Tokenizer& tokenizer = model.tokenizer();
  const std::vector<tokenize::Token> tokens = tokenizer.encode(text);
  if (tokens.empty()) throw Error(ErrorKind::invalid_argument, "explain: a text without any token");

  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : tokens) ids.push_back(token.id);
  Explainer explainer(model.facts(), explained_tokens(tokenizer, tokens), options);
  const Tensor hidden = model.forward(ids, watched_by(explainer, options));
  require_finite(hidden, "explain");
  Explanation explanation = explainer.finish(std::string(text));
  if (options.keep.any()) {
    keep_projections(
        [&](const HeadName& name) { return model.head_projection(name.layer, name.head); },
        options.keep, explanation.kept);
  }
  if (model.facts().has_logits) {
    explanation.guesses = last_guesses(model, hidden, options);
    const bool is_short = std::ssize(ids) <= kMostGuessedTokens || options.keep.all_heads;
    if (options.keep.any() && is_short)
      explanation.row_guesses = row_guesses(model, hidden, options);
  } else if (!model.facts().is_causal) {
    const Tensor vector = models::sentence_vector(hidden);
    explanation.sentence_vector.assign(vector.values<float>().begin(),
                                       vector.values<float>().end());
  }
  return explanation;
}

}  // namespace fovea::report
