// Models whose sizes, tensors and numbers do not fit together: each is refused with what was found
// and what is wanted, before anything is computed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/tiny_model.h"
#include "core/error_text.h"
#include "fovea/core/random.h"
#include "fovea/models/model.h"
#include "models/model_run.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;
namespace tiny = cli::tiny;
using testing::HasSubstr;

// A llama of one layer, two heads of 4 numbers that share a key head; bytes are tokens.
struct TinyLlama {
  struct Stored {
    std::vector<std::uint64_t> sizes;  // outermost last
    std::vector<float> values;
  };
  std::map<std::string, std::int64_t> sizes = {
      {"block_count", 1},          {"context_length", 64},      {"embedding_length", 8},
      {"feed_forward_length", 6},  {"attention.head_count", 2}, {"attention.head_count_kv", 1},
      {"rope.dimension_count", 4},
  };
  std::map<std::string, float> reals = {{"attention.layer_norm_rms_epsilon", 1e-5F}};
  std::map<std::string, std::string> texts = {};
  std::map<std::string, Stored> tensors = {};

  TinyLlama() {
    put("token_embd", {8, tiny::kVocabulary});
    for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) put(name, {8});
    for (const char* name : {"attn_q", "attn_output"}) put(std::string("blk.0.") + name, {8, 8});
    for (const char* name : {"attn_k", "attn_v"}) put(std::string("blk.0.") + name, {8, 4});
    for (const char* name : {"ffn_gate", "ffn_up"}) put(std::string("blk.0.") + name, {8, 6});
    put("blk.0.ffn_down", {6, 8});
  }

  void put(const std::string& name, const std::vector<std::uint64_t>& shape) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : shape) count *= size;
    Generator generator(count);
    Stored stored{shape, std::vector<float>(count)};
    for (float& value : stored.values)
      value = static_cast<float>(generator.uniform_double()) - 0.5F;
    tensors[name + ".weight"] = std::move(stored);
  }

  std::string file() const {
    tiny::Gguf gguf;
    gguf.key("general.architecture", tiny::kString, tiny::text("llama"));
    for (const auto& [name, value] : sizes)
      gguf.key("llama." + name, 10, tiny::number(static_cast<std::uint64_t>(value)));
    for (const auto& [name, value] : reals)
      gguf.key("llama." + name, tiny::kF32, tiny::number(value));
    for (const auto& [name, value] : texts)
      gguf.key("llama." + name, tiny::kString, tiny::text(value));
    tiny::add_tokenizer(gguf);
    for (const auto& [name, stored] : tensors) gguf.tensor(name, stored.sizes, stored.values);
    return gguf.file();
  }
};

class HostileModel : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) /
              (std::string("fovea_hostile_") + test->name() + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string written(const TinyLlama& llama) const {
    const std::string path = (folder_ / "model.gguf").string();
    std::ofstream(path, std::ios::binary) << llama.file();
    return path;
  }
  // What load_model says of a model with one size changed.
  std::string size_refusal(const std::string& name, std::int64_t value,
                           ErrorKind kind = ErrorKind::format) const {
    TinyLlama llama;
    llama.sizes[name] = value;
    return refusal(llama, kind);
  }
  std::string refusal(const TinyLlama& llama, ErrorKind kind = ErrorKind::format) const {
    const std::string path = written(llama);
    return error_text(kind, [&] { load_model(path); });
  }
  // A copy of a golden model whose config.json is changed.
  std::string changed(const std::string& name, const nlohmann::json& changes) const {
    const fs::path weights = folder_ / "model.safetensors";
    fs::copy_file(golden_path(name + "/model.safetensors"), weights,
                  fs::copy_options::overwrite_existing);
    nlohmann::json config = golden::read_json_file(golden_path(name + "/config.json"));
    config.update(changes);
    std::ofstream(folder_ / "config.json") << config;
    return weights.string();
  }
  std::string config_refusal(const std::string& name, const nlohmann::json& changes,
                             ErrorKind kind) const {
    const std::string path = changed(name, changes);
    return error_text(kind, [&] { load_model(path); });
  }

  fs::path folder_;
};

TEST_F(HostileModel, IsNotWhatAllOthersAreMadeOf) {
  const auto model = load_model(written({}));
  const std::vector<std::int32_t> ids = {1, 2, 3};
  EXPECT_EQ(model->forward(ids).shape(), (Shape{3, 8}));
}

