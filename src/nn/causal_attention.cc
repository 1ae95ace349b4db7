// Causal self-attention: projections, the check of the context length, and the choice of dropout.
#include "fovea/nn/causal_attention.h"

#include "nn/scaled_attention.h"

namespace fovea::nn {

CausalAttention::CausalAttention(const CausalAttentionOptions& options, Generator& generator)
    : query_(options.d_in, options.d_out, options.qkv_bias, generator),
      key_(options.d_in, options.d_out, options.qkv_bias, generator),
      value_(options.d_in, options.d_out, options.qkv_bias, generator),
      dropout_(options.dropout),
      context_length_(options.context_length) {}

AttentionSteps CausalAttention::project(const TensorView& x) const {
  require_tokens("CausalAttention", x, query_.in_features());
  require_context("CausalAttention", x, context_length_);
  AttentionSteps steps;
  steps.query = query_.forward(x);
  steps.key = key_.forward(x);
  steps.value = value_.forward(x);
  return steps;
}

Tensor CausalAttention::forward(const TensorView& x) const {
  return context_of(project(x), Future::hidden);
}

Tensor CausalAttention::forward(const TensorView& x, Generator& generator) const {
  return std::move(steps(x, generator).context);
}

AttentionSteps CausalAttention::steps(const TensorView& x) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::hidden);
  return steps;
}

AttentionSteps CausalAttention::steps(const TensorView& x, Generator& generator) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::hidden, {&dropout_, &generator});
  return steps;
}

}  // namespace fovea::nn
