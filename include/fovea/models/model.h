// A transformer that runs with fovea's attention in every layer, and lets each layer be looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "fovea/attention/kv_cache.h"
#include "fovea/core/tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/rope.h"
#include "fovea/tokenize/tokenizer.h"

namespace fovea::models {

/// How positions turn query and key (RoPE): pair i of a token at position p by p · angles[i] radians. Where there are fewer
/// pairs than head_size / 2, the numbers of a head that come after them do not turn.
struct RopeFacts {
  nn::RopeLayout layout = nn::RopeLayout::half_split;
  double base = 0;  ///< angles[i] = base^(-i / pairs); 0 = they are not of that form
  std::vector<double> angles = {};
  friend bool operator==(const RopeFacts&, const RopeFacts&) = default;
};

/// The sizes of a model, and what kind it is.
struct ModelFacts {
  std::string family;  ///< "llama", "bert", "gpt2", ...
  std::string name;    ///< as the file or its folder has it; any UTF-8
  std::string origin;  ///< the path, or where else the weights come from
  std::int64_t layers = 0;
  std::int64_t query_heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_size = 0;
  std::int64_t hidden_size = 0;        ///< numbers of a token between the layers
  std::int64_t feed_forward_size = 0;  ///< inside of a feed-forward layer; 0 = none
  std::int64_t vocabulary = 0;
  std::int64_t context_length = 0;  ///< the most tokens
  std::int64_t parameters = 0;
  bool is_causal = false;   ///< a decoder: tokens see themselves and those before
  bool has_logits = false;  ///< it guesses the next token
  std::optional<RopeFacts> rope = std::nullopt;  ///< of all layers; nothing: positions are learned
  std::string weights = {};  ///< how the file stores them, by falling bytes: "Q4_1, F32"
};

/// What makes a head's query and key of the layer's input x: query = x · query_weightᵀ + query_bias, then turned where there
/// is RoPE.
struct HeadProjection {
  Tensor query_weight;            ///< [head_size, size of the input] f32
  Tensor key_weight;              ///< likewise, of the key head that the head uses
  std::vector<float> query_bias;  ///< [head_size], or empty
  std::vector<float> key_bias;
};

/// The keys and values of the tokens so far, layer by layer: what a decoder goes on from. One thread
/// at a time.
struct Context {
  std::vector<KvCache> layers;
  std::int64_t tokens() const noexcept { return layers.empty() ? 0 : layers.front().tokens(); }
  /// Forgets all but the first `tokens`. Throws as KvCache.
  void truncate(std::int64_t tokens);
};

/// The attention of a layer, just answered. Views end with the call that shows them.
struct LayerAttention {
  std::int64_t layer = 0;  ///< from 0
  /// As asked: query [1, query_heads, tokens, head_size], key and value [1, key_heads, keys,
  /// head_size]; with RoPE, turned. With a Context, keys are packed and those of all tokens so far.
  const Attention& question;
  const Attended& answer;
  /// [tokens, hidden_size]: what the projections were given, from which HeadProjection makes query and key; empty where
  /// they are made otherwise, or nobody knows how.
  TensorView input = {};
  /// How query and key were turned; nullptr: not, or nobody knows.
  const RopeFacts* rope = nullptr;
  /// With RoPE: query and key before it, of this call's tokens, [1, heads, tokens, head_size].
  TensorView query_before_rope = {};
  TensorView key_before_rope = {};
};

/// How to run, and what to look at on the way. The functions are called by the thread that calls
/// forward, layer by layer; what they throw ends it and reaches its caller.
struct Forward {
  int threads = 0;  ///< as in Execution
  std::stop_token stop = {};
  Context* context = nullptr;  ///< earlier tokens; grows by these. Decoders only
  /// What to observe in a layer. Empty: nothing.
  std::function<Observe(std::int64_t layer)> observe = {};
  std::function<void(const LayerAttention&)> on_attention = {};
  /// [tokens, hidden_size]: `layer` 0 is the embeddings, n what layer n - 1 left (before the final norm).
  std::function<void(std::int64_t layer, const TensorView& hidden)> on_hidden = {};
};

/// Immutable; const calls may run at once, each with its own Context.
class Model {
 public:
  virtual ~Model();

