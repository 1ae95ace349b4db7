// The real models against transformers' float32 run, where `fovea model get` has put them.
// tools/make_model_goldens.py made the goldens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "fovea/insight/portrait.h"
#include "fovea/models/generate.h"
#include "fovea/models/model.h"
#include "models/model_run.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;

// nullptr when it is not there.
std::unique_ptr<Model> stored_model(const std::string& name) {
  const char* const data = std::getenv("XDG_DATA_HOME");
  const char* const home = std::getenv("HOME");
  if (data == nullptr && home == nullptr) return nullptr;
  const fs::path store = data != nullptr ? fs::path(data) : fs::path(home) / ".local/share";
  const fs::path folder = store / "fovea" / "models" / name;
  return fs::exists(folder) ? load_model(folder.string()) : nullptr;
}

class RealModel : public testing::Test {
 protected:
  void SetUp() override {
    model_ = stored_model(name_);
    if (model_ == nullptr) GTEST_SKIP() << "no model: fovea model get " << name_;
    golden_ = golden::read_json("models/" + name_ + ".json");
  }

  explicit RealModel(std::string name) : name_(std::move(name)) {}

  std::string name_;
  std::unique_ptr<Model> model_;
  nlohmann::json golden_;
};

class SmolLm2 : public RealModel {
 protected:
  SmolLm2() : RealModel("smollm2") {}
};

class MiniLm : public RealModel {
 protected:
  MiniLm() : RealModel("minilm") {}
};

std::vector<std::int32_t> ids_of(const nlohmann::json& item) {
  return item.at("ids").get<std::vector<std::int32_t>>();
}

// What forward says of three rows and eight columns of every layer's hidden state. Two float32 runs
// with their sums in another order part by some 2^-24 a layer, of the largest number of a state;
// one that rests on a wrong weight or formula parts by all of it. 1e-4 lies between.
void expect_hidden(const ModelRun& run, const nlohmann::json& text) {
  const auto rows = text.at("hidden_rows").get<std::vector<std::int64_t>>();
  const auto columns = text.at("hidden_columns").get<std::vector<std::size_t>>();
  ASSERT_EQ(run.hidden.size(), text.at("hidden").size());
  for (std::size_t layer = 0; layer < run.hidden.size(); ++layer) {
    SCOPED_TRACE("hidden " + std::to_string(layer));
    const auto want = text.at("hidden")[layer].get<std::vector<double>>();
    std::vector<float> have;
    for (const std::int64_t row : rows) {
      for (const std::size_t column : columns)
        have.push_back(row_of(run.hidden[layer], row)[column]);
    }
    float largest = 0;
    for (const float number : run.hidden[layer].values<float>())
      largest = std::max(largest, std::abs(number));
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(have[i]), want[i], 1e-4 * static_cast<double>(largest)) << i;
    }
  }
}

void expect_attention(const ModelRun& run, const nlohmann::json& text) {
  for (const nlohmann::json& fact : text.at("attention")) {
    const auto layer = fact.at("layer").get<std::size_t>();
    const auto head = fact.at("head").get<std::int64_t>();
    const auto row = fact.at("row").get<std::int64_t>();
    const std::vector<double> want = fact.at("weights").get<std::vector<double>>();
    const TensorView weights = run.weights[layer];
    for (std::size_t key = 0; key < want.size(); ++key) {
      const double have =
          static_cast<double>(weights.at<float>(0, head, row, static_cast<std::int64_t>(key)));
      EXPECT_NEAR(have, want[key], 1e-4) << "layer " << layer << " head " << head << " row " << row;
    }
  }
}

// Cosines of one word's vectors in three texts, layer by layer.
void expect_cosines(const Model& model, const nlohmann::json& compare) {
  std::vector<ModelRun> runs;
  for (const nlohmann::json& ids : compare.at("ids"))
    runs.push_back(run_model(model, ids.get<std::vector<std::int32_t>>()));
  const auto positions = compare.at("positions").get<std::vector<std::int64_t>>();
  for (std::size_t layer = 0; layer < runs[0].hidden.size(); ++layer) {
    const auto want = compare.at("cosines")[layer].get<std::vector<double>>();
    const auto vector = [&](std::size_t text) {
      return row_of(runs[text].hidden[layer], positions[text]);
    };
    EXPECT_NEAR(cosine(vector(0), vector(1)), want[0], 1e-5) << layer;
    EXPECT_NEAR(cosine(vector(0), vector(2)), want[1], 1e-5) << layer;
    EXPECT_NEAR(cosine(vector(1), vector(2)), want[2], 1e-5) << layer;
  }
}

std::vector<std::int32_t> token_ids(const Model& model, const std::string& text) {
  std::vector<std::int32_t> ids;
  for (const auto& token : model.tokenizer().encode(text)) ids.push_back(token.id);
  return ids;
}

