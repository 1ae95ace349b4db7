// BERT and its like (MiniLM): learned positions and segments, LayerNorm after each part, GELU, every
// token sees all.
// Source: Devlin et al. 2018, arXiv:1810.04805.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/parallel.h"
#include "fovea/core/printable.h"
#include "fovea/nn/feed_forward.h"
#include "fovea/nn/layer_norm.h"
#include "models/attention_layer.h"
#include "models/config_facts.h"
#include "models/families.h"
#include "models/head_projection.h"
#include "models/residual.h"
#include "models/weight_matrix.h"

namespace fovea::models {
namespace {

struct Layer {
  WeightMatrix query, key, value, output;
  nn::LayerNorm attention_norm;
  WeightMatrix in, out;
  nn::LayerNorm feed_forward_norm;
};

class Bert final : public Model {
 public:
  Bert(ModelFacts facts, const ModelFiles& files);

 protected:
  Tensor run(std::span<const std::int32_t> ids, const Forward& how) const override;
  Tensor run_head_writes(std::int64_t layer, const TensorView& output) const override;
  std::optional<HeadProjection> run_head_projection(std::int64_t layer,
                                                    std::int64_t head) const override;

 private:
  Layer read_layer(const ModelFiles& files, std::int64_t index) const;
  nn::LayerNorm read_norm(const ModelFiles& files, std::string_view name) const;
  Tensor embed(std::span<const std::int32_t> ids, int threads) const;
  Tensor attention(const Layer& layer, const LayerCall& call, Tensor hidden) const;
  Tensor feed_forward(const Layer& layer, int threads, Tensor hidden) const;

