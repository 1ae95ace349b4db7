// A GPT-2 drawn from a seed, against the same one drawn by torch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "core/error_text.h"
#include "fovea/formats/checkpoint.h"
#include "fovea/models/generate.h"
#include "fovea/models/make.h"
#include "models/model_run.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MakeGpt2 : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) /
              (std::string("fovea_make_") + test->name() + std::to_string(getpid()));
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder() const { return (folder_ / "made").string(); }

  fs::path folder_;
};

const nlohmann::json& drawn() {
  static const nlohmann::json document = golden::read_json("models/drawn_gpt2.json");
  return document;
}

Gpt2Sizes drawn_sizes() {
  const nlohmann::json& sizes = drawn().at("sizes");
  return {.vocabulary = sizes.at("vocabulary"),
          .context_length = sizes.at("context_length"),
          .hidden_size = sizes.at("hidden_size"),
          .layers = sizes.at("layers"),
          .heads = sizes.at("heads")};
}

std::vector<float> stored_floats(const formats::Checkpoint& file, const std::string& name) {
  const formats::StoredTensor& stored = file.tensor(name);
  std::vector<float> floats(static_cast<std::size_t>(stored.shape.element_count()));
  formats::to_floats(stored.type, stored.bytes, floats);
  return floats;
}

std::vector<float> golden_floats(const std::string& name) {
  std::vector<float> floats;
  for (const double value : drawn().at(name).get<std::vector<double>>())
    floats.push_back(static_cast<float>(value));
  return floats;
}

TEST_F(MakeGpt2, DrawsWhatTorchDraws) {
  make_gpt2(drawn_sizes(), 123, folder());
  const formats::Checkpoint file = formats::read_safetensors(folder() + "/model.safetensors");
  // Linears to the bit; torch's randn rounds its own approximations, by up to 3 ulp.
  EXPECT_EQ(stored_floats(file, "transformer.h.1.mlp.c_proj.bias"), golden_floats("last_out_bias"));
  const std::vector<float> turned = stored_floats(file, "transformer.h.1.mlp.c_fc.weight");
  const std::vector<float> in = golden_floats("last_in_weight");
  ASSERT_EQ(turned.size(), in.size());
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(turned[i % 24 * 96 + i / 24], in[i]) << i;
  for (const auto& [name, golden] : {std::pair{"transformer.wte.weight", "embedding"},
                                     {"transformer.wpe.weight", "positions"}}) {
    const std::vector<float> have = stored_floats(file, name);
    const std::vector<float> want = golden_floats(golden);
    ASSERT_EQ(have.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_LE(golden::ulps_between(have[i], want[i]), 3) << name << " " << i;
  }
}

TEST_F(MakeGpt2, SaysWhatTorchsModelSays) {
  make_gpt2(drawn_sizes(), 123, folder());
  const auto model = load_model(folder());
  const auto prompt = drawn().at("prompt").get<std::vector<std::int32_t>>();
  const Tensor logits = model->logits(model->forward(prompt).view());
  // Two layers of six sums with at most 96 products each.
  expect_near_all(logits.values<float>(), drawn().at("logits").get<std::vector<double>>(),
                  2.0 * 6 * 96 * 0x1p-24);
  EXPECT_EQ(generate(*model, prompt, {.tokens = 8}).ids,
            drawn().at("new").get<std::vector<std::int32_t>>());
}

TEST_F(MakeGpt2, CountsItsParameters) {
  EXPECT_EQ(gpt2_parameter_count({}), 163'009'536);
  EXPECT_EQ(gpt2_parameter_count(drawn_sizes()), drawn().at("parameters").get<std::int64_t>());
}

TEST_F(MakeGpt2, DrawsOtherNumbersFromAnotherSeed) {
  make_gpt2(drawn_sizes(), 124, folder());
  const formats::Checkpoint file = formats::read_safetensors(folder() + "/model.safetensors");
  EXPECT_NE(stored_floats(file, "transformer.h.1.mlp.c_proj.bias"), golden_floats("last_out_bias"));
}

TEST_F(MakeGpt2, TellsHowFarItIs) {
  std::vector<std::int64_t> steps;
  std::int64_t all = 0;
  make_gpt2(drawn_sizes(), 1, folder(), [&](std::int64_t done, std::int64_t of) {
    steps.push_back(done);
    all = of;
  });
  EXPECT_TRUE(std::ranges::is_sorted(steps));
  EXPECT_EQ(steps.back(), all);
}

TEST_F(MakeGpt2, LeavesNothingWhenItIsStopped) {
  const auto stop = [](std::int64_t done, std::int64_t all) {
    if (done > all / 2) throw std::runtime_error("enough");
  };
  EXPECT_THROW(make_gpt2(drawn_sizes(), 1, folder(), stop), std::runtime_error);
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(MakeGpt2, RefusesSizesThatNoModelHas) {
  const auto text = [&](const Gpt2Sizes& sizes) {
    return invalid_argument_text([&] { make_gpt2(sizes, 1, folder()); });
  };
  EXPECT_THAT(text({.vocabulary = 0}), HasSubstr("vocabulary 0"));
  EXPECT_THAT(text({.hidden_size = 770}), HasSubstr("heads that divide the hidden size"));
  EXPECT_THAT(text({.layers = 5000}), HasSubstr("at most 4096 layers"));
  EXPECT_THAT(text({.context_length = std::int64_t{1} << 62}), HasSubstr("1 to 1048576"));
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(MakeGpt2, SaysWhereItCannotWrite) {
  EXPECT_THAT(error_text(ErrorKind::io, [] { make_gpt2(drawn_sizes(), 1, "/proc/nowhere/made"); }),
              HasSubstr("/proc/nowhere/made"));
}

// 652 MB and some seconds. tools/make_drawn_gpt2_golden.py --124m prints the same ten tokens.
TEST_F(MakeGpt2, OfTheBooksSizeSaysWhatTheBookPrints) {
  if (std::getenv("FOVEA_LONG") == nullptr) GTEST_SKIP() << "FOVEA_LONG is not set";
  make_gpt2_124m(123, folder());
  const auto model = load_model(folder());
  const std::vector<std::int32_t> hello_i_am = {15496, 11, 314, 716};
  EXPECT_THAT(
      generate(*model, hello_i_am, {.tokens = 10}).ids,
      testing::ElementsAre(27018, 24086, 47843, 30961, 42348, 7267, 49706, 43231, 47062, 34657));
}

}  // namespace
}  // namespace fovea::models