TEST_F(SmolLm2, ReadsTextsAsTransformersDoes) {
  for (const nlohmann::json& text : golden_.at("texts"))
    EXPECT_EQ(token_ids(*model_, text.at("text")), ids_of(text));
}

TEST_F(SmolLm2, HasTransformersHiddenStatesAndAttention) {
  for (const nlohmann::json& text : golden_.at("texts")) {
    const ModelRun run = run_model(*model_, ids_of(text));
    expect_hidden(run, text);
    expect_attention(run, text);
  }
}

TEST_F(SmolLm2, GuessesAsTransformersDoes) {
  for (const nlohmann::json& text : golden_.at("texts")) {
    const Tensor hidden = model_->forward(ids_of(text));
    const Tensor logits = model_->logits(hidden.view().sliced(0, hidden.size(0) - 1, 1));
    const std::span<const float> values = logits.values<float>();
    const double range = text.at("largest").get<double>() - text.at("least").get<double>();
    const auto chosen = text.at("logit_ids").get<std::vector<std::size_t>>();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(values[chosen[i]]), text.at("logits")[i].get<double>(),
                  2e-3 * range);
    }
    std::vector<std::int32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::partial_sort(order, order.begin() + 5, std::greater{}, [&](std::int32_t id) {
      return values[static_cast<std::size_t>(id)];
    });
    order.resize(5);
    EXPECT_EQ(order, text.at("top_ids").get<std::vector<std::int32_t>>());
    const auto top = text.at("top_logits").get<std::vector<double>>();
    for (std::size_t i = 0; i < top.size(); ++i) {
      const auto id = static_cast<std::size_t>(order[i]);
      EXPECT_NEAR(static_cast<double>(values[id]), top[i], 2e-3 * range);
    }
  }
}

TEST_F(SmolLm2, ShowsTheHeadsOfTheDemoText) {
  const nlohmann::json& golden = golden_.at("portraits");
  const std::vector<std::int32_t> ids = token_ids(*model_, golden.at("text"));
  std::vector<std::vector<Portrait>> layers;
  const Tensor tokens = Tensor::of<std::int32_t>({static_cast<std::int64_t>(ids.size())},
                                                 std::span<const std::int32_t>(ids));
  (void)model_->forward(ids, {.on_attention = [&](const LayerAttention& shown) {
                          layers.push_back(portraits(shown.question, tokens.view()));
                        }});
  for (const nlohmann::json& head : golden.at("heads")) {
    const Portrait& have = layers.at(head.at("layer"))[head.at("head").get<std::size_t>()];
    // Means of weights that are each within 1e-4.
    EXPECT_NEAR(have.previous.mean, head.at("previous").get<double>(), 1e-4);
    EXPECT_NEAR(have.self.mean, head.at("self").get<double>(), 1e-4);
    EXPECT_NEAR(have.first.mean, head.at("first").get<double>(), 1e-4);
    EXPECT_NEAR(have.induction.mean, head.at("induction").get<double>(), 1e-4);
  }
}

TEST_F(SmolLm2, MovesAWordByItsCompanyAsTransformersDoes) {
  expect_cosines(*model_, golden_.at("compare"));
}

TEST_F(SmolLm2, GoesOnAsTransformersDoes) {
  for (const nlohmann::json& text : golden_.at("generation")) {
    EXPECT_EQ(generate(*model_, token_ids(*model_, text.at("prompt")), {.tokens = 64}).ids,
              text.at("new").get<std::vector<std::int32_t>>())
        << text.at("prompt");
  }
}

TEST_F(MiniLm, ReadsTextsAsTransformersDoes) {
  for (const nlohmann::json& text : golden_.at("texts")) {
    EXPECT_EQ(token_ids(*model_, text.at("text")), ids_of(text));
  }
}

TEST_F(MiniLm, HasTransformersHiddenStatesAndAttention) {
  for (const nlohmann::json& text : golden_.at("texts")) {
    const ModelRun run = run_model(*model_, ids_of(text));
    expect_hidden(run, text);
    expect_attention(run, text);
  }
}

TEST_F(MiniLm, EmbedsSentencesAsTransformersDoes) {
  for (const nlohmann::json& text : golden_.at("texts")) {
    const Tensor hidden = model_->forward(ids_of(text));
    const Tensor vector = sentence_vector(hidden);
    const auto want = text.at("embedding").get<std::vector<float>>();
    EXPECT_GT(cosine(vector.values<float>(), want), 0.99999);
    EXPECT_NEAR(static_cast<double>(vector.values<float>()[0]), static_cast<double>(want[0]), 1e-5);
  }
}

TEST_F(MiniLm, MovesAWordByItsCompanyAsTransformersDoes) {
  expect_cosines(*model_, golden_.at("compare"));
}

}  // namespace
}  // namespace fovea::models