  std::shared_ptr<const formats::Checkpoint> weights_;  // what the matrices lie in
  std::string prefix_;
  double epsilon_;
  nn::Gelu gelu_;
  WeightMatrix words_;
  WeightMatrix positions_;
  WeightMatrix segments_;
  nn::LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
};

// A model saved with a head has its own tensors under "bert.".
std::string prefix_of(const ModelFiles& files) {
  return files.weights->find("bert.embeddings.word_embeddings.weight") == nullptr ? "" : "bert.";
}

// Heads for other tasks, whatever they are called: this family's own tensors all bear the prefix.
void pass_over_heads(const ModelFiles& files, const std::string& prefix) {
  for (const formats::StoredTensor& tensor : files.weights->tensors()) {
    if (!tensor.name.starts_with(prefix)) files.used.insert(tensor.name);
  }
}

Bert::Bert(ModelFacts facts, const ModelFiles& files)
    : Model(std::move(facts), read_tokenizer(files)),
      weights_(files.weights),
      prefix_(prefix_of(files)),
      epsilon_(read_norm_epsilon(files, "layer_norm_eps", 1e-12)),
      gelu_(read_gelu(files, "hidden_act", "gelu")),
      embedding_norm_(read_norm(files, "embeddings.LayerNorm")) {
  const ModelFacts& sizes = this->facts();
  const auto table = [&](std::string_view name, std::int64_t rows) {
    return WeightMatrix(files.tensor(fmt::format("{}embeddings.{}.weight", prefix_, name),
                                     {rows, sizes.hidden_size}));
  };
  words_ = table("word_embeddings", sizes.vocabulary);
  positions_ = table("position_embeddings", sizes.context_length);
  segments_ =
      table("token_type_embeddings", files.integer_or("", "type_vocab_size", 2, 1, kMostSize));
  for (std::int64_t i = 0; i < sizes.layers; ++i) layers_.push_back(read_layer(files, i));
  pass_over_heads(files, prefix_);
  files.require_all_used({"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"});
}

nn::LayerNorm Bert::read_norm(const ModelFiles& files, std::string_view name) const {
  const Shape size{facts().hidden_size};
  return {files.floats(fmt::format("{}{}.weight", prefix_, name), size),
          files.floats(fmt::format("{}{}.bias", prefix_, name), size), epsilon_};
}

Layer Bert::read_layer(const ModelFiles& files, std::int64_t index) const {
  const auto name = [&](std::string_view part) {
    return fmt::format("encoder.layer.{}.{}", index, part);
  };
  const auto matrix = [&](std::string_view part, std::int64_t out, std::int64_t in) {
    const formats::StoredTensor& weight =
        files.tensor(fmt::format("{}{}.weight", prefix_, name(part)), {out, in});
    return WeightMatrix(weight,
                        &files.tensor(fmt::format("{}{}.bias", prefix_, name(part)), {out}));
  };
  const std::int64_t hidden = facts().hidden_size;
  const std::int64_t inner = facts().feed_forward_size;
  return {.query = matrix("attention.self.query", hidden, hidden),
          .key = matrix("attention.self.key", hidden, hidden),
          .value = matrix("attention.self.value", hidden, hidden),
          .output = matrix("attention.output.dense", hidden, hidden),
          .attention_norm = read_norm(files, name("attention.output.LayerNorm")),
          .in = matrix("intermediate.dense", inner, hidden),
          .out = matrix("output.dense", hidden, inner),
          .feed_forward_norm = read_norm(files, name("output.LayerNorm"))};
}

// Word, position and segment, all tokens in the first segment.
Tensor Bert::embed(std::span<const std::int32_t> ids, int threads) const {
  Tensor hidden = look_up(words_, ids);
  add_to(hidden, look_up(segments_, std::vector<std::int32_t>(ids.size(), 0)), threads);
  add_to(hidden, look_up(positions_, positions_from(0, ids.size())), threads);
  return embedding_norm_.forward(hidden);
}

Tensor Bert::attention(const Layer& layer, const LayerCall& call, Tensor hidden) const {
  const int threads = resolve_threads(call.how.threads, "forward");
  LayerCall with_input = call;
  with_input.input = hidden;
  const Tensor heads = attend_layer(with_input, {.query = layer.query.multiply(hidden, threads),
                                                 .key = layer.key.multiply(hidden, threads),
                                                 .value = layer.value.multiply(hidden, threads)});
  add_to(hidden, layer.output.multiply(heads, threads), threads);
  return layer.attention_norm.forward(hidden);
}

Tensor Bert::feed_forward(const Layer& layer, int threads, Tensor hidden) const {
  Tensor inner = layer.in.multiply(hidden, threads);
  for_each_row(inner, threads, [&](std::int64_t /*row*/, std::span<float> numbers) noexcept {
    nn::gelu(gelu_, numbers);
  });
  add_to(hidden, layer.out.multiply(inner, threads), threads);
  return layer.feed_forward_norm.forward(hidden);
}

Tensor Bert::run(std::span<const std::int32_t> ids, const Forward& how) const {
  weights_->file().require_whole();
  const int threads = resolve_threads(how.threads, "forward");
  Tensor hidden = embed(ids, threads);
  if (how.on_hidden) how.on_hidden(0, hidden);
  for (std::int64_t i = 0; i < facts().layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    require_going_on(how.stop);
    hidden = attention(layer, {facts(), how, i, nullptr, {}}, std::move(hidden));
    hidden = feed_forward(layer, threads, std::move(hidden));
    if (how.on_hidden) how.on_hidden(i + 1, hidden);
  }
  return hidden;
}

Tensor Bert::run_head_writes(std::int64_t layer, const TensorView& output) const {
  return write_heads(layers_[static_cast<std::size_t>(layer)].output, output);
}

std::optional<HeadProjection> Bert::run_head_projection(std::int64_t layer,
                                                        std::int64_t head) const {
  const Layer& from = layers_[static_cast<std::size_t>(layer)];
  return projection_of({from.query, head}, {from.key, head}, facts().head_size);
}

// What changes the arithmetic and is not BERT's own.
void refuse_variants(const ModelFiles& files) {
  const std::string positions = files.text_or("position_embedding_type", "absolute");
  if (positions != "absolute") {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: config.json: position_embedding_type is {}; fovea reads BERT "
                            "models with absolute positions",
                            files.weights->name(), in_quotes(positions)));
  }
  if (!files.flag_or("is_decoder", false)) return;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: config.json: is_decoder is true; fovea reads BERT models that are "
                          "encoders",
                          files.weights->name()));
}

ModelFacts read_facts(const ModelFiles& files) {
  ModelFacts facts{.family = "bert", .name = model_name(files), .origin = files.path};
  facts.layers = files.integer("", "num_hidden_layers", 1, kMostLayers);
  facts.query_heads = files.integer("", "num_attention_heads", 1, kMostHeads);
  facts.key_heads = facts.query_heads;
  facts.hidden_size = files.integer("", "hidden_size", 1, kMostSize);
  facts.head_size = head_size_of(files, facts);
  facts.feed_forward_size = files.integer("", "intermediate_size", 1, kMostSize);
  facts.context_length = files.integer("", "max_position_embeddings", 1, kMostContext);
  facts.vocabulary = embedding_rows(files, prefix_of(files) + "embeddings.word_embeddings.weight");
  facts.parameters = parameter_count(files);
  facts.weights = stored_types(files);
  return facts;
}

}  // namespace

std::unique_ptr<Model> load_bert(const ModelFiles& files) {
  require_safetensors(files);
  refuse_variants(files);
  return std::make_unique<Bert>(read_facts(files), files);
}

}  // namespace fovea::models
