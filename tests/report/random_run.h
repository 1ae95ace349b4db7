// Layers of random queries, keys and values, shown to an Explainer: a run without a model.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/report/explainer.h"

namespace fovea::report {

struct RandomRun {
  std::int64_t layers = 1;
  std::int64_t heads = 2;
  std::int64_t key_heads = 1;
  std::int64_t head_size = 8;
  std::int64_t tokens = 12;
  bool is_causal = true;
  std::string token = "a";
  KeepOptions keep = {};
  /// Changes a layer's question before it is asked.
  std::function<void(Attention&)> change = [](Attention&) {};
  /// Says more of a layer before it is shown.
  std::function<void(models::LayerAttention&)> add = [](models::LayerAttention&) {};
};

inline models::ModelFacts facts_of(const RandomRun& run) {
  models::ModelFacts facts;
  facts.family = facts.name = facts.origin = "random";
  facts.layers = run.layers;
  facts.query_heads = run.heads;
  facts.key_heads = run.key_heads;
  facts.head_size = run.head_size;
  facts.hidden_size = run.heads * run.head_size;
  facts.is_causal = run.is_causal;
  return facts;
}

inline Tensor random_heads(std::int64_t heads, const RandomRun& run, Generator& generator) {
  return randn({1, heads, run.tokens, run.head_size}, generator);
}

/// What an Explainer says of it. `shown` sees each layer's question and answer.
inline Explanation explain_random(
    const RandomRun& run, const std::function<void(const models::LayerAttention&)>& shown =
                              [](const models::LayerAttention&) {}) {
  std::vector<ExplainedToken> tokens;
  for (std::int64_t i = 0; i < run.tokens; ++i) {
    tokens.push_back(
        {.id = static_cast<std::int32_t>(i % 7), .text = run.token, .piece = run.token});
  }
  Generator generator(7);
  Explainer explainer(facts_of(run), std::move(tokens), {.keep = run.keep});
  for (std::int64_t layer = 0; layer < run.layers; ++layer) {
    const Tensor query = random_heads(run.heads, run, generator);
    const Tensor key = random_heads(run.key_heads, run, generator);
    const Tensor value = random_heads(run.key_heads, run, generator);
    Attention question{.query = query, .key = key, .value = value, .causal = run.is_causal};
    run.change(question);
    const Attended answer = attend(question, explainer.observe(layer));
    models::LayerAttention seen{.layer = layer, .question = question, .answer = answer};
    run.add(seen);
    explainer.take(seen);
    shown(seen);
  }
  return explainer.finish("a text");
}

}  // namespace fovea::report
