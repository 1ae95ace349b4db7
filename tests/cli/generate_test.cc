// fovea generate, with a model that knows one story; and with SmolLM2 where it is at hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/run_program.h"
#include "cli/tiny_model.h"
#include "formats/temporary_folder.h"

namespace fovea::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Line breaks, characters of two, three and four bytes.
const std::string kStory = "The sun,\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80!";

class Generate : public testing::Test {
 protected:
  Generate() { formats::write_file(model(), tiny_model({.story = kStory})); }

  std::string model() const { return folder_.path("tiny.gguf"); }

  Finished generate(std::vector<std::string> words) const {
    words.insert(words.begin(), "generate");
    words.insert(words.end(), {"--model", model()});
    return run(std::move(words));
  }

  formats::TemporaryFolder folder_;
};

TEST_F(Generate, PassesOverTokensThatTheTokenizerDoesNotKnow) {
  formats::write_file(model(), tiny_model({.story = "abc", .padding = 7}));
  const Finished done = generate({"a", "--tokens", "3"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(done.output, "abc\n");
  EXPECT_EQ(generate({"a", "--tokens", "3", "--ids"}).output, "98 99 257\n");
}

void expect_one_line(const Finished& done, int exit_code) {
  EXPECT_EQ(done.exit_code, exit_code) << done.error;
  EXPECT_THAT(done.error, StartsWith("fovea: "));
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  EXPECT_EQ(done.output, "");
}

TEST_F(Generate, PrintsThePromptAndHowTheModelGoesOn) {
  const Finished done = generate({"T"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(done.output, kStory + '\n');
  EXPECT_EQ(done.error, "") << "speed is for terminals";
}

TEST_F(Generate, EndsAfterSoManyTokens) {
  EXPECT_EQ(generate({"T", "--tokens", "3"}).output, "The \n");
  EXPECT_EQ(generate({"T", "--tokens", "0"}).output, "T\n");
}

TEST_F(Generate, PrintsACutCharacterAsAReplacement) {
  // 9 bytes to "\n", then the first two of the euro sign's three.
  EXPECT_EQ(generate({"T", "--tokens", "12"}).output, "The sun,\n\xC3\xA9\xEF\xBF\xBD\n");
}

TEST_F(Generate, ReadsAPromptFromStandardInput) {
  const Finished done = run(Launch{.words = {"generate", "-", "--model", model()}, .input = "The"});
  EXPECT_EQ(done.output, kStory + '\n');
}

TEST_F(Generate, PrintsIdsAlone) {
  EXPECT_EQ(generate({"T", "--ids", "--tokens", "4"}).output, "104 101 32 115\n");
}

TEST_F(Generate, PrintsJsonWithWhyItEnded) {
  const json all = json::parse(generate({"s", "--json"}).output);
  EXPECT_EQ(all["prompt"], "s");
  EXPECT_EQ(all["text"], kStory.substr(kStory.find("un")));
  EXPECT_EQ(all["ids"].size(), all["text"].get<std::string>().size());
  EXPECT_EQ(all["end"], "end of text");
  EXPECT_EQ(json::parse(generate({"s", "--json", "--tokens", "2"}).output)["end"], "tokens");
}

TEST_F(Generate, DrawsTheSameTextFromTheSameSeed) {
  const auto drawn = [&](const char* seed) {
    return generate({"T", "--temperature", "40", "--tokens", "20", "--ids", "--seed", seed}).output;
  };
  EXPECT_EQ(drawn("1"), drawn("1"));
  EXPECT_NE(drawn("1"), drawn("2"));
  EXPECT_EQ(generate({"T", "--temperature", "40", "--top-k", "1"}).output, kStory + '\n');
  EXPECT_EQ(generate({"T", "--seed", "5", "--top-p", "0"}).output, kStory + '\n');
}

TEST_F(Generate, EndsWhenTheContextIsFull) {
  formats::write_file(model(), tiny_model({.story = "xy", .is_circle = true, .context_length = 4}));
  const json all = json::parse(generate({"xy", "--json"}).output);
  EXPECT_EQ(all["text"], "xyx");
  EXPECT_EQ(all["end"], "context full");
}

TEST_F(Generate, RefusesAPromptThatIsTooLongWithBothLengths) {
  const Finished done = generate({std::string(65, 'T')});
  expect_one_line(done, 1);
  EXPECT_THAT(done.error, AllOf(HasSubstr("65 tokens"), HasSubstr("at most 64")));
  EXPECT_EQ(generate({std::string(64, 'T')}).exit_code, 0);
}

TEST_F(Generate, RefusesWhatItCannotDo) {
  expect_one_line(generate({}), 2);
  expect_one_line(generate({"T", "too", "many"}), 2);
  expect_one_line(generate({"T", "--ids", "--json"}), 2);
  expect_one_line(generate({"T", "--temperature", "-1"}), 2);
  expect_one_line(generate({"T", "--top-p", "1.5"}), 2);
  expect_one_line(generate({"T", "--tokens", "-1"}), 2);
  const Finished empty = generate({""});
  expect_one_line(empty, 1);
  EXPECT_THAT(empty.error, HasSubstr("no tokens"));
}

TEST_F(Generate, OnATerminalTellsThePromptFromTheRestAndTheSpeed) {
  const std::string shown = output_on_terminal(
      {.words = {"generate", "T", "--model", model()}, .environment = {{"TERM", "xterm"}}});
  EXPECT_THAT(shown, StartsWith("\x1b[2mT\x1b[0mhe sun,\n\xC3\xA9"));
  EXPECT_THAT(shown, AllOf(HasSubstr("tokens/s"), HasSubstr("end of text")));
}

TEST_F(Generate, OnATerminalEscapesWhatATerminalWouldActOn) {
  formats::write_file(model(), tiny_model({.story = "a\x1b[2J"}));
  const std::string shown = output_on_terminal(
      {.words = {"generate", "a", "--model", model()}, .environment = {{"NO_COLOR", "1"}}});
  EXPECT_THAT(shown, StartsWith("a\\x1b[2J\n"));
}

TEST_F(Generate, InterruptedEndsAtOnceWithWhatThereIs) {
  formats::write_file(model(),
                      tiny_model({.story = "xy", .is_circle = true, .context_length = 1'000'000}));
  const std::string output = folder_.path("output.txt");
  formats::write_file(output, "");
  Program program({.words = {"generate", "x", "--model", model(), "--tokens", "1000000"},
                   .output_path = output});
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::filesystem::file_size(output) < 10 && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  program.send(SIGINT);
  const Finished done = program.finish(std::chrono::seconds(10));
  EXPECT_EQ(done.exit_code, 130);
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(formats::content_of(output), StartsWith("xyxyxyxyxy"));
}

TEST_F(Generate, AReaderThatLeavesEndsItQuietly) {
  const Finished done =
      run(Launch{.words = {"generate", "T", "--model", model()}, .reader_is_gone = true});
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(done.error, "");
}

TEST_F(Generate, ADiskThatIsFullIsSaid) {
  const Finished done =
      run(Launch{.words = {"generate", "T", "--model", model()}, .output_path = "/dev/full"});
  expect_one_line(done, 1);
  EXPECT_THAT(done.error, HasSubstr("No space left on device"));
}

// SmolLM2, where `fovea model get smollm2` has been run, against transformers' float32.
TEST(GenerateSmollm2, GoesOnAsTransformersDoes) {
  bool is_here = false;
  for (const json& model : json::parse(run({"model", "list", "--json"}).output))
    if (model["name"] == "smollm2") is_here = model["is_here"];
  if (!is_here) GTEST_SKIP() << "no model: fovea model get smollm2";
  const json golden =
      json::parse(formats::content_of(FOVEA_SOURCE_DIR "/tests/golden/generation.json"));
  for (const json& entry : golden["prompts"]) {
    const Finished done =
        run({"generate", entry["prompt"], "--json", "--tokens", golden["tokens"].dump()});
    ASSERT_EQ(done.exit_code, 0) << done.error;
    const json found = json::parse(done.output);
    for (const char* field : {"prompt_ids", "ids", "text"}) EXPECT_EQ(found[field], entry[field]);
  }
}

}  // namespace
}  // namespace fovea::cli
