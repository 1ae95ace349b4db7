// From projections to the heads' joined answers.
#include "models/attention_layer.h"

#include <algorithm>
#include <utility>

#include "fovea/engine/attend.h"

namespace fovea::models {
namespace {

// What the question's views look at besides `projected`.
struct Turned {
  Tensor query;
  Tensor key;
};

Attended answer(const LayerCall& call, const Attention& question) {
  const Execution execution{.threads = call.how.threads, .stop = call.how.stop};
  if (!call.how.observe) return attend(question, execution);
  return attend(question, call.how.observe(call.layer), execution);
}

// [1, heads, tokens, size] as [tokens, heads · size].
Tensor join_heads(const Tensor& output) {
  const std::int64_t heads = output.size(1);
  const std::int64_t tokens = output.size(2);
  const std::int64_t size = output.size(3);
  Tensor joined = Tensor::uninitialized(DType::f32, {tokens, heads * size});
  const auto from = output.values<float>().begin();
  const auto to = joined.values<float>().begin();
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t h = 0; h < heads; ++h)
      std::copy_n(from + (h * tokens + t) * size, size, to + (t * heads + h) * size);
  }
  return joined;
}

}  // namespace

TensorView as_heads(const TensorView& joined, std::int64_t heads) {
  const std::int64_t tokens = joined.size(0);
  const std::int64_t size = joined.size(1) / heads;
  return {static_cast<const float*>(joined.data()),
          {1, heads, tokens, size},
          {joined.element_count(), size, joined.size(1), 1}};
}

Tensor attend_layer(const LayerCall& call, const Projected& projected) {
  const ModelFacts& facts = call.facts;
  Context* const context = call.how.context;
  const TensorView plain_query = as_heads(projected.query, facts.query_heads);
  const TensorView plain_key = as_heads(projected.key, facts.key_heads);
  Attention question{.query = plain_query,
                     .key = plain_key,
                     .value = as_heads(projected.value, facts.key_heads),
                     .causal = facts.is_causal};
  Turned turned;
  if (call.rope != nullptr) {
    // The context grows layer by layer, so this layer's own cache says where the tokens stand.
    const std::int64_t first =
        context == nullptr ? 0 : context->layers[static_cast<std::size_t>(call.layer)].tokens();
    turned = {call.rope->forward(plain_query, first), call.rope->forward(plain_key, first)};
    question.query = turned.query;
    question.key = turned.key;
  }
  if (context != nullptr) {
    KvCache& cache = context->layers[static_cast<std::size_t>(call.layer)];
    cache.append(question.key, question.value);
    question.key = {};
    question.packed_key = cache.packed_key();
    question.value = cache.value();
  }
  const Attended attended = answer(call, question);
  if (call.how.on_attention) {
    LayerAttention shown{
        .layer = call.layer, .question = question, .answer = attended, .input = call.input};
    if (call.rope != nullptr) {
      shown.rope = &*facts.rope;
      shown.query_before_rope = plain_query;
      shown.key_before_rope = plain_key;
    }
    call.how.on_attention(shown);
  }
  return join_heads(attended.output);
}

}  // namespace fovea::models
