// The notebooks' words and weights as a Model.
#include "fovea/models/built_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/nn/causal_attention.h"
#include "models/attention_layer.h"
#include "models/residual.h"
#include "nn/word_vectors.h"

namespace fovea::models {
namespace {

constexpr std::uint64_t kSeed = 789;
constexpr std::int64_t kVectorSize = 3;
constexpr std::int64_t kHeads = 2;
constexpr std::int64_t kHeadSize = 2;
constexpr std::int64_t kContextLength = 1 << 16;

// The words of a text and where they stand.
struct Word {
  std::string_view text;
  std::int64_t first_byte;
};

std::vector<Word> words_of(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\v\f";
  std::vector<Word> words;
  std::size_t at = text.find_first_not_of(kSpaces);
  while (at != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    words.push_back({text.substr(at, end - at), static_cast<std::int64_t>(at)});
    at = text.find_first_not_of(kSpaces, end);
  }
  return words;
}

class WordTokenizer final : public tokenize::Tokenizer {
 public:
  explicit WordTokenizer(std::vector<std::string> words) : words_(std::move(words)) {
    for (const std::string& word : words_) ids_.try_emplace(word, std::ssize(ids_));
  }

  std::vector<tokenize::Token> encode(std::string_view text,
                                      const tokenize::SpecialTokens& /*none*/) const override {
    std::vector<tokenize::Token> tokens;
    for (const Word& word : words_of(text)) {
      const auto found = ids_.find(std::string(word.text));
      if (found == ids_.end()) {
        throw Error(ErrorKind::invalid_argument,
                    fmt::format("built-in model: the word {} was not in the texts that it was made "
                                "for",
                                in_quotes(word.text)));
      }
      tokens.push_back(
          {static_cast<std::int32_t>(found->second), word.first_byte, std::ssize(word.text)});
    }
    return tokens;
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      if (!text.empty()) text += " ";
      text += piece(id);
    }
    return text;
  }
  std::string_view piece(std::int32_t id) const override {
    if (id >= 0 && id < size()) return words_[static_cast<std::size_t>(id)];
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("built-in model: token id {} given; there are 0 to {}", id, size() - 1));
  }
  bool is_special(std::int32_t id) const override {
    static_cast<void>(piece(id));
    return false;
  }
  std::int64_t size() const noexcept override { return std::ssize(words_); }

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::ptrdiff_t> ids_;
};

// The notebooks' words, then the texts' own.
std::vector<std::string> vocabulary_of(std::span<const std::string> texts) {
  std::vector<std::string> vocabulary = nn::journey_words();
  std::unordered_map<std::string, bool> known;
  for (const std::string& word : vocabulary) known[word] = true;
  for (const std::string& text : texts) {
    for (const Word& word : words_of(text)) {
      if (known.try_emplace(std::string(word.text), true).second)
        vocabulary.emplace_back(word.text);
    }
  }
  return vocabulary;
}

Tensor embeddings_of(const std::vector<std::string>& vocabulary) {
  Tensor table = nn::vectors_of_words(vocabulary, kVectorSize);
  std::ranges::copy(nn::journey_vectors().values<float>(), table.values<float>().begin());
  return table;
}

ModelFacts facts_of(std::int64_t words) {
  const auto drawn = words - std::ssize(nn::journey_words());
  ModelFacts facts;
  facts.family = "built-in";
  facts.name = "the notebooks' small model";
  facts.origin =
      drawn == 0
          ? "built in: the notebooks' words, their vectors and weights of seed 789"
          : fmt::format(
                "built in: the notebooks' words and weights of seed 789; {} other word{} got "
                "a vector drawn from the spelling, which means nothing",
                drawn, drawn == 1 ? "" : "s");
  facts.layers = 1;
  facts.query_heads = kHeads;
  facts.key_heads = kHeads;
  facts.head_size = kHeadSize;
  facts.hidden_size = kHeads * kHeadSize;
  facts.vocabulary = words;
  facts.context_length = kContextLength;
  facts.parameters = words * kVectorSize + kHeads * 3 * kVectorSize * kHeadSize;
  facts.weights = "F32";
  facts.is_causal = true;
  return facts;
}

class BuiltIn final : public Model {
 public:
  explicit BuiltIn(const std::vector<std::string>& vocabulary)
      : Model(facts_of(std::ssize(vocabulary)), std::make_unique<WordTokenizer>(vocabulary)),
        table_(embeddings_of(vocabulary)),
        embedding_(table_.view()) {
    Generator generator(kSeed);
    for (std::int64_t head = 0; head < kHeads; ++head) {
      heads_.emplace_back(
          nn::CausalAttentionOptions{
              .d_in = kVectorSize, .d_out = kHeadSize, .context_length = kContextLength},
          generator);
    }
  }

 protected:
  Tensor run(std::span<const std::int32_t> ids, const Forward& how) const override {
    require_going_on(how.stop);
    const Tensor input = look_up(embedding_, ids);
    if (how.on_hidden) how.on_hidden(0, input);
    const Projected projected{.query = joined(input, &nn::CausalAttention::query),
                              .key = joined(input, &nn::CausalAttention::key),
                              .value = joined(input, &nn::CausalAttention::value)};
    Tensor hidden = attend_layer({facts(), how, 0, nullptr, input}, projected);
    if (how.on_hidden) how.on_hidden(1, hidden);
    return hidden;
  }

  std::optional<HeadProjection> run_head_projection(std::int64_t /*layer*/,
                                                    std::int64_t head) const override {
    const nn::CausalAttention& from = heads_[static_cast<std::size_t>(head)];
    return HeadProjection{.query_weight = Tensor::copy_of(from.query().weight()),
                          .key_weight = Tensor::copy_of(from.key().weight()),
                          .query_bias = {},
                          .key_bias = {}};
  }

  // Heads stand side by side: each writes its own places.
  Tensor run_head_writes(std::int64_t /*layer*/, const TensorView& output) const override {
    Tensor writes(DType::f32, {kHeads, kHeads * kHeadSize});
    for (std::int64_t head = 0; head < kHeads; ++head) {
      for (std::int64_t i = 0; i < kHeadSize; ++i) {
        writes.values<float>()[static_cast<std::size_t>(head * (kHeads + 1) * kHeadSize + i)] =
            output.at<float>(head, i);
      }
    }
    return writes;
  }

 private:
  using Layer = const nn::Linear& (nn::CausalAttention::*)() const noexcept;

  // [tokens, heads · head_size]
  Tensor joined(const Tensor& input, Layer layer) const {
    Tensor all = Tensor::uninitialized(DType::f32, {input.size(0), kHeads * kHeadSize});
    for (std::int64_t head = 0; head < kHeads; ++head) {
      const Tensor one = (heads_[static_cast<std::size_t>(head)].*layer)().forward(input);
      for (std::int64_t t = 0; t < input.size(0); ++t) {
        std::copy_n(one.values<float>().begin() + t * kHeadSize, kHeadSize,
                    all.values<float>().begin() + (t * kHeads + head) * kHeadSize);
      }
    }
    return all;
  }

  Tensor table_;
  WeightMatrix embedding_;
  std::vector<nn::CausalAttention> heads_;
};

}  // namespace

std::unique_ptr<Model> built_in_model(std::span<const std::string> texts) {
  return std::make_unique<BuiltIn>(vocabulary_of(texts));
}

}  // namespace fovea::models
