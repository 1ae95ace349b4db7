// Tiny random models as transformers saves them, against what it computes: every hidden state,
// every attention weight, every logit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/error_text.h"
#include "fovea/models/model.h"
#include "models/model_run.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A hidden number has gone through two layers with six sums each of at most 128 products, and each
// rounding is 2^-24 of a number that is not larger than a few of the largest. Transformers' own
// float32 run is as far from the exact one.
constexpr double kShare = 2.0 * 6 * 128 * 0x1p-24;

void expect_golden(const std::string& folder, const std::string& golden_folder) {
  SCOPED_TRACE(folder);
  const nlohmann::json golden = golden::read_json_file(golden_path(golden_folder + "/golden.json"));
  const auto model = load_model(golden_path(folder));
  const auto ids = golden.at("ids").get<std::vector<std::int32_t>>();
  const ModelRun run = run_model(*model, ids);
  ASSERT_EQ(run.hidden.size(), golden.at("hidden").size());
  for (std::size_t layer = 0; layer < run.hidden.size(); ++layer) {
    SCOPED_TRACE("hidden " + std::to_string(layer));
    expect_near_all(run.hidden[layer].values<float>(),
                    golden.at("hidden")[layer].get<std::vector<double>>(), kShare);
  }
  ASSERT_EQ(run.weights.size(), golden.at("attention").size());
  for (std::size_t layer = 0; layer < run.weights.size(); ++layer) {
    SCOPED_TRACE("attention " + std::to_string(layer));
    expect_near_all(run.weights[layer].values<float>(),
                    golden.at("attention")[layer].get<std::vector<double>>(), kShare);
  }
  EXPECT_EQ(model->facts().has_logits, golden.contains("logits"));
  if (!golden.contains("logits")) return;
  const Tensor logits = model->logits(run.last);
  expect_near_all(logits.values<float>(), golden.at("logits").get<std::vector<double>>(), kShare);
}

TEST(TinyModels, GiveWhatTransformersGives) {
  for (const char* name : {"tiny_gpt2", "tiny_bert", "tiny_llama", "tiny_llama_tied"})
    expect_golden(name, name);
}

TEST(TinyModels, AreReadUnderBothKindsOfNames) {
  expect_golden("tiny_gpt2_bare", "tiny_gpt2");
  expect_golden("tiny_bert_masked", "tiny_bert");
}

TEST(TinyModels, HaveTheSizesThatTheirConfigSays) {
  const auto gpt2 = load_model(golden_path("tiny_gpt2"));
  EXPECT_EQ(gpt2->facts().family, "gpt2");
  EXPECT_EQ(gpt2->facts().layers, 2);
  EXPECT_EQ(gpt2->facts().head_size, 16);
  EXPECT_EQ(gpt2->facts().feed_forward_size, 128);
  EXPECT_EQ(gpt2->facts().context_length, 24);
  EXPECT_EQ(gpt2->facts().vocabulary, 60);
  EXPECT_TRUE(gpt2->facts().is_causal);
  const auto bert = load_model(golden_path("tiny_bert"));
  EXPECT_EQ(bert->facts().family, "bert");
  EXPECT_EQ(bert->facts().feed_forward_size, 48);
  EXPECT_FALSE(bert->facts().is_causal);
}

TEST(TinyModels, GoOnFromAContextAsIfAllTokensCameAtOnce) {
  const std::vector<std::int32_t> ids = {3, 1, 41, 59, 26, 5, 35, 8, 9};
  for (const char* name : {"tiny_gpt2", "tiny_llama"}) {
    const auto model = load_model(golden_path(name));
    const Tensor whole = model->forward(ids);
    Context context = model->make_context(1);
    for (const auto& [first, count] : {std::pair{0U, 4U}, {4U, 1U}, {5U, 4U}}) {
      const Tensor part =
          model->forward(std::span(ids).subspan(first, count), {.context = &context});
      const Tensor want = Tensor::copy_of(whole.view().sliced(0, first, count));
      const auto floats = want.values<float>();
      expect_near_all(part.values<float>(), {floats.begin(), floats.end()}, kShare);
    }
    EXPECT_EQ(context.tokens(), 9);
  }
}

TEST(TinyModels, HeadsWriteWhatTheAttentionAdds) {
  for (const char* name : {"tiny_gpt2", "tiny_bert"}) {
    const auto model = load_model(golden_path(name));
    const ModelFacts& facts = model->facts();
    const Tensor none(DType::f32, {facts.query_heads, facts.head_size});
    Tensor first(DType::f32, {facts.query_heads, facts.head_size});
    first.values<float>()[0] = 2;
    const Tensor nothing = model->head_writes(1, none);
    const Tensor written = model->head_writes(1, first);
    EXPECT_THAT(nothing.values<float>(), testing::Each(0.0F));
    EXPECT_THAT(row_of(written, 0), testing::Not(testing::Each(0.0F)));
    EXPECT_THAT(row_of(written, 1), testing::Each(0.0F));
  }
}

