// Scaled dot-product attention behind the modules.
#include "nn/scaled_attention.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"

namespace fovea::nn {

void require_tokens(std::string_view module, const TensorView& x, std::int64_t d_in) {
  if (x.given() && x.dtype() == DType::f32 && x.rank() >= 2 && x.size(x.rank() - 1) == d_in) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: input is {} {}; f32 [..., tokens, {}] is wanted", module,
                          name_of(x.dtype()), to_string(x.shape()), d_in));
}

void require_context(std::string_view module, const TensorView& x, std::int64_t context_length) {
  const std::int64_t tokens = x.size(x.rank() - 2);
  if (tokens <= context_length) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: {} tokens given; at most {} (the context length) are wanted", module,
                          tokens, context_length));
}

void finish_steps(AttentionSteps& steps, Future future, const WeightDropout& drop) {
  const Tensor keys = transpose(steps.key);
  steps.scores = matmul(steps.query, keys);
  if (future == Future::hidden) steps.scores = hide_future(steps.scores);
  const auto size = static_cast<double>(steps.key.size(steps.key.rank() - 1));
  const Tensor scaled = divide(steps.scores, std::sqrt(size));
  steps.weights = softmax(scaled);
  if (drop.dropout != nullptr)
    steps.weights = drop.dropout->forward(steps.weights, *drop.generator);
  steps.context = matmul(steps.weights, steps.value);
}

Tensor context_of(AttentionSteps projected, Future future) {
  const bool few = projected.query.size(projected.query.rank() - 2) <= kStepTokens;
  // attend takes at most batch and heads before the tokens.
  if (few || projected.query.rank() > 4) {
    finish_steps(projected, future);
    return std::move(projected.context);
  }
  return std::move(attend({.query = projected.query,
                           .key = projected.key,
                           .value = projected.value,
                           .causal = future == Future::hidden})
                       .output);
}

}  // namespace fovea::nn
