// fovea model, and what `--model` makes of names, paths and files that are no models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/model_store.h"
#include "cli/run_program.h"
#include "cli/tiny_model.h"
#include "formats/temporary_folder.h"

namespace fovea::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class Model : public testing::Test {
 protected:
  Finished fovea(std::vector<std::string> words) const { return run(launch(std::move(words))); }

  Launch launch(std::vector<std::string> words) const {
    return {.words = std::move(words), .environment = {{"XDG_DATA_HOME", folder_.root()}}};
  }

  std::string write(const std::string& name, std::string_view content) const {
    formats::write_file(folder_.path(name), content);
    return folder_.path(name);
  }

  // Each command that takes a model.
  std::vector<Finished> with_model(const std::string& model) const {
    return {fovea({"model", "show", model}), fovea({"generate", "a", "--model", model}),
            fovea({"explain", "a", "--model", model})};
  }

  formats::TemporaryFolder folder_;
};

void expect_one_line(const Finished& done, int exit_code) {
  EXPECT_EQ(done.exit_code, exit_code) << done.error;
  EXPECT_THAT(done.error, StartsWith("fovea: "));
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  EXPECT_LE(done.error.size(), 1000U);
  EXPECT_EQ(done.output, "");
}

// Little-endian length, header, data: two tensors, a name that a terminal would act on.
std::string safetensors_file() {
  std::string header = R"({"__metadata__":{"format":"pt"},)"
                       R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                       R"("b\u001b[2J":{"dtype":"BF16","shape":[5],"data_offsets":[24,34]}})";
  return tiny::number(std::uint64_t{header.size()}) + header + std::string(34, '\0');
}

TEST_F(Model, ListTellsWhatIsHere) {
  const Finished none = fovea({"model", "list"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_THAT(none.output, AllOf(StartsWith("smollm2\t98 MB\t\t"), HasSubstr("minilm\t")));
  for (const json& each : json::parse(fovea({"model", "list", "--json"}).output)) {
    EXPECT_EQ(each["is_here"], false);
    EXPECT_EQ(each["folder"], folder_.path("fovea/models/") + each["name"].get<std::string>());
  }
}

TEST_F(Model, ListNeedsAFileOfTheRightSize) {
  const std::string folder = folder_.path("fovea/models/smollm2/");
  std::filesystem::create_directories(folder);
  const std::string file = folder + "SmolLM2-135M-Instruct.Q4_1.gguf";
  formats::write_file(file, "cut");
  EXPECT_EQ(json::parse(fovea({"model", "list", "--json"}).output)[0]["is_here"], false);
  EXPECT_THAT(fovea({"generate", "a", "--model", "smollm2"}).error, HasSubstr("is not whole"));
  ASSERT_EQ(::truncate(file.c_str(), 98'362'432), 0);
  EXPECT_EQ(json::parse(fovea({"model", "list", "--json"}).output)[0]["is_here"], true);
}

TEST_F(Model, ListFitsATerminal) {
  const std::string text = output_on_terminal(launch({"model", "list"}));
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    EXPECT_LE(end - begin, 80U) << text.substr(begin, end - begin);
  EXPECT_THAT(text, HasSubstr("fovea model get NAME"));
}

TEST_F(Model, ShowTellsFormatMetadataAndTensors) {
  const Finished done = fovea({"model", "show", write("m.safetensors", safetensors_file())});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, AllOf(HasSubstr("safetensors, "), HasSubstr("2: 1 BF16, 1 F32"),
                                 HasSubstr("parameters  11\n"), HasSubstr("format  pt"),
                                 HasSubstr("  a         F32   [2, 3]  24\n"),
                                 HasSubstr("  b\\x1b[2J  BF16  [5]     10\n")));
}

TEST_F(Model, ShowShortensLongArrays) {
  const std::string path = write("tiny.gguf", tiny_model({.story = "ab"}));
  const Finished text = fovea({"model", "show", path});
  EXPECT_THAT(text.output, AllOf(HasSubstr("gguf v3"), HasSubstr("257 values: 1, 1, 1, "),
                                 HasSubstr("general.name                            Tiny\n")));
  const json all = json::parse(fovea({"model", "show", path, "--json"}).output);
  EXPECT_EQ(all["metadata"]["tokenizer.ggml.tokens"]["length"], 257);
  EXPECT_EQ(all["metadata"]["tokenizer.ggml.token_type"]["first"], json(std::vector<int>(16, 1)));
  EXPECT_EQ(all["metadata"]["tokenizer.ggml.merges"], json::array());
  EXPECT_EQ(all["metadata"]["llama.embedding_length"], 64);
  EXPECT_EQ(all["tensors"][0], json({{"name", "token_embd.weight"},
                                     {"type", "F32"},
                                     {"shape", {257, 64}},
                                     {"bytes", 257 * 64 * 4}}));
  EXPECT_EQ(all["types"], json({{"F32", all["tensors"].size()}}));
}

TEST_F(Model, ShowTakesAFolderWithOneModel) {
  const std::string folder = folder_.path("m");
  std::filesystem::create_directory(folder);
  const Finished none = fovea({"model", "show", folder});
  expect_one_line(none, 1);
  EXPECT_THAT(none.error, HasSubstr("holds no .gguf or .safetensors"));
  write("m/a.safetensors", safetensors_file());
  EXPECT_THAT(fovea({"model", "show", folder}).output, HasSubstr("a.safetensors\n"));
  write("m/b.gguf", "");
  const Finished two = fovea({"model", "show", folder});
  expect_one_line(two, 1);
  EXPECT_THAT(two.error, HasSubstr("holds 2 .gguf or .safetensors"));
}

TEST_F(Model, MissingWordsAndForeignFlagsAreNamed) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"model"},
                                             {"model", "get"},
                                             {"model", "show"},
                                             {"model", "lits"},
                                             {"model", "list", "smollm2"},
                                             {"model", "list", "--from", "."},
                                             {"model", "get", "minilm", "--json"},
                                             {"model", "get", "no-such-model"},
                                             {"model", "get", "gpt2-124m"},
                                             {"model", "make", "smollm2"},
                                             {"model", "make", "gpt2-124m", "--seed", "-1"},
                                             {"model", "get", "minilm", "--seed", "1"}}) {
    expect_one_line(fovea(words), 2);
  }
  EXPECT_THAT(fovea({"model", "lits"}).error, HasSubstr("did you mean list?"));
  EXPECT_THAT(fovea({"model", "get", "smolm2"}).error, HasSubstr("did you mean smollm2?"));
}

