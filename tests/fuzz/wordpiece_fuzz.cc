// Any vocabulary (lines, up to the first NUL) and any text (what follows).
#include "fovea/tokenize/wordpiece.h"
#include "fuzz/check_tokens.h"

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const std::string_view input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  tokenize::WordPieceData vocabulary;
  vocabulary.pieces = {"[UNK]", "[CLS]", "[SEP]"};
  for (std::string& line : lines_of(input.substr(0, end))) {
    vocabulary.pieces.push_back(std::move(line));
  }
  vocabulary.is_lower_case = size % 2 == 0;
  vocabulary.name = "vocab.txt";
  fuzz::expect_success_or_error([&] {
    const auto tokenizer = tokenize::make_wordpiece(std::move(vocabulary));
    const auto tokens = fuzz::checked_tokens(*tokenizer, text, {});
    fuzz::require(tokens.size() >= 2);
    fuzz::decoded(*tokenizer, tokens);
  });
  return 0;
}
