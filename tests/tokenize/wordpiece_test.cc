// WordPiece: what its tokens say of the text, and which data it refuses.
#include "fovea/tokenize/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "tokenize/golden_tokenizers.h"

namespace fovea::tokenize {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr SpecialTokens kBare{.are_added = false};

WordPieceData small_data() {
  WordPieceData data;
  data.pieces = {"[PAD]",  "[UNK]", "[CLS]", "[SEP]", "un", "##believ",
                 "##able", "unb",   "e",     "E",     "!"};
  data.name = "small";
  return data;
}

std::string refusal(WordPieceData data) {
  return error_text(ErrorKind::format, [&] { make_wordpiece(std::move(data)); });
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const auto tokenizer = make_wordpiece(small_data());
  // "unb" is longer than "un", and nothing goes on from it: the word is unknown as a whole.
  EXPECT_THAT(tokenizer->encode("unbelievable", kBare), ElementsAre(Token{1, 0, 12}));
  WordPieceData data = small_data();
  data.pieces[7] = "x";
  EXPECT_THAT(make_wordpiece(data)->encode("unbelievable", kBare),
              ElementsAre(Token{4, 0, 2}, Token{5, 2, 6}, Token{6, 8, 4}));
}

TEST(WordPiece, PutsItsTokensAroundTheText) {
  const auto tokenizer = make_wordpiece(small_data());
  EXPECT_THAT(tokenizer->encode(" e! "),
              ElementsAre(Token{2, 0, 0}, Token{8, 1, 1}, Token{10, 2, 1}, Token{3, 4, 0}));
  EXPECT_THAT(tokenizer->encode(""), ElementsAre(Token{2, 0, 0}, Token{3, 0, 0}));
}

TEST(WordPiece, FoldsCaseAndAccentsAndKeepsTheBytesOfTheText) {
  const auto tokenizer = make_wordpiece(small_data());
  EXPECT_THAT(tokenizer->encode("\xC3\x89 e\xCC\x81! E", kBare),
              ElementsAre(Token{8, 0, 2}, Token{8, 3, 1}, Token{10, 6, 1}, Token{8, 8, 1}));
  WordPieceData data = small_data();
  data.is_lower_case = false;
  EXPECT_THAT(make_wordpiece(data)->encode("E \xC3\x89 e", kBare),
              ElementsAre(Token{9, 0, 1}, Token{1, 2, 2}, Token{8, 5, 1}));
}

TEST(WordPiece, AWordOfMoreThan100CharactersIsUnknown) {
  const Tokenizer& tokenizer = golden_tokenizer("minilm");
  EXPECT_GT(tokenizer.encode(std::string(100, 'a'), kBare).size(), 1U);
  EXPECT_THAT(tokenizer.encode(std::string(101, 'a'), kBare), ElementsAre(Token{100, 0, 101}));
}

TEST(WordPiece, InvalidBytesAndNulsAreDropped) {
  const auto tokenizer = make_wordpiece(small_data());
  EXPECT_THAT(tokenizer->encode(std::string_view("\xff"
                                                 "e\0\xc0\xaf!",
                                                 6),
                                kBare),
              ElementsAre(Token{8, 1, 1}, Token{10, 5, 1}));
}

TEST(WordPiece, TypedSpecialTokensAreTextUnlessAsked) {
  const auto tokenizer = make_wordpiece(small_data());
  EXPECT_THAT(tokenizer->encode("e[SEP]e", {.are_added = false, .are_recognised = true}),
              ElementsAre(Token{8, 0, 1}, Token{3, 1, 5}, Token{8, 6, 1}));
  for (const Token& token : tokenizer->encode("e[SEP]e", kBare)) EXPECT_NE(token.id, 3);
}

TEST(WordPiece, DecodesToWords) {
  const auto tokenizer = make_wordpiece(small_data());
  const std::vector<std::int32_t> ids = {2, 4, 5, 6, 10, 3};
  EXPECT_EQ(tokenizer->decode(ids), "[CLS] unbelievable ! [SEP]");
  EXPECT_EQ(tokenizer->piece(5), "##believ");
  EXPECT_TRUE(tokenizer->is_special(3));
  EXPECT_FALSE(tokenizer->is_special(4));
}

TEST(WordPiece, MarksThatNfdSortsAllComeFromTheirWholeRun) {
  const std::string late = "\xE3\x80\xAE";       // U+302E, of class 224
  const std::string early = "\xF0\x9D\x85\xA5";  // U+1D165, of class 216
  WordPieceData data = small_data();
  data.pieces.insert(data.pieces.end(), {"##" + late, "##" + early});
  const auto tokenizer = make_wordpiece(std::move(data));
  EXPECT_THAT(tokenizer->encode("e" + late + early, kBare),
              ElementsAre(Token{8, 0, 1}, Token{12, 1, 7}, Token{11, 1, 7}));
  EXPECT_THAT(tokenizer->encode("e" + early + late, kBare),
              ElementsAre(Token{8, 0, 1}, Token{12, 1, 4}, Token{11, 5, 3}));
}

TEST(WordPiece, AHundredThousandMarksTakeNoQuadraticTime) {
  // U+302E keeps its place among the marks that are not dropped; U+1D165 sorts before it.
  std::string text = "e";
  for (int i = 0; i < 100'000; ++i) text += i % 2 == 0 ? "\xE3\x80\xAE" : "\xF0\x9D\x85\xA5";
  EXPECT_THAT(make_wordpiece(small_data())->encode(text, kBare),
              ElementsAre(Token{1, 0, static_cast<std::int64_t>(text.size())}));
}

TEST(WordPiece, RefusesDataThatIsWrong) {
  WordPieceData data = small_data();
  data.pieces[4] = "";
  EXPECT_THAT(refusal(data), HasSubstr("small: token 4 is empty"));
  data.pieces[4] = "e";
  EXPECT_THAT(refusal(data), HasSubstr("token 8: 'e' is there twice"));
  data = small_data();
  data.unknown = "<unk>";
  EXPECT_THAT(refusal(data), HasSubstr("'<unk>' is not among the 11 tokens"));
  data = small_data();
  data.end = "[END]";
  EXPECT_THAT(refusal(data), HasSubstr("'[END]' is not among the 11 tokens"));
  data = small_data();
  data.pieces.clear();
  EXPECT_THAT(refusal(data), HasSubstr("is not among the 0 tokens"));
}

TEST(WordPiece, RefusesIdsThatAreNone) {
  const auto tokenizer = make_wordpiece(small_data());
  EXPECT_THAT(invalid_argument_text([&] { tokenizer->piece(11); }), HasSubstr("wanted 0 to 10"));
  EXPECT_THAT(invalid_argument_text([&] { tokenizer->is_special(-1); }), HasSubstr("token -1"));
}

}  // namespace
}  // namespace fovea::tokenize