TEST(TinyModels, RefuseTokensAndTextsThatTheyCannotTake) {
  const auto model = load_model(golden_path("tiny_bert"));
  const auto text = [&](const std::vector<std::int32_t>& ids) {
    return invalid_argument_text([&] { model->forward(ids); });
  };
  EXPECT_THAT(text({60}), HasSubstr("token id 60"));
  EXPECT_THAT(text(std::vector<std::int32_t>(25, 1)), HasSubstr("25 tokens"));
  EXPECT_THAT(error_text(ErrorKind::unsupported, [&] { model->make_context(); }),
              HasSubstr("encoder"));
  EXPECT_THAT(error_text(ErrorKind::unsupported, [&] { model->tokenizer(); }),
              HasSubstr("tokenizer"));
}

// A copy of a tiny model with entries of its config.json changed.
class ChangedModel : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) /
              (std::string("fovea_changed_") + test->name() + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What load_model says of it.
  std::string refusal(ErrorKind kind, const std::string& name, const nlohmann::json& changes) {
    fs::copy_file(golden_path(name + "/model.safetensors"), folder_ / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    nlohmann::json config = golden::read_json_file(golden_path(name + "/config.json"));
    config.update(changes);
    std::ofstream(folder_ / "config.json") << config;
    return error_text(kind, [&] { load_model(folder_.string()); });
  }

  fs::path folder_;
};

TEST_F(ChangedModel, ThatComputesOtherwiseIsNotSupported) {
  const auto gpt2 = [&](const nlohmann::json& changes) {
    return refusal(ErrorKind::unsupported, "tiny_gpt2", changes);
  };
  EXPECT_THAT(gpt2({{"activation_function", "relu"}}),
              HasSubstr("activation_function is 'relu'; fovea knows gelu"));
  EXPECT_THAT(gpt2({{"scale_attn_weights", false}}), HasSubstr("scale_attn_weights is false"));
  EXPECT_THAT(gpt2({{"scale_attn_by_inverse_layer_idx", true}}),
              HasSubstr("scale_attn_by_inverse_layer_idx is true"));
  EXPECT_THAT(gpt2({{"add_cross_attention", true}}), HasSubstr("add_cross_attention is true"));
  const auto bert = [&](const nlohmann::json& changes) {
    return refusal(ErrorKind::unsupported, "tiny_bert", changes);
  };
  EXPECT_THAT(bert({{"position_embedding_type", "relative_key"}}), HasSubstr("'relative_key'"));
  EXPECT_THAT(bert({{"is_decoder", true}}), HasSubstr("is_decoder is true"));
  EXPECT_THAT(bert({{"hidden_act", "silu"}}), HasSubstr("hidden_act is 'silu'"));
}

TEST_F(ChangedModel, WhoseSizesDoNotFitIsDamaged) {
  const auto gpt2 = [&](const nlohmann::json& changes) {
    return refusal(ErrorKind::format, "tiny_gpt2", changes);
  };
  EXPECT_THAT(gpt2({{"n_embd", 64}}), HasSubstr("is [32]; the model's sizes ask for [64]"));
  EXPECT_THAT(gpt2({{"n_head", 3}}), HasSubstr("3 heads do not divide the hidden size, 32"));
  EXPECT_THAT(gpt2({{"n_layer", 3}}), HasSubstr("transformer.h.2."));
  EXPECT_THAT(gpt2({{"n_layer", 1}}), HasSubstr("has no place in a gpt2 model"));
  EXPECT_THAT(gpt2({{"n_layer", 0}}), HasSubstr("n_layer is 0"));
  EXPECT_THAT(gpt2({{"n_positions", 1024}}), HasSubstr("wpe.weight is [24, 32]"));
  EXPECT_THAT(gpt2({{"layer_norm_epsilon", 0}}), HasSubstr("layer_norm_epsilon is 0"));
  EXPECT_THAT(gpt2({{"activation_function", 7}}), HasSubstr("a string is wanted"));
  const auto bert = [&](const nlohmann::json& changes) {
    return refusal(ErrorKind::format, "tiny_bert", changes);
  };
  EXPECT_THAT(bert({{"intermediate_size", 32}}),
              HasSubstr("intermediate.dense.weight is [48, 32]"));
  EXPECT_THAT(bert({{"num_hidden_layers", 1}}), HasSubstr("has no place in a bert model"));
  EXPECT_THAT(bert({{"type_vocab_size", 1}}), HasSubstr("token_type_embeddings.weight is [2, 32]"));
  EXPECT_THAT(bert({{"layer_norm_eps", 2}}), HasSubstr("layer_norm_eps is 2"));
}

}  // namespace
}  // namespace fovea::models