TEST_F(HostileModel, SizesThatAreNothingOrAbsurdAreRefused) {
  for (const char* name :
       {"block_count", "context_length", "embedding_length", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "rope.dimension_count"}) {
    EXPECT_THAT(size_refusal(name, 0), HasSubstr(std::string("llama.") + name + " is 0; a whole"));
    EXPECT_THAT(size_refusal(name, std::int64_t{1} << 40),
                HasSubstr(std::string("llama.") + name + " is 1099511627776; a whole"));
    TinyLlama without;
    without.sizes.erase(name);
    if (std::string_view(name) == "attention.head_count_kv" ||
        std::string_view(name) == "rope.dimension_count")
      continue;
    EXPECT_THAT(refusal(without), HasSubstr(std::string("llama.") + name + " is missing"));
  }
}

TEST_F(HostileModel, SizesThatDisagreeAreRefused) {
  EXPECT_THAT(size_refusal("attention.head_count_kv", 3), HasSubstr("3 does not divide 2"));
  EXPECT_THAT(size_refusal("attention.head_count", 3), HasSubstr("does not divide"));
  EXPECT_THAT(size_refusal("attention.head_count", 8), HasSubstr("2 does not divide 1"));
  EXPECT_THAT(size_refusal("embedding_length", 7), HasSubstr("2 does not divide 7"));
  EXPECT_THAT(size_refusal("rope.dimension_count", 3, ErrorKind::unsupported),
              HasSubstr("RoPE turns 3 of the 4"));
  EXPECT_THAT(size_refusal("block_count", 2), HasSubstr("blk.1.attn_norm.weight [8] is missing"));
  EXPECT_THAT(size_refusal("feed_forward_length", 5),
              HasSubstr("is [6, 8]; the model's sizes ask"));
  EXPECT_THAT(size_refusal("vocab_size", 300),
              HasSubstr("token_embd.weight is [257, 8]; vocab_size, 300, asks for [300, 8]"));
  EXPECT_THAT(config_refusal("tiny_llama", {{"vocab_size", 3}}, ErrorKind::format),
              HasSubstr("model.embed_tokens.weight is [60, 32]; vocab_size, 3, asks for [3, 32]"));
}

// Attention that is observed takes no larger ones; said when it is loaded, not when it runs.
TEST_F(HostileModel, HeadsLargerThanAttendTakesAreRefusedWhenLoaded) {
  EXPECT_THAT(size_refusal("attention.key_length", 514, ErrorKind::unsupported),
              HasSubstr("its heads are 514 numbers large; at most 512 are read"));
  TinyLlama llama;
  llama.sizes["embedding_length"] = 1028;  // two heads, and no key_length
  EXPECT_THAT(refusal(llama, ErrorKind::unsupported), HasSubstr("its heads are 514 numbers"));
}

TEST_F(HostileModel, TensorsOfOtherShapesAreNamedWithBoth) {
  const auto with = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
    TinyLlama llama;
    llama.put(name, shape);
    return refusal(llama);
  };
  EXPECT_THAT(with("blk.0.attn_q", {64}), HasSubstr("blk.0.attn_q.weight is [64]; the model's "
                                                    "sizes ask for [8, 8]"));
  EXPECT_THAT(with("output_norm", {8, 1}), HasSubstr("output_norm.weight is [1, 8]"));
  EXPECT_THAT(with("token_embd", {8 * 257}), HasSubstr("token_embd.weight is [2056]"));
  EXPECT_THAT(with("token_embd", {8, 0}), HasSubstr("token_embd.weight is [0, 8]"));
  EXPECT_THAT(with("output", {8, 256}), HasSubstr("output.weight is [256, 8]"));
  EXPECT_THAT(with("blk.1.attn_q", {8, 8}), HasSubstr("has no place in a llama model"));
}

TEST_F(HostileModel, MissingTensorsAreNamed) {
  const TinyLlama whole;
  for (const auto& [name, stored] : whole.tensors) {
    TinyLlama llama;
    llama.tensors.erase(name);
    EXPECT_THAT(refusal(llama), AllOf(HasSubstr(name), HasSubstr("missing")));
  }
}

// transformers reads the same file with a random head, and says so.
TEST_F(HostileModel, AHeadThatIsNotTiedMustBeThere) {
  EXPECT_THAT(
      config_refusal("tiny_llama_tied", {{"tie_word_embeddings", false}}, ErrorKind::format),
      HasSubstr("tensor lm_head.weight [60, 32] is missing"));
  EXPECT_THAT(config_refusal("tiny_gpt2_bare", {{"tie_word_embeddings", false}}, ErrorKind::format),
              HasSubstr("tensor lm_head.weight [60, 32] is missing"));
}

