// What all models share: checks at the boundary, the Context, the sentence vector.
#include "fovea/models/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "fovea/core/error.h"

namespace fovea::models {
namespace {

void require_decoder(const ModelFacts& facts, std::string_view what) {
  if (facts.is_causal) return;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: a {} model is an encoder; a decoder is wanted", what, facts.family));
}

void require_matrix(std::string_view what, const TensorView& view, std::int64_t columns) {
  if (view.given() && view.dtype() == DType::f32 && view.rank() == 2 && view.size(1) == columns) {
    return;
  }
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{} is {} {}; f32 [..., {}] is wanted", what, name_of(view.dtype()),
                          to_string(view.shape()), columns));
}

void require_ids(const ModelFacts& facts, std::span<const std::int32_t> ids, std::int64_t before) {
  if (ids.empty()) {
    throw Error(ErrorKind::invalid_argument, "forward: no tokens given; at least one is wanted");
  }
  for (const std::int32_t id : ids) {
    if (id >= 0 && id < facts.vocabulary) continue;
    throw Error(ErrorKind::invalid_argument,
                fmt::format("forward: token id {} given; the vocabulary has 0 to {}", id,
                            facts.vocabulary - 1));
  }
  const auto count = static_cast<std::int64_t>(ids.size());
  if (before + count <= facts.context_length) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("forward: {} tokens{}; the model takes at most {}", before + count,
                          before > 0 ? fmt::format(" ({} of them before)", before) : "",
                          facts.context_length));
}

void require_context(const ModelFacts& facts, const Context& context) {
  require_decoder(facts, "forward: context");
  if (static_cast<std::int64_t>(context.layers.size()) == facts.layers) return;
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("forward: the context has {} layers, the model {}; make_context makes one "
                  "that fits",
                  context.layers.size(), facts.layers));
}

}  // namespace

void Context::truncate(std::int64_t tokens) {
  for (KvCache& layer : layers) layer.truncate(tokens);
}

Model::Model(ModelFacts facts, std::unique_ptr<tokenize::Tokenizer> tokenizer)
    : facts_(std::move(facts)), tokenizer_(std::move(tokenizer)) {}

Model::~Model() = default;

const tokenize::Tokenizer& Model::tokenizer() const {
  if (tokenizer_ != nullptr) return *tokenizer_;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: the model came without a tokenizer; in the GGUF, or beside it, "
                          "a tokenizer.json or vocabulary files are wanted",
                          facts_.origin));
}

std::string Model::text_of(std::span<const std::int32_t> ids) const {
  std::vector<std::int32_t> known;
  std::ranges::copy_if(ids, std::back_inserter(known),
                       [&](std::int32_t id) { return id < tokenizer().size(); });
  return tokenizer().decode(known);
}

Context Model::make_context(std::int64_t tokens) const {
  require_decoder(facts_, "make_context");
  const KvCacheSizes sizes{.batch = 1,
                           .key_heads = facts_.key_heads,
                           .head_size = facts_.head_size,
                           .value_size = facts_.head_size};
  Context context;
  for (std::int64_t layer = 0; layer < facts_.layers; ++layer) {
    context.layers.emplace_back(sizes, DType::f32, tokens);
  }
  return context;
}

Tensor Model::forward(std::span<const std::int32_t> ids, const Forward& how) const {
  if (how.context != nullptr) require_context(facts_, *how.context);
  const std::int64_t before = how.context == nullptr ? 0 : how.context->tokens();
  require_ids(facts_, ids, before);
  try {
    return run(ids, how);
  } catch (...) {
    // Layers before the one that failed have grown already.
    if (how.context != nullptr) how.context->truncate(before);
    throw;
  }
}

Tensor Model::logits(const TensorView& hidden, int threads) const {
  if (!facts_.has_logits) {
    throw Error(ErrorKind::unsupported,
                fmt::format("logits: a {} model guesses no next token", facts_.family));
  }
  require_matrix("logits: hidden", hidden, facts_.hidden_size);
  return run_logits(hidden, threads);
}

Tensor Model::run_logits(const TensorView& /*hidden*/, int /*threads*/) const {
  throw Error(ErrorKind::unsupported,
              fmt::format("logits: the {} family computes none", facts_.family));
}

Tensor Model::head_writes(std::int64_t layer, const TensorView& output) const {
  if (layer < 0 || layer >= facts_.layers) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("head_writes: layer is {}; there are {}", layer, facts_.layers));
  }
  require_matrix("head_writes: output", output, facts_.head_size);
  if (output.size(0) != facts_.query_heads) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("head_writes: output has {} heads; {} are wanted", output.size(0),
                            facts_.query_heads));
  }
  return run_head_writes(layer, output);
}

std::optional<HeadProjection> Model::head_projection(std::int64_t layer, std::int64_t head) const {
  if (layer >= 0 && layer < facts_.layers && head >= 0 && head < facts_.query_heads)
    return run_head_projection(layer, head);
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("head_projection: layer {}, head {} given; there are {} layers of {} heads",
                  layer, head, facts_.layers, facts_.query_heads));
}

std::optional<HeadProjection> Model::run_head_projection(std::int64_t /*layer*/,
                                                         std::int64_t /*head*/) const {
  return std::nullopt;
}

Tensor sentence_vector(const TensorView& hidden) {
  if (!hidden.given() || hidden.dtype() != DType::f32 || hidden.rank() != 2 || hidden.size(0) < 1) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("sentence_vector: hidden is {} {}; f32 [tokens, hidden_size] is wanted",
                            name_of(hidden.dtype()), to_string(hidden.shape())));
  }
  std::vector<double> mean(static_cast<std::size_t>(hidden.size(1)));
  double squares = 0;
  for (std::int64_t i = 0; i < hidden.size(1); ++i) {
    double& entry = mean[static_cast<std::size_t>(i)];
    for (std::int64_t t = 0; t < hidden.size(0); ++t)
      entry += static_cast<double>(hidden.at<float>(t, i));
    entry /= static_cast<double>(hidden.size(0));
    squares += entry * entry;
  }
  Tensor vector = Tensor::uninitialized(DType::f32, {hidden.size(1)});
  // As torch's normalize: a vector of zeros stays one.
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (std::size_t i = 0; i < mean.size(); ++i)
    vector.values<float>()[i] = static_cast<float>(mean[i] / length);
  return vector;
}

}  // namespace fovea::models
