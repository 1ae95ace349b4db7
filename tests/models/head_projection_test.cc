// A head's matrices, expanded, make the queries and keys that the run itself made.
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "fovea/models/built_in.h"
#include "models/model_run.h"

namespace fovea::models {
namespace {

// A head's [tokens, size] of [1, heads, tokens, size].
std::vector<float> of_head(const TensorView& heads, std::int64_t head) {
  std::vector<float> numbers;
  for (std::int64_t t = 0; t < heads.size(2); ++t) {
    for (std::int64_t i = 0; i < heads.size(3); ++i)
      numbers.push_back(heads.at<float>(std::int64_t{0}, head, t, i));
  }
  return numbers;
}

std::vector<double> product(const TensorView& input, const Tensor& weight,
                            const std::vector<float>& bias) {
  std::vector<double> made;
  for (std::int64_t t = 0; t < input.size(0); ++t) {
    for (std::int64_t c = 0; c < weight.size(0); ++c) {
      double sum = bias.empty() ? 0 : static_cast<double>(bias[static_cast<std::size_t>(c)]);
      for (std::int64_t i = 0; i < weight.size(1); ++i)
        sum += input.number_at(t, i) * weight.view().number_at(c, i);
      made.push_back(sum);
    }
  }
  return made;
}

// A sum of at most 64 products in float32, of numbers that partly cancel.
constexpr double kShare = 4 * 64 * 0x1p-24;

void expect_projections(const Model& model, std::span<const std::int32_t> ids) {
  const std::int64_t group = model.facts().query_heads / model.facts().key_heads;
  const auto look = [&](const LayerAttention& layer) {
    const bool turns = layer.query_before_rope.given();
    const TensorView query = turns ? layer.query_before_rope : layer.question.query;
    const TensorView key = turns ? layer.key_before_rope : layer.question.key;
    for (std::int64_t head = 0; head < model.facts().query_heads; ++head) {
      const auto made = model.head_projection(layer.layer, head);
      ASSERT_TRUE(made.has_value());
      expect_near_all(of_head(query, head),
                      product(layer.input, made->query_weight, made->query_bias), kShare);
      expect_near_all(of_head(key, head / group),
                      product(layer.input, made->key_weight, made->key_bias), kShare);
    }
  };
  static_cast<void>(model.forward(ids, {.on_attention = look}));
}

TEST(HeadProjection, MakesTheQueryAndKeyOfEachFamily) {
  const std::vector<std::int32_t> ids = {3, 1, 41, 59};
  for (const char* const name : {"tiny_gpt2", "tiny_bert", "tiny_llama"}) {
    SCOPED_TRACE(name);
    expect_projections(*load_model(golden_path(name)), ids);
  }
  const std::vector<std::string> texts{"one step"};
  const std::vector<std::int32_t> words{0, 1, 2};
  expect_projections(*built_in_model(texts), words);
}

TEST(HeadProjection, RefusesAHeadThatIsNotThere) {
  const auto model = load_model(golden_path("tiny_llama"));
  const std::string text =
      invalid_argument_text([&] { static_cast<void>(model->head_projection(0, 99)); });
  EXPECT_NE(text.find("head 99 given"), std::string::npos) << text;
}

TEST(ModelFacts, SayHowTheFileStoresTheWeights) {
  EXPECT_EQ(load_model(golden_path("tiny_llama"))->facts().weights, "F32");
}

TEST(ModelFacts, HaveRopesAngles) {
  const auto model = load_model(golden_path("tiny_llama"));
  const ModelFacts& facts = model->facts();
  ASSERT_TRUE(facts.rope.has_value());
  ASSERT_EQ(std::ssize(facts.rope->angles), facts.head_size / 2);
  EXPECT_EQ(facts.rope->angles[0], 1);
  EXPECT_DOUBLE_EQ(facts.rope->angles[1],
                   std::pow(facts.rope->base, -2.0 / static_cast<double>(facts.head_size)));
  EXPECT_FALSE(load_model(golden_path("tiny_gpt2"))->facts().rope.has_value());
}

}  // namespace
}  // namespace fovea::models
