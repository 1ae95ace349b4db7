// fovea tokenize: what it prints, and what it says of what it should not be given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_program.h"
#include "tokenize/gpt2_files.h"

namespace fovea::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TokenizeCommand : public testing::Test {
 protected:
  // GPT-2's files lie where `fovea model get gpt2-vocab` puts them.
  static void SetUpTestSuite() {
    store_ = std::make_unique<formats::TemporaryFolder>();
    tokenize::write_gpt2_files(store_->root() / "fovea" / "models" / "gpt2-vocab");
  }
  static void TearDownTestSuite() { store_.reset(); }

  static Launch launch(std::vector<std::string> words) {
    words.insert(words.begin(), "tokenize");
    return {.words = std::move(words), .environment = {{"XDG_DATA_HOME", store_->root()}}};
  }
  static Launch with_gpt2(std::vector<std::string> words) {
    words.insert(words.end(), {"--model", "gpt2-vocab"});
    return launch(std::move(words));
  }
  static std::string output_of(const Launch& launch) {
    const Finished done = run(launch);
    EXPECT_EQ(done.exit_code, 0) << done.error;
    return done.output;
  }
  static void expect_refused(const Launch& launch, int exit_code, const std::string& what) {
    const Finished done = run(launch);
    EXPECT_EQ(done.exit_code, exit_code);
    EXPECT_THAT(done.error, testing::AllOf(StartsWith("fovea: tokenize: "), HasSubstr(what)));
    EXPECT_EQ(done.output, "");
  }
  static inline std::unique_ptr<formats::TemporaryFolder> store_;
};

TEST_F(TokenizeCommand, PrintsALineForEachTokenWithTabsInAPipe) {
  EXPECT_EQ(output_of(with_gpt2({"Your journey"})),
            "0\t7120\tYour\t0-4\n1\t7002\t\xC4\xA0journey\t4-12\n");
}

TEST_F(TokenizeCommand, AlignsTheColumnsOnATerminal) {
  const std::string shown = output_on_terminal(with_gpt2({"Your journey"}));
  EXPECT_THAT(shown, HasSubstr("token      id  piece     bytes"));
  EXPECT_THAT(shown, HasSubstr("      0    7120  Your      0-4"));
  EXPECT_THAT(shown, HasSubstr("      1    7002  \xC4\xA0journey  4-12"));
}

TEST_F(TokenizeCommand, PrintsIdsOnOneLine) {
  EXPECT_EQ(output_of(with_gpt2({"Your journey starts with one step", "--ids"})),
            "7120 7002 4940 351 530 2239\n");
}

TEST_F(TokenizeCommand, PrintsJson) {
  const auto json = nlohmann::json::parse(output_of(with_gpt2({"a\xff", "--json"})));
  EXPECT_EQ(json.at("bytes"), 2);
  ASSERT_GE(json.at("tokens").size(), 2U);
  EXPECT_EQ(json["tokens"][0], nlohmann::json::parse(R"({"id": 64, "piece": "a",
      "first_byte": 0, "byte_count": 1, "is_special": false})"));
  EXPECT_EQ(json["tokens"][1]["first_byte"], 1);
  EXPECT_EQ(json["tokens"][1]["byte_count"], 1);
}

TEST_F(TokenizeCommand, RecognisesTypedSpecialTokensOnlyWhenAsked) {
  EXPECT_EQ(output_of(with_gpt2({"a<|endoftext|>", "--ids"})), "64 27 91 437 1659 5239 91 29\n");
  EXPECT_EQ(output_of(with_gpt2({"a<|endoftext|>", "--ids", "--special"})), "64 50256\n");
}

TEST_F(TokenizeCommand, ReadsStandardInputAndFilesWithNulsInThem) {
  Launch from_input = with_gpt2({"-", "--ids"});
  from_input.input = std::string("a\0b", 3);
  EXPECT_EQ(output_of(from_input), "64 188 65\n");
  const formats::TemporaryFolder folder;
  formats::write_file(folder.path("text"), std::string("a\0b", 3));
  EXPECT_EQ(output_of(with_gpt2({"--file", folder.path("text"), "--ids"})), "64 188 65\n");
}

TEST_F(TokenizeCommand, TakesAFileInPlaceOfAName) {
  const std::string path = tokenize::golden_path("minilm_vocab.txt");
  EXPECT_EQ(output_of(launch({"one step", "--ids", "--model", path})), "101 2028 3357 102\n");
  EXPECT_EQ(output_of(launch({"one step", "--ids", "--bare", "--model", path})), "2028 3357\n");
}

TEST_F(TokenizeCommand, TakesALongTextInLittleTime) {
  Launch long_text = with_gpt2({"-", "--ids"});
  long_text.input = std::string(1'000'000, 'a');
  const Finished done = Program(long_text).finish(std::chrono::seconds(20));
  EXPECT_EQ(done.exit_code, 0) << done.error;
}

TEST_F(TokenizeCommand, RefusesWhatItCannotTokenize) {
  expect_refused(with_gpt2({""}), 1, "empty text");
  expect_refused(with_gpt2({}), 2, "TEXT is missing");
  expect_refused(with_gpt2({"a", "--file", "b"}), 2, "give one of them");
  expect_refused(with_gpt2({"a", "--ids", "--json"}), 2, "give one of them");
}

TEST_F(TokenizeCommand, SaysHowToGetAModelThatIsNotHere) {
  const Finished done = run(launch({"a", "--model", "minilm"}));
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.error, HasSubstr("fovea model get minilm"));
}

}  // namespace
}  // namespace fovea::cli