  const ModelFacts& facts() const noexcept { return facts_; }
  /// Throws Error{unsupported} for a model that came without one.
  const tokenize::Tokenizer& tokenizer() const;
  /// The text that ids stand for. Those beyond the tokenizer's stand for nothing: many a vocabulary
  /// is padded to a round number. Throws as tokenizer() and, for negative ids, Tokenizer::decode.
  std::string text_of(std::span<const std::int32_t> ids) const;

  /// An empty Context with room for `tokens`. Throws Error{unsupported} for an encoder.
  Context make_context(std::int64_t tokens = 0) const;

  /// Runs all layers. Returns the hidden states, [tokens, hidden_size] f32, of a decoder after the
  /// final norm. A token's numbers do not depend on the threads; by how many tokens come in one call
  /// they differ in the last places (the BLAS library's sums). Throws Error{invalid_argument} for no
  /// token, for ids outside of the vocabulary and for more tokens than context_length, those of the
  /// Context included; Error{cancelled}, after which the Context is as it was; Error{io} when the
  /// file was cut meanwhile; Error{out_of_memory}.
  Tensor forward(std::span<const std::int32_t> ids, const Forward& how = {}) const;

  /// Returns the next token's logits, [tokens, vocabulary] f32, of hidden states that forward
  /// returned (any rows of them). Throws Error{unsupported} without ModelFacts::has_logits.
  Tensor logits(const TensorView& hidden, int threads = 0) const;

  /// Returns what each head of a layer adds to a token: [query_heads, hidden_size] f32 of the head's
  /// answers `output` [query_heads, head_size] f32 to that token. They add up to what the layer's
  /// attention adds, less the output projection's bias. Throws Error{invalid_argument}.
  Tensor head_writes(std::int64_t layer, const TensorView& output) const;

  /// Returns the matrices of a query head, expanded to f32; nothing of a family that has none to show. Throws
  /// Error{invalid_argument} for a head that is not there.
  std::optional<HeadProjection> head_projection(std::int64_t layer, std::int64_t head) const;

 protected:
  Model(ModelFacts facts, std::unique_ptr<tokenize::Tokenizer> tokenizer);
  /// A new family's part; arguments are checked.
  virtual Tensor run(std::span<const std::int32_t> ids, const Forward& how) const = 0;
  virtual Tensor run_logits(const TensorView& hidden, int threads) const;
  virtual Tensor run_head_writes(std::int64_t layer, const TensorView& output) const = 0;
  virtual std::optional<HeadProjection> run_head_projection(std::int64_t layer,
                                                            std::int64_t head) const;

 private:
  ModelFacts facts_;
  std::unique_ptr<tokenize::Tokenizer> tokenizer_;
};

/// Returns the sentence vector of an encoder's hidden states, [hidden_size] f32: their mean, made
/// of length 1. Source: Reimers & Gurevych 2019, arXiv:1908.10084.
Tensor sentence_vector(const TensorView& hidden);

/// Loads a model: a .gguf or .safetensors file, or a folder that holds one (with config.json, and
/// tokenizer.json or vocab files, beside a .safetensors file). Weights stay in the file's mapping.
/// Throws as formats::read_checkpoint; Error{format} that names what is missing, or the tensor whose
/// shape or type does not fit the sizes, both given; Error{unsupported} for a family that fovea
/// does not know (the text lists those that it does).
std::unique_ptr<Model> load_model(const std::string& path);

/// Names and one-line descriptions of the families.
struct FamilyInfo {
  std::string name;
  std::string summary;
};
std::vector<FamilyInfo> list_families();

}  // namespace fovea::models
