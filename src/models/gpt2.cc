// GPT-2 and its like: learned positions, LayerNorm before each part, GELU, weights stored as
// [in, out], query, key and value in one matrix.
// Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
#include <fmt/format.h>

#include <algorithm>
#include <array>
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
  nn::LayerNorm attention_norm;
  WeightMatrix query_key_value, output;
  nn::LayerNorm feed_forward_norm;
  WeightMatrix in, out;
};

class Gpt2 final : public Model {
 public:
  Gpt2(ModelFacts facts, const ModelFiles& files);

 protected:
  Tensor run(std::span<const std::int32_t> ids, const Forward& how) const override;
  Tensor run_logits(const TensorView& hidden, int threads) const override;
  Tensor run_head_writes(std::int64_t layer, const TensorView& output) const override;
  std::optional<HeadProjection> run_head_projection(std::int64_t layer,
                                                    std::int64_t head) const override;

 private:
  Layer read_layer(const ModelFiles& files, std::int64_t index) const;
  nn::LayerNorm read_norm(const ModelFiles& files, const std::string& name) const;
  void attention(const Layer& layer, const LayerCall& call, Tensor& hidden) const;
  void feed_forward(const Layer& layer, int threads, Tensor& hidden) const;

  std::shared_ptr<const formats::Checkpoint> weights_;  // what the matrices lie in
  std::string prefix_;
  double epsilon_;
  nn::Gelu gelu_;
  WeightMatrix embedding_;
  WeightMatrix positions_;
  std::vector<Layer> layers_;
  nn::LayerNorm final_norm_;
  WeightMatrix head_;
};

// A model saved with its head has its own tensors under "transformer.".
std::string prefix_of(const ModelFiles& files) {
  return files.weights->find("transformer.wte.weight") == nullptr ? "" : "transformer.";
}

Gpt2::Gpt2(ModelFacts facts, const ModelFiles& files)
    : Model(std::move(facts), read_tokenizer(files)),
      weights_(files.weights),
      prefix_(prefix_of(files)),
      epsilon_(read_norm_epsilon(files, "layer_norm_epsilon", 1e-5)),
      gelu_(read_gelu(files, "activation_function", "gelu_new")),
      final_norm_(read_norm(files, "ln_f")) {
  const ModelFacts& sizes = this->facts();
  const Shape table{sizes.vocabulary, sizes.hidden_size};
  const formats::StoredTensor& embedding = files.tensor(prefix_ + "wte.weight", table);
  embedding_ = WeightMatrix(embedding);
  positions_ =
      WeightMatrix(files.tensor(prefix_ + "wpe.weight", {sizes.context_length, sizes.hidden_size}));
  for (std::int64_t i = 0; i < sizes.layers; ++i) layers_.push_back(read_layer(files, i));
  // Without a head of its own the embeddings are the head ("tied").
  const formats::StoredTensor* head = head_of(files, "lm_head.weight", table);
  head_ = WeightMatrix(head == nullptr ? embedding : *head);
  // Masks, which older files hold.
  files.require_all_used({".attn.bias", ".attn.masked_bias"});
}

nn::LayerNorm Gpt2::read_norm(const ModelFiles& files, const std::string& name) const {
  const Shape size{facts().hidden_size};
  return {files.floats(fmt::format("{}{}.weight", prefix_, name), size),
          files.floats(fmt::format("{}{}.bias", prefix_, name), size), epsilon_};
}

Layer Gpt2::read_layer(const ModelFiles& files, std::int64_t index) const {
  const std::string prefix = fmt::format("{}h.{}.", prefix_, index);
  const auto matrix = [&](std::string_view name, std::int64_t in, std::int64_t out) {
    const formats::StoredTensor& weight =
        files.tensor(fmt::format("{}{}.weight", prefix, name), {in, out});
    require_plain_numbers(files, weight);
    return WeightMatrix(weight, &files.tensor(fmt::format("{}{}.bias", prefix, name), {out}),
                        WeightAxes::in_out);
  };
  const auto norm = [&](std::string_view name) {
    return read_norm(files, fmt::format("h.{}.{}", index, name));
  };
  const std::int64_t hidden = facts().hidden_size;
  const std::int64_t inner = facts().feed_forward_size;
  return {.attention_norm = norm("ln_1"),
          .query_key_value = matrix("attn.c_attn", hidden, 3 * hidden),
          .output = matrix("attn.c_proj", hidden, hidden),
          .feed_forward_norm = norm("ln_2"),
          .in = matrix("mlp.c_fc", hidden, inner),
          .out = matrix("mlp.c_proj", inner, hidden)};
}

