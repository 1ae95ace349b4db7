// The five transcripts, byte for byte.
#include "fovea/lesson/transcript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "fovea/core/error.h"

namespace fovea::lesson {
namespace {

std::string recorded(std::string_view notebook) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/transcripts/" +
                     std::string(notebook) + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TranscriptOf : public testing::TestWithParam<std::string_view> {};

TEST_P(TranscriptOf, IsByteForByteWhatTheNotebookPrints) {
  const std::string wanted = recorded(GetParam());
  ASSERT_FALSE(wanted.empty());
  EXPECT_EQ(transcript(GetParam()), wanted);
}

INSTANTIATE_TEST_SUITE_P(Notebooks, TranscriptOf,
                         testing::ValuesIn(list_transcripts().begin(), list_transcripts().end()),
                         [](const auto& notebook) { return std::string(notebook.param); });

TEST(Transcript, NamesTheNotebooksThatThereAre) {
  try {
    transcript("005");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("'005'"), testing::HasSubstr("000 to 004")));
  }
}

}  // namespace
}  // namespace fovea::lesson
