// Llama and its like (SmolLM2, TinyLlama, ...): RMSNorm before each part, RoPE, key heads shared by
// groups of query heads, SwiGLU.
// Source: Touvron et al. 2023, arXiv:2302.13971; Ainslie et al. 2023, arXiv:2305.13245.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/parallel.h"
#include "fovea/core/printable.h"
#include "fovea/nn/feed_forward.h"
#include "fovea/nn/rms_norm.h"
#include "models/attention_layer.h"
#include "models/config_facts.h"
#include "models/families.h"
#include "models/head_projection.h"
#include "models/residual.h"
#include "models/weight_matrix.h"

namespace fovea::models {
namespace {

// Angles that are kept; a longer text computes its own.
constexpr std::int64_t kKeptPositions = 8192;

// What the files call a layer's tensors.
struct Names {
  std::string_view embedding, layer, attention_norm, query, key, value, output, feed_forward_norm,
      gate, up, down, final_norm, head;
};
constexpr Names kGgufNames{"token_embd", "blk.{}.",     "attn_norm", "attn_q",   "attn_k",
                           "attn_v",     "attn_output", "ffn_norm",  "ffn_gate", "ffn_up",
                           "ffn_down",   "output_norm", "output"};
constexpr Names kTransformersNames{"model.embed_tokens",
                                   "model.layers.{}.",
                                   "input_layernorm",
                                   "self_attn.q_proj",
                                   "self_attn.k_proj",
                                   "self_attn.v_proj",
                                   "self_attn.o_proj",
                                   "post_attention_layernorm",
                                   "mlp.gate_proj",
                                   "mlp.up_proj",
                                   "mlp.down_proj",
                                   "model.norm",
                                   "lm_head"};

struct Layer {
  nn::RmsNorm attention_norm;
  WeightMatrix query, key, value, output;
  nn::RmsNorm feed_forward_norm;
  WeightMatrix gate, up, down;
};

class Llama final : public Model {
 public:
  Llama(ModelFacts facts, const ModelFiles& files);

 protected:
  Tensor run(std::span<const std::int32_t> ids, const Forward& how) const override;
  Tensor run_logits(const TensorView& hidden, int threads) const override;
  Tensor run_head_writes(std::int64_t layer, const TensorView& output) const override;
  std::optional<HeadProjection> run_head_projection(std::int64_t layer,
                                                    std::int64_t head) const override;

 private:
  Layer read_layer(const ModelFiles& files, std::int64_t index) const;
  void attention(const Layer& layer, const LayerCall& call, Tensor& hidden) const;
  void feed_forward(const Layer& layer, int threads, Tensor& hidden) const;