TEST_F(Model, ANameThatIsNotHereSaysHowToGetIt) {
  for (const Finished& done : with_model("smollm2")) {
    expect_one_line(done, 1);
    EXPECT_THAT(done.error, HasSubstr("`fovea model get smollm2` fetches it (98 MB)"));
  }
  for (const Finished& done : with_model("smolm2")) {
    expect_one_line(done, 1);
    EXPECT_THAT(done.error, HasSubstr("did you mean smollm2?"));
  }
  for (const Finished& done : with_model("nowhere/smollm2.gguf")) {
    expect_one_line(done, 1);
    EXPECT_THAT(done.error, HasSubstr("nowhere/smollm2.gguf: No such file or directory"));
  }
  for (const Finished& done : with_model("")) expect_one_line(done, 1);
  for (const Finished& done : with_model(std::string(100'000, 'x'))) expect_one_line(done, 1);
}

TEST_F(Model, WithoutAHomeSaysThatThereIsNoPlace) {
  const Finished done = run(Launch{.words = {"model", "list"},
                                   .environment = {{"XDG_DATA_HOME", "relative"}, {"HOME", ""}}});
  expect_one_line(done, 1);
  EXPECT_THAT(done.error, HasSubstr("HOME"));
}

TEST_F(Model, WhatIsNoFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(folder_.path("fifo").c_str(), 0600), 0);
  for (const std::string& path : {folder_.path("fifo"), std::string("/dev/zero"),
                                  std::string("/dev/full"), std::string("/proc/self/mem")}) {
    for (const Finished& done : with_model(path)) {
      expect_one_line(done, 1);
      EXPECT_THAT(done.error, HasSubstr(path));
    }
  }
}

TEST_F(Model, TheWrongFormatUnderTheRightNameSaysWhatItLooksLike) {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {std::string("\x93NUMPY\x01\x00v\x00", 10) + std::string(100, ' '), "npy"},
      {std::string("PK\x03\x04") + std::string(100, 'x'), "zip"},
      {"<!DOCTYPE html><html><body>404</body></html>", "HTML"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-lfs"},
      {std::string(100, '\0'), "zeros"}};
  for (const char* name : {"m.gguf", "m.safetensors"}) {
    for (const auto& [content, looks_like] : kinds) {
      for (const Finished& done : with_model(write(name, content))) {
        expect_one_line(done, 1);
        EXPECT_THAT(done.error, HasSubstr(looks_like));
      }
    }
  }
}

TEST_F(Model, LargerThanTheMemoryIsOutOfMemoryWithTheSize) {
  if (!kCanLimitAddresses) GTEST_SKIP() << "the sanitizer needs more";
  const std::int64_t floats = 1 << 28;  // 1 GiB, none of it on the disk
  std::string header = R"({"a":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}})";
  const std::string path =
      write("m.safetensors", tiny::number(std::uint64_t{header.size()}) + header);
  const auto begin = static_cast<std::int64_t>(8 + header.size());
  ASSERT_EQ(::truncate(path.c_str(), begin + 4 * floats), 0);
  write("config.json", R"({"model_type":"llama"})");
  for (std::vector<std::string> words :
       {std::vector<std::string>{"model", "show"}, {"generate", "a", "--model"}}) {
    words.push_back(path);
    Launch small = launch(words);
    small.most_address_space = std::int64_t{256} << 20;
    const Finished done = run(small);
    expect_one_line(done, 1);
    EXPECT_THAT(done.error, AllOf(HasSubstr("memory"), HasSubstr("1073741")));
  }
}

// OpenBLAS without addresses for its buffers would try for ever. How much it takes depends on how it
// was built: with threads of its own it does not fit here.
TEST_F(Model, LittleMemoryForTheBlasLibraryIsAnErrorAndNoEndlessLoop) {
  if (!kCanLimitAddresses) GTEST_SKIP() << "the sanitizer needs more";
  Launch small =
      launch({"generate", "a", "--model", write("tiny.gguf", tiny_model({.story = "ab"}))});
  small.most_address_space = std::int64_t{256} << 20;
  const Finished done = Program(small).finish(std::chrono::seconds(20));
  if (done.exit_code == 0) {
    EXPECT_EQ(done.output, "ab\n");
  } else {
    expect_one_line(done, 1);
    EXPECT_THAT(done.error, HasSubstr("out of memory: the BLAS library needs 134217728 bytes"));
  }
}

TEST(KnownModels, AreFilledIn) {
  for (const KnownModel& model : known_models()) {
    EXPECT_EQ(find_known_model(model.name), &model);
    EXPECT_LE(model.summary.size(), 48U);
    ASSERT_FALSE(model.files.empty());
    if (model.package.source == ModelSource::made) continue;
    EXPECT_GT(model.package.bytes, 0);
    for (const ModelFile& file : model.files) {
      EXPECT_GT(file.bytes, 0) << file.name;
      EXPECT_EQ(file.sha256.size(), 64U) << file.name;
      EXPECT_EQ(file.sha256.find_first_not_of("0123456789abcdef"), std::string::npos) << file.name;
    }
  }
  EXPECT_EQ(find_known_model("nothing"), nullptr);
}

TEST(Megabytes, AreRounded) {
  EXPECT_EQ(megabytes(999), "999 bytes");
  EXPECT_EQ(megabytes(559'221), "559 kB");
  EXPECT_EQ(megabytes(98'362'432), "98 MB");
  EXPECT_EQ(megabytes(652'038'144), "652 MB");
  EXPECT_EQ(megabytes(1'304'000'000), "1.3 GB");
}

}  // namespace
}  // namespace fovea::cli
