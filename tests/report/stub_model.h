// A decoder of one layer and one head whose attention is known beforehand.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fovea/engine/attend.h"
#include "fovea/models/model.h"

namespace fovea::report {

/// Bytes are tokens; the first token of a text is one that is added, where that is asked for.
class ByteTokenizer final : public tokenize::Tokenizer {
 public:
  static constexpr std::int32_t kAdded = 256;
  explicit ByteTokenizer(std::int32_t added) : added_(added) {}

  std::vector<tokenize::Token> encode(std::string_view text,
                                      const tokenize::SpecialTokens& /*special*/) const override {
    std::vector<tokenize::Token> tokens(static_cast<std::size_t>(added_), {.id = kAdded});
    for (std::size_t i = 0; i < text.size(); ++i) {
      tokens.push_back({static_cast<unsigned char>(text[i]), static_cast<std::int64_t>(i), 1});
    }
    return tokens;
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) text += id == kAdded ? '^' : static_cast<char>(id);
    return text;
  }
  std::string_view piece(std::int32_t /*id*/) const override { return "?"; }
  bool is_special(std::int32_t id) const override { return id == kAdded; }
  std::int64_t size() const noexcept override { return kAdded + 1; }

 private:
  std::int32_t added_;
};

struct StubOptions {
  std::int32_t added = 0;   ///< tokens before each text
  bool looks_back = false;  ///< each token gives all to the one before, else alike to all it sees
  float value = 1;          ///< of each token in the place of its id; 0 elsewhere
};

/// What leaves the layer is the head's answer: at place i the weight of tokens with id i.
class StubModel final : public models::Model {
 public:
  static constexpr std::int64_t kIds = ByteTokenizer::kAdded + 1;

  explicit StubModel(const StubOptions& options)
      : Model(facts_of(), std::make_unique<ByteTokenizer>(options.added)), options_(options) {}

 protected:
  Tensor run(std::span<const std::int32_t> ids, const models::Forward& how) const override {
    const Tensor key = one_hot(ids, 1, 0);
    const Tensor value = one_hot(ids, options_.value, 0);
    const Tensor query = one_hot(ids, options_.looks_back ? 1000.0F : 0.0F, 1);
    if (how.on_hidden) how.on_hidden(0, matrix(key));
    const Attention question{.query = query, .key = key, .value = value, .causal = true};
    const Attended answer =
        how.observe ? attend(question, how.observe(0), {}) : attend(question, Execution{});
    if (how.on_attention)
      how.on_attention({.layer = 0, .question = question, .answer = answer, .input = matrix(key)});
    if (how.on_hidden) how.on_hidden(1, matrix(answer.output));
    return Tensor::copy_of(matrix(answer.output));
  }
  Tensor run_head_writes(std::int64_t /*layer*/, const TensorView& output) const override {
    return Tensor::copy_of(output);
  }

 private:
  static models::ModelFacts facts_of() {
    models::ModelFacts facts;
    facts.family = "stub";
    facts.layers = facts.query_heads = facts.key_heads = 1;
    facts.head_size = facts.hidden_size = facts.vocabulary = kIds;
    facts.context_length = 64;
    facts.is_causal = true;
    return facts;
  }
  static TensorView matrix(const Tensor& heads) {
    return {heads.values<float>().data(), {heads.size(2), kIds}};
  }
  // Row i holds `value` in the place of the token `back` before i; the first row, where there is
  // none, holds nothing.
  static Tensor one_hot(std::span<const std::int32_t> ids, float value, std::size_t back) {
    Tensor rows(DType::f32, {1, 1, static_cast<std::int64_t>(ids.size()), kIds});
    for (std::size_t i = back; i < ids.size(); ++i) {
      rows.values<float>()[i * static_cast<std::size_t>(kIds) +
                           static_cast<std::size_t>(ids[i - back])] = value;
    }
    return rows;
  }

  StubOptions options_;
};

}  // namespace fovea::report