  std::shared_ptr<const formats::Checkpoint> weights_;  // what the matrices lie in
  Names names_;
  double epsilon_;
  nn::Rope rope_;
  WeightMatrix embedding_;
  std::vector<Layer> layers_;
  std::optional<nn::RmsNorm> final_norm_;
  WeightMatrix head_;
};

nn::Rope make_rope(const ModelFacts& facts, std::int64_t positions) {
  return {facts.head_size, facts.rope->base, facts.rope->layout, positions};
}

double read_epsilon(const ModelFiles& files) {
  const double epsilon = files.real_or("attention.layer_norm_rms_epsilon", "rms_norm_eps", 1e-6);
  if (epsilon > 0 && epsilon < 1) return epsilon;
  throw Error(ErrorKind::format,
              fmt::format("{}: the norm's epsilon is {}; a number between 0 and 1 is wanted",
                          files.weights->name(), epsilon));
}

Llama::Llama(ModelFacts facts, const ModelFiles& files)
    : Model(std::move(facts), read_tokenizer(files)),
      weights_(files.weights),
      names_(files.is_gguf() ? kGgufNames : kTransformersNames),
      epsilon_(read_epsilon(files)),
      rope_(make_rope(this->facts(), std::min(kKeptPositions, this->facts().context_length))) {
  const ModelFacts& sizes = this->facts();
  const Shape table{sizes.vocabulary, sizes.hidden_size};
  embedding_ = WeightMatrix(files.tensor(fmt::format("{}.weight", names_.embedding), table));
  for (std::int64_t i = 0; i < sizes.layers; ++i) layers_.push_back(read_layer(files, i));
  final_norm_.emplace(
      files.floats(fmt::format("{}.weight", names_.final_norm), {sizes.hidden_size}), epsilon_);
  // Without a head of its own the embeddings are the head ("tied").
  const formats::StoredTensor* head = head_of(files, fmt::format("{}.weight", names_.head), table);
  head_ = head == nullptr
              ? WeightMatrix(files.tensor(fmt::format("{}.weight", names_.embedding), table))
              : WeightMatrix(*head);
  files.require_all_used({".rotary_emb.inv_freq"});
}

Layer Llama::read_layer(const ModelFiles& files, std::int64_t index) const {
  const ModelFacts& sizes = facts();
  const std::string prefix = fmt::format(fmt::runtime(names_.layer), index);
  const auto matrix = [&](std::string_view name, std::int64_t out, std::int64_t in) {
    return WeightMatrix(files.tensor(fmt::format("{}{}.weight", prefix, name), {out, in}),
                        files.optional_tensor(fmt::format("{}{}.bias", prefix, name), {out}));
  };
  const auto norm = [&](std::string_view name) {
    return nn::RmsNorm(files.floats(fmt::format("{}{}.weight", prefix, name), {sizes.hidden_size}),
                       epsilon_);
  };
  const std::int64_t hidden = sizes.hidden_size;
  const std::int64_t query = sizes.query_heads * sizes.head_size;
  const std::int64_t key = sizes.key_heads * sizes.head_size;
  return {.attention_norm = norm(names_.attention_norm),
          .query = matrix(names_.query, query, hidden),
          .key = matrix(names_.key, key, hidden),
          .value = matrix(names_.value, key, hidden),
          .output = matrix(names_.output, hidden, query),
          .feed_forward_norm = norm(names_.feed_forward_norm),
          .gate = matrix(names_.gate, sizes.feed_forward_size, hidden),
          .up = matrix(names_.up, sizes.feed_forward_size, hidden),
          .down = matrix(names_.down, hidden, sizes.feed_forward_size)};
}

void Llama::attention(const Layer& layer, const LayerCall& call, Tensor& hidden) const {
  const int threads = resolve_threads(call.how.threads, "forward");
  const Tensor input = layer.attention_norm.forward(hidden);
  LayerCall with_input = call;
  with_input.input = input;
  const Tensor heads = attend_layer(with_input, {.query = layer.query.multiply(input, threads),
                                                 .key = layer.key.multiply(input, threads),
                                                 .value = layer.value.multiply(input, threads)});
  add_to(hidden, layer.output.multiply(heads, threads), threads);
}

void Llama::feed_forward(const Layer& layer, int threads, Tensor& hidden) const {
  const Tensor input = layer.feed_forward_norm.forward(hidden);
  Tensor gate = layer.gate.multiply(input, threads);
  const Tensor up = layer.up.multiply(input, threads);
  for_each_row(gate, threads, [&](std::int64_t row, std::span<float> numbers) noexcept {
    const auto size = numbers.size();
    nn::silu_times(numbers, up.values<float>().subspan(static_cast<std::size_t>(row) * size, size));
  });
  add_to(hidden, layer.down.multiply(gate, threads), threads);
}

Tensor Llama::run(std::span<const std::int32_t> ids, const Forward& how) const {
  weights_->file().require_whole();
  const int threads = resolve_threads(how.threads, "forward");
  const std::int64_t before = how.context == nullptr ? 0 : how.context->tokens();
  const auto tokens = static_cast<std::int64_t>(ids.size());
  std::optional<nn::Rope> long_rope;
  if (before + tokens > kKeptPositions) long_rope.emplace(make_rope(facts(), before + tokens));
  Tensor hidden = look_up(embedding_, ids);
  if (how.on_hidden) how.on_hidden(0, hidden);
  for (std::int64_t i = 0; i < facts().layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    require_going_on(how.stop);
    attention(layer, {facts(), how, i, long_rope ? &*long_rope : &rope_, {}}, hidden);
    feed_forward(layer, threads, hidden);
    if (how.on_hidden) how.on_hidden(i + 1, hidden);
  }
  return final_norm_->forward(hidden);
}

Tensor Llama::run_logits(const TensorView& hidden, int threads) const {
  const Tensor rows = Tensor::copy_of(hidden);
  return head_.multiply(rows, resolve_threads(threads, "logits"));
}

Tensor Llama::run_head_writes(std::int64_t layer, const TensorView& output) const {
  return write_heads(layers_[static_cast<std::size_t>(layer)].output, output);
}

std::optional<HeadProjection> Llama::run_head_projection(std::int64_t layer,
                                                         std::int64_t head) const {
  const Layer& from = layers_[static_cast<std::size_t>(layer)];
  const std::int64_t key_head = head / (facts().query_heads / facts().key_heads);
  return projection_of({from.query, head}, {from.key, key_head}, facts().head_size);
}

// What config.json says of its RoPE, under either of the names that it has had.
bool is_plain(const nlohmann::json& rope) {
  if (rope.is_null()) return true;
  if (!rope.is_object()) return false;
  const bool has_type = rope.contains("rope_type") || rope.contains("type");
  if (!has_type && rope.contains("factor")) return false;
  if (rope.value("partial_rotary_factor", nlohmann::json(1)) != 1) return false;
  return rope.value("rope_type", nlohmann::json("default")) == "default" &&
         rope.value("type", nlohmann::json("default")) == "default";
}

// As llama.cpp reads it: a factor alone means linear scaling.
bool is_scaled_gguf(const ModelFiles& files) {
  constexpr std::string_view kType = "llama.rope.scaling.type";
  const auto* type = files.weights->value<std::string>(kType);
  if (type != nullptr && *type == "none") return false;
  const double linear = files.real_or("rope.scale_linear", "", 1);
  const double factor = files.real_or("rope.scaling.factor", "", linear);
  return files.weights->metadata().contains(kType) || (factor != 0 && factor != 1) ||
         files.weights->find("rope_freqs.weight") != nullptr;
}

// What changes the arithmetic and would pass unseen.
void refuse_variants(const ModelFiles& files) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::unsupported, fmt::format("{}: {}", files.weights->name(), what));
  };
  const auto stated = [&](const char* key) { return files.config.value(key, nlohmann::json()); };
  const bool is_other_rope =
      files.is_gguf() ? is_scaled_gguf(files)
                      : !is_plain(stated("rope_scaling")) || !is_plain(stated("rope_parameters")) ||
                            files.real_or("", "partial_rotary_factor", 1) != 1;
  if (is_other_rope) {
    refuse(
        "its RoPE is scaled (for longer texts) or turns a part alone; fovea reads models whose "
        "RoPE is plain");
  }
  const std::string activation = files.text_or("hidden_act", "silu");
  if (activation != "silu") {
    refuse(fmt::format("config.json: hidden_act is {}; fovea reads Llama models with silu",
                       in_quotes(activation)));
  }
}

