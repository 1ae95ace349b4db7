// The ids are those of Hugging Face's tokenizers, for every text of tests/golden/tokenizer, for long
// runs and for every character there is.
#include "golden/golden.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tokenize/golden_tokenizers.h"

namespace fovea::tokenize {
namespace {

constexpr SpecialTokens kPlain{};
constexpr SpecialTokens kTyped{.are_added = true, .are_recognised = true};

std::vector<std::string> golden_texts() {
  std::vector<std::string> texts;
  for (const std::string& line : golden_lines("texts.txt")) texts.push_back(unescaped(line));
  return texts;
}

// "a<c>b <c>1<c><mark>" of each character of 4096, as the script's `sweep`.
std::string sweep(char32_t first) {
  std::string text;
  for (char32_t c = first; c < first + 4096; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    text += 'a';
    append_utf8(text, c);
    text += "b ";
    append_utf8(text, c);
    text += '1';
    append_utf8(text, c);
    append_utf8(text, 0x316);
  }
  return text;
}

class Golden : public testing::TestWithParam<const char*> {
 protected:
  const Tokenizer& tokenizer() const { return golden_tokenizer(GetParam()); }

  static const nlohmann::json& document() {
    static const nlohmann::json read = golden::read_json("tokenizer/ids.json");
    return read;
  }
  const nlohmann::json& answers() const {
    for (const auto& each : document().at("answers")) {
      if (each.at("name") == GetParam()) return each;
    }
    throw std::runtime_error("no golden answers");
  }
  std::vector<std::int32_t> ids(std::string_view text, const SpecialTokens& how = kPlain) const {
    return ids_of(tokenizer().encode(text, how));
  }
};

TEST_P(Golden, ShortTextsHaveTheIdsOfHuggingFace) {
  const std::vector<std::string> lines = golden_lines("texts.txt");
  const auto& wanted = answers().at("ids");
  ASSERT_GE(wanted.size(), 300U);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(joined(ids(unescaped(lines[i]))), wanted[i]) << "text " << i << ": " << lines[i];
  }
}

TEST_P(Golden, AllTextsHaveTheIdsOfHuggingFace) {
  const std::vector<std::string> texts = golden_texts();
  const auto& wanted = answers().at("hashes");
  ASSERT_GE(texts.size(), 2000U);
  ASSERT_EQ(texts.size(), wanted.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(hash_of(ids(texts[i])), wanted[i]) << "text " << i;
  }
}

TEST_P(Golden, TypedSpecialTokensAreRecognisedOnlyWhenAsked) {
  const std::vector<std::string> texts = golden_texts();
  const auto& recognised = answers().at("recognised");
  ASSERT_GE(recognised.size(), 20U);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto found = recognised.find(std::to_string(i));
    const auto& wanted = found == recognised.end() ? answers().at("hashes")[i] : *found;
    EXPECT_EQ(hash_of(ids(texts[i], kTyped)), wanted) << "text " << i;
  }
}

TEST_P(Golden, EveryCharacterHasTheIdsOfHuggingFace) {
  const auto& wanted = answers().at("sweep");
  ASSERT_EQ(wanted.size(), 0x110000U / 4096);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(hash_of(ids(sweep(static_cast<char32_t>(i * 4096)))), wanted[i])
        << "characters from U+" << std::hex << i * 4096;
  }
}

TEST_P(Golden, LongRunsHaveTheIdsOfHuggingFaceAndTakeNoQuadraticTime) {
  const auto& runs = document().at("runs");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string unit = unescaped(runs[i][0].get<std::string>());
    std::string text;
    for (std::int64_t n = 0; n < runs[i][1]; ++n) text += unit;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<std::int32_t> found = ids(text);
    // 0.2 s at most here; a quadratic way would take minutes.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << unit;
    EXPECT_EQ(hash_of(found), answers().at("runs")[i]) << runs[i];
  }
}

TEST_P(Golden, TokensKnowTheirBytes) {
  for (const std::string& text : golden_texts()) {
    std::int64_t end = 0;
    for (const Token& token : tokenizer().encode(text)) {
      ASSERT_GE(token.first_byte, 0);
      ASSERT_GE(token.byte_count, tokenizer().is_special(token.id) ? 0 : 1);
      end = std::max(end, token.first_byte + token.byte_count);
    }
    ASSERT_LE(end, static_cast<std::int64_t>(text.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::Values("gpt2", "smollm2", "minilm"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace fovea::tokenize