TEST_F(HostileModel, TensorsOfIntegersAreNoWeights) {
  fs::copy_file(golden_path("tiny_gpt2/config.json"), folder_ / "config.json");
  std::ifstream from(golden_path("tiny_gpt2/model.safetensors"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
  const std::size_t name = bytes.find("h.0.attn.c_attn.weight");
  ASSERT_NE(name, std::string::npos);
  bytes[bytes.find("F32", name)] = 'I';
  std::ofstream(folder_ / "model.safetensors", std::ios::binary) << bytes;
  EXPECT_THAT(error_text(ErrorKind::format, [&] { load_model(folder_.string()); }),
              HasSubstr("h.0.attn.c_attn.weight is I32; F32, F16"));
}

TEST_F(HostileModel, RopeThatIsNotPlainIsNeverComputedAsIfItWere) {
  const auto config = [&](const nlohmann::json& changes) {
    return config_refusal("tiny_llama", changes, ErrorKind::unsupported);
  };
  const auto says = HasSubstr("its RoPE is scaled (for longer texts) or turns a part alone");
  const nlohmann::json llama3 = {{"rope_type", "llama3"}, {"rope_theta", 500.0}, {"factor", 8.0}};
  EXPECT_THAT(config({{"rope_parameters", llama3}}), says);
  EXPECT_THAT(config({{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}), says);
  EXPECT_THAT(config({{"rope_scaling", {{"factor", 2.0}}}}), says);
  EXPECT_THAT(config({{"partial_rotary_factor", 0.5}}), says);
  EXPECT_THAT(config({{"rope_parameters", 7}}), says);
  for (const auto& [name, value] :
       {std::pair{"rope.scaling.factor", 4.0F}, {"rope.scale_linear", 2.0F}}) {
    TinyLlama llama;
    llama.reals[name] = value;
    EXPECT_THAT(refusal(llama, ErrorKind::unsupported), says) << name;
  }
  EXPECT_THAT(size_refusal("rope.scaling.type", 1, ErrorKind::unsupported), says);
}

TEST_F(HostileModel, RopeThatIsSaidToBePlainLoads) {
  const std::string path = changed("tiny_llama", {{"rope_scaling", {{"rope_type", "default"}}}});
  EXPECT_EQ(load_model(path)->facts().rope->base, 500);
  TinyLlama llama;
  llama.texts["rope.scaling.type"] = "none";
  llama.reals["rope.scaling.factor"] = 1;
  EXPECT_EQ(load_model(written(llama))->facts().head_size, 4);
}

TEST_F(HostileModel, NumbersThatMakeNoSenseAreRefused) {
  TinyLlama llama;
  llama.reals["attention.layer_norm_rms_epsilon"] = 0;
  EXPECT_THAT(refusal(llama), HasSubstr("the norm's epsilon is 0"));
  llama.reals["attention.layer_norm_rms_epsilon"] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(llama), HasSubstr("no finite number"));
  for (const float base : {-1.0F, 0.0F, 1.0F}) {
    TinyLlama turned;
    turned.reals["rope.freq_base"] = base;
    EXPECT_THAT(refusal(turned), HasSubstr("a number above 1 is wanted"));
  }
  EXPECT_THAT(
      config_refusal("tiny_llama", {{"rope_parameters", {{"rope_theta", "x"}}}}, ErrorKind::format),
      HasSubstr("RoPE's base is no number"));
}

TEST_F(HostileModel, AnotherActivationIsNotTakenForSilu) {
  EXPECT_THAT(config_refusal("tiny_llama", {{"hidden_act", "gelu"}}, ErrorKind::unsupported),
              HasSubstr("hidden_act is 'gelu'; fovea reads Llama models with silu"));
}

TEST_F(HostileModel, TokensThatItsTableDoesNotHaveAreRefusedWhenTheyCome) {
  TinyLlama llama;
  llama.put("token_embd", {8, 50});  // the tokenizer has 257
  const auto model = load_model(written(llama));
  EXPECT_THAT(invalid_argument_text([&] {
                const std::vector<std::int32_t> ids = {97};
                model->forward(ids);
              }),
              HasSubstr("token id 97 given; the vocabulary has 0 to 49"));
}

}  // namespace
}  // namespace fovea::models
