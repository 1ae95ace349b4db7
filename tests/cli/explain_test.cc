// fovea explain: with the built-in model and a tiny one from a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/run_program.h"
#include "cli/tiny_model.h"
#include "formats/temporary_folder.h"

namespace fovea::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kJourney = "Your journey starts with one step";

class ExplainCommand : public testing::Test {
 protected:
  // An empty store: no model is at hand.
  Finished explain(std::vector<std::string> words, const std::string& input = "") const {
    return run(launch(std::move(words), input));
  }

  Launch launch(std::vector<std::string> words, const std::string& input = "") const {
    words.insert(words.begin(), "explain");
    return {.words = std::move(words),
            .environment = {{"XDG_DATA_HOME", folder_.root()}},
            .input = input};
  }

  void expect_usage_error(std::vector<std::string> words, const std::string& text) const {
    const Finished done = explain(std::move(words));
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_THAT(done.error, HasSubstr(text));
    EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  }

  formats::TemporaryFolder folder_;
};

TEST_F(ExplainCommand, WorksWithoutAnyModelAndSaysHowToGetOne) {
  const Finished done = explain({kJourney});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr(kJourney));
  EXPECT_THAT(done.output, HasSubstr("fovea model get smollm2"));
  EXPECT_EQ(done.error, "");
}

TEST_F(ExplainCommand, SaysThatUnknownWordsHaveDrawnVectors) {
  EXPECT_THAT(explain({"one brave step"}).output, HasSubstr("1 other word got a"));
}

// Vocabularies are padded to round numbers; what stands there has no text.
TEST_F(ExplainCommand, NamesAGuessThatTheTokenizerDoesNotKnowByItsNumber) {
  const std::string model = folder_.path("padded.gguf");
  formats::write_file(model, tiny_model({.story = "abc", .padding = 7}));
  const Finished done = explain({"abc", "--model", model, "--guesses", "1"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr("token 257 "));
}

TEST_F(ExplainCommand, ReadsATextFromStandardInput) {
  const Finished done = explain({"-", "--json"}, "one step\n");
  EXPECT_EQ(json::parse(done.output).at("tokens").size(), 2U);
}

TEST_F(ExplainCommand, JsonHasTheStepsOfTheRowAskedFor) {
  const json out = json::parse(explain({kJourney, "--at", "0.1:3", "--json"}).output);
  EXPECT_EQ(out.at("steps").at("steps").size(), 5U);
  ASSERT_EQ(out.at("heads").size(), 1U);
  EXPECT_EQ(out.at("heads")[0].at("head"), 1);
}

TEST_F(ExplainCommand, RunsAModelFromAFile) {
  const std::string path = folder_.path("story.gguf");
  formats::write_file(path, tiny_model({.story = "Once"}));
  const Finished done = explain({"Onc", "--model", path});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr("llama, decoder: 1 layer"));
  EXPECT_THAT(done.output, HasSubstr("“e”"));
  EXPECT_THAT(done.output, Not(HasSubstr("fovea model get")));
}

TEST_F(ExplainCommand, RowsOfAModelWithRopeHaveAStepOfItsOwn) {
  const std::string path = folder_.path("story.gguf");
  formats::write_file(path, tiny_model({.story = "Once"}));
  const Finished done = explain({"Onc", "--model", path, "--at", "0.0:2"});
  EXPECT_THAT(done.output, HasSubstr("Position, by turning (RoPE)"));
}

TEST_F(ExplainCommand, ComparesAWordInSeveralTexts) {
  const Finished done = explain({"--compare", "bat", "a cave bat", "a ball bat"});
  EXPECT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, HasSubstr("A: cave"));
  EXPECT_THAT(done.output, HasSubstr("0.9997 by the vectors that the notebooks made by hand"));
}

TEST_F(ExplainCommand, TellsWhatIsWrongWithTheCall) {
  expect_usage_error({}, "no text given; one TEXT is wanted");
  expect_usage_error({""}, "explain: empty text");
  expect_usage_error({"one", "step"}, "2 texts given; one TEXT is wanted (in quotes)");
  expect_usage_error({kJourney, "--at", "0.0"}, "LAYER.HEAD:TOKEN is wanted, as in 17.5:14");
  expect_usage_error({kJourney, "--at", "0:0.1"}, "LAYER.HEAD:TOKEN");
  expect_usage_error({kJourney, "--only-heads", "0.0,"}, "LAYER.HEAD,... is wanted");
  expect_usage_error({"--compare", "bat", "a bat"}, "--compare wants at least two texts; 1 given");
  expect_usage_error({"--compare", "a", "a", "a", "--at", "0.0:0"}, "it goes with --model");
}

TEST_F(ExplainCommand, TellsWhatTheModelAndTheTextHaveNot) {
  const Finished head = explain({kJourney, "--only-heads", "3.1"});
  EXPECT_EQ(head.exit_code, 1);
  EXPECT_THAT(head.error, HasSubstr("there is no head 3.1"));
  const Finished model = explain({kJourney, "--model", "smolm2"});
  EXPECT_EQ(model.exit_code, 1);
  EXPECT_THAT(model.error, HasSubstr("smollm2"));
  const Finished blank = explain({" \n"});
  EXPECT_EQ(blank.exit_code, 1);
  EXPECT_THAT(blank.error, HasSubstr("without any token"));
}

TEST_F(ExplainCommand, ATextCannotCommandTheTerminal) {
  const std::string view =
      output_on_terminal(launch({"red\x1b[31mred \xe2\x80\xaeover one step", "--at", "0.0:1"}));
  EXPECT_THAT(view, Not(HasSubstr("\x1b[31mred")));
  EXPECT_THAT(view, Not(HasSubstr("\xe2\x80\xae")));
}

}  // namespace
}  // namespace fovea::cli