// transformers 5 moved it into "rope_parameters".
double read_rope_base(const ModelFiles& files) {
  const auto fail = [&](const std::string& given) {
    throw Error(ErrorKind::format, fmt::format("{}: RoPE's base is {}; a number above 1 is wanted",
                                               files.weights->name(), given));
  };
  double base = files.real_or("rope.freq_base", "rope_theta", 10000);
  if (!files.is_gguf() && files.config.contains("rope_parameters")) {
    const nlohmann::json& parameters = files.config["rope_parameters"];
    if (parameters.is_object() && parameters.contains("rope_theta")) {
      if (!parameters["rope_theta"].is_number()) fail("no number");
      base = parameters["rope_theta"].get<double>();
    }
  }
  if (!(base > 1 && base <= 1e12)) fail(fmt::to_string(base));
  return base;
}

void require_divides(const ModelFiles& files, std::string_view what, std::int64_t part,
                     std::int64_t whole) {
  if (part > 0 && whole % part == 0) return;
  throw Error(ErrorKind::format, fmt::format("{}: {}: {} does not divide {}", files.weights->name(),
                                             what, part, whole));
}

ModelFacts read_facts(const ModelFiles& files) {
  ModelFacts facts{.family = "llama", .name = model_name(files), .origin = files.path};
  facts.layers = files.integer("block_count", "num_hidden_layers", 1, kMostLayers);
  facts.query_heads = files.integer("attention.head_count", "num_attention_heads", 1, kMostHeads);
  facts.key_heads = files.integer_or("attention.head_count_kv", "num_key_value_heads",
                                     facts.query_heads, 1, kMostHeads);
  require_divides(files, "key heads of query heads", facts.key_heads, facts.query_heads);
  facts.hidden_size = files.integer("embedding_length", "hidden_size", 1, kMostSize);
  if (files.integer_or("attention.key_length", "head_dim", 0, 1, kMostSize) == 0)
    require_divides(files, "heads of the hidden size", facts.query_heads, facts.hidden_size);
  facts.head_size = files.integer_or("attention.key_length", "head_dim",
                                     facts.hidden_size / facts.query_heads, 2, kMostSize);
  require_head_size(files, facts.head_size);
  facts.feed_forward_size = files.integer("feed_forward_length", "intermediate_size", 1, kMostSize);
  facts.context_length =
      files.integer("context_length", "max_position_embeddings", 1, kMostContext);
  facts.vocabulary =
      embedding_rows(files, files.is_gguf() ? "token_embd.weight" : "model.embed_tokens.weight");
  facts.is_causal = true;
  facts.has_logits = true;
  facts.rope = {
      .layout = files.is_gguf() ? nn::RopeLayout::interleaved : nn::RopeLayout::half_split,
      .base = read_rope_base(files)};
  facts.parameters = parameter_count(files);
  facts.weights = stored_types(files);
  const std::int64_t turned =
      files.integer_or("rope.dimension_count", "", facts.head_size, 1, 1 << 16);
  require_divides(files, "RoPE's pairs of a head", 2, facts.head_size);
  const nn::Rope rope = make_rope(facts, 0);
  for (std::int64_t pair = 0; pair < facts.head_size / 2; ++pair)
    facts.rope->angles.push_back(rope.angle(pair));
  if (turned == facts.head_size) return facts;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: RoPE turns {} of the {} numbers of a head; fovea turns all",
                          files.weights->name(), turned, facts.head_size));
}

}  // namespace

std::unique_ptr<Model> load_llama(const ModelFiles& files) {
  refuse_variants(files);
  return std::make_unique<Llama>(read_facts(files), files);
}

}  // namespace fovea::models
