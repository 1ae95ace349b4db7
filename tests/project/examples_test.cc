// The examples print the notebooks' figures: each line, in order, as the notebooks have it, and
// after "attend: " what attend makes of the same inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "project/documents.h"

namespace fovea::project {
namespace {

struct Example {
  const char* program;
  const char* notebook;
  std::size_t lines;                 ///< of the notebook's that it prints at least
  std::vector<std::string> attends;  ///< parts of what follows "attend: ", one an occurrence
};

Lines transcript_of(const std::string& notebook) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/transcripts/" + notebook +
                     ".txt");
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class Examples : public testing::TestWithParam<Example> {};

TEST_P(Examples, PrintTheNotebooksFigures) {
  const auto programs = std::filesystem::path(FOVEA_BINARY).parent_path();
  const Lines output = output_lines(programs / (std::string("example_") + GetParam().program));
  const auto own = std::ranges::find_if(
      output, [](const std::string& line) { return line.starts_with("attend: "); });
  const Lines transcript = transcript_of(GetParam().notebook);
  auto next = transcript.begin();
  for (auto line = output.begin(); line != own; ++line) {
    next = std::find(next, transcript.end(), *line);
    ASSERT_NE(next, transcript.end()) << *line;
    ++next;
  }
  EXPECT_GE(static_cast<std::size_t>(own - output.begin()), GetParam().lines);
  std::string rest;
  for (auto line = own; line != output.end(); ++line) rest += *line + "\n";
  for (const std::string& part : GetParam().attends) {
    const std::size_t at = rest.find(part);
    ASSERT_NE(at, std::string::npos) << part << " in\n" << rest;
    rest.erase(0, at + part.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Examples,
    testing::Values(
        Example{"01_one_word", "000", 7, {"attend: tensor([[0.4419, 0.6515, 0.5683]])"}},
        Example{"02_all_words", "001", 28, {"attend: tensor([[0.4421, 0.5931, 0.5790],"}},
        Example{"03_query_key_value",
                "002",
                13,
                {"attend: tensor([[-0.0739,  0.0713],", "attend: tensor([[-0.0739,  0.0713],"}},
        Example{"04_the_cat_ran",
                "003",
                7,
                {"attend: tensor([[0.5074, 0.4081, 0.3053]])", "attend: tensor([["}},
        Example{"05_a_slip", "004", 4, {"attend: tensor([[0.4419, 0.6515, 0.5683]])"}}),
    [](const auto& example) { return std::string(example.param.program); });

}  // namespace
}  // namespace fovea::project