// [tokens, 3 · size] to three of [tokens, size].
Projected split(const Tensor& joined) {
  const std::int64_t size = joined.size(1) / 3;
  const auto part = [&](std::int64_t index) {
    return Tensor::copy_of(joined.view().sliced(1, index * size, size));
  };
  return {.query = part(0), .key = part(1), .value = part(2)};
}

void Gpt2::attention(const Layer& layer, const LayerCall& call, Tensor& hidden) const {
  const int threads = resolve_threads(call.how.threads, "forward");
  const Tensor input = layer.attention_norm.forward(hidden);
  LayerCall with_input = call;
  with_input.input = input;
  const Tensor heads =
      attend_layer(with_input, split(layer.query_key_value.multiply(input, threads)));
  add_to(hidden, layer.output.multiply(heads, threads), threads);
}

void Gpt2::feed_forward(const Layer& layer, int threads, Tensor& hidden) const {
  Tensor inner = layer.in.multiply(layer.feed_forward_norm.forward(hidden).view(), threads);
  for_each_row(inner, threads, [&](std::int64_t /*row*/, std::span<float> numbers) noexcept {
    nn::gelu(gelu_, numbers);
  });
  add_to(hidden, layer.out.multiply(inner, threads), threads);
}

Tensor Gpt2::run(std::span<const std::int32_t> ids, const Forward& how) const {
  weights_->file().require_whole();
  const int threads = resolve_threads(how.threads, "forward");
  const std::int64_t before = how.context == nullptr ? 0 : how.context->tokens();
  Tensor hidden = look_up(embedding_, ids);
  add_to(hidden, look_up(positions_, positions_from(before, ids.size())), threads);
  if (how.on_hidden) how.on_hidden(0, hidden);
  for (std::int64_t i = 0; i < facts().layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    require_going_on(how.stop);
    attention(layer, {facts(), how, i, nullptr, {}}, hidden);
    feed_forward(layer, threads, hidden);
    if (how.on_hidden) how.on_hidden(i + 1, hidden);
  }
  return final_norm_.forward(hidden);
}

Tensor Gpt2::run_logits(const TensorView& hidden, int threads) const {
  const Tensor rows = Tensor::copy_of(hidden);
  return head_.multiply(rows, resolve_threads(threads, "logits"));
}

Tensor Gpt2::run_head_writes(std::int64_t layer, const TensorView& output) const {
  return write_heads(layers_[static_cast<std::size_t>(layer)].output, output);
}

// The key's outputs follow the query's.
std::optional<HeadProjection> Gpt2::run_head_projection(std::int64_t layer,
                                                        std::int64_t head) const {
  const WeightMatrix& both = layers_[static_cast<std::size_t>(layer)].query_key_value;
  return projection_of({both, head}, {both, facts().query_heads + head}, facts().head_size);
}

// What changes the arithmetic and is not GPT-2's own.
void refuse_variants(const ModelFiles& files) {
  const std::array variants{
      std::pair{"scale_attn_weights is false", !files.flag_or("scale_attn_weights", true)},
      std::pair{"scale_attn_by_inverse_layer_idx is true",
                files.flag_or("scale_attn_by_inverse_layer_idx", false)},
      std::pair{"add_cross_attention is true", files.flag_or("add_cross_attention", false)}};
  for (const auto& [what, is_so] : variants) {
    if (!is_so) continue;
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: config.json: {}; fovea reads GPT-2 models without it",
                            files.weights->name(), what));
  }
}

ModelFacts read_facts(const ModelFiles& files) {
  ModelFacts facts{.family = "gpt2", .name = model_name(files), .origin = files.path};
  facts.layers = files.integer("", "n_layer", 1, kMostLayers);
  facts.query_heads = files.integer("", "n_head", 1, kMostHeads);
  facts.key_heads = facts.query_heads;
  facts.hidden_size = files.integer("", "n_embd", 1, kMostSize);
  facts.head_size = head_size_of(files, facts);
  facts.feed_forward_size = files.integer_or("", "n_inner", 4 * facts.hidden_size, 1, kMostSize);
  facts.context_length = files.integer("", "n_positions", 1, kMostContext);
  facts.vocabulary = embedding_rows(files, prefix_of(files) + "wte.weight");
  facts.parameters = parameter_count(files);
  facts.weights = stored_types(files);
  facts.is_causal = true;
  facts.has_logits = true;
  return facts;
}

}  // namespace

std::unique_ptr<Model> load_gpt2(const ModelFiles& files) {
  require_safetensors(files);
  refuse_variants(files);
  return std::make_unique<Gpt2>(read_facts(files), files);
}

}  // namespace fovea::models
