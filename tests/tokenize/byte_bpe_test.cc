// Byte-level BPE: what its tokens say of the text, and which data it refuses.
#include "fovea/tokenize/byte_bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "tokenize/golden_tokenizers.h"

namespace fovea::tokenize {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// All bytes, "ab", "abc" and <end>.
ByteBpeData small_data() {
  ByteBpeData data;
  data.pieces = spelled_bytes();
  data.pieces.insert(data.pieces.end(), {"ab", "abc", "<end>"});
  data.merges = {{"a", "b"}, {"ab", "c"}};
  data.special = {258};
  data.name = "small";
  return data;
}

std::string refusal(ByteBpeData data) {
  return error_text(ErrorKind::format, [&] { make_byte_bpe(std::move(data)); });
}

std::vector<std::int32_t> ids(const Tokenizer& tokenizer, std::string_view text,
                              const SpecialTokens& special = {}) {
  return ids_of(tokenizer.encode(text, special));
}

TEST(ByteBpe, KnowsTheSentencesOfItsModels) {
  EXPECT_THAT(ids(golden_tokenizer("gpt2"), "Your journey starts with one step"),
              ElementsAre(7120, 7002, 4940, 351, 530, 2239));
  EXPECT_THAT(ids(golden_tokenizer("smollm2"), "Your journey starts with one step"),
              ElementsAre(7334, 3444, 5909, 351, 582, 1833));
  EXPECT_THAT(ids(golden_tokenizer("gpt2"),
                  "Hello world's  \xC3\xBCn\xC3\xAF"
                  "code 123 \xE4\xBD\xA0\xE5\xA5\xBD"),
              ElementsAre(15496, 995, 338, 220, 6184, 120, 77, 26884, 8189, 17031, 220, 19526, 254,
                          25001, 121));
}

TEST(ByteBpe, OfAnEmptyTextHasNoTokens) {
  EXPECT_TRUE(golden_tokenizer("gpt2").encode("").empty());
  EXPECT_TRUE(golden_tokenizer("smollm2").encode("").empty());
}

TEST(ByteBpe, TokensCoverTheTextWithoutAGap) {
  for (const std::string& line : golden_lines("texts.txt")) {
    const std::string text = unescaped(line);
    std::int64_t end = 0;
    std::int64_t first = 0;
    for (const Token& token : golden_tokenizer("gpt2").encode(text)) {
      // A token begins where the last ended, or shares a replaced part with it.
      ASSERT_TRUE(token.first_byte == end || (token.first_byte >= first && token.first_byte < end))
          << line;
      first = token.first_byte;
      end = token.first_byte + token.byte_count;
    }
    ASSERT_EQ(end, static_cast<std::int64_t>(text.size())) << line;
  }
}

TEST(ByteBpe, DecodesToTheTextWithReplacements) {
  for (const char* name : {"gpt2", "smollm2"}) {
    const Tokenizer& tokenizer = golden_tokenizer(name);
    for (const std::string& line : golden_lines("texts.txt")) {
      std::string text = unescaped(line);
      if (std::string_view(name) == "smollm2") {  // the bytes that it has no piece for
        std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
        if (text.find_first_of("\xF1\xF2") != text.npos) continue;
      }
      const ValidText valid(text);
      EXPECT_EQ(tokenizer.decode(ids(tokenizer, text)), valid.text()) << line;
    }
  }
}

TEST(ByteBpe, AReplacedPartCountsAsAWholeForEachOfItsTokens) {
  const auto tokens = make_byte_bpe(small_data())
                          ->encode(
                              "ab\xf0\x9f\x98"
                              "c");
  ASSERT_EQ(tokens.size(), 5U);
  EXPECT_EQ(tokens[0], (Token{256, 0, 2}));
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(tokens[i].first_byte, 2);
    EXPECT_EQ(tokens[i].byte_count, 3);
  }
  EXPECT_EQ(tokens[4].first_byte, 5);
}

TEST(ByteBpe, BytesWithoutAPieceAreLeftOutAndTheirNeighboursMerge) {
  ByteBpeData data;
  data.pieces = spelled_bytes({"\xC4\x86"});  // 0x06
  data.pieces.emplace_back("!!");             // 255
  data.merges = {{"!", "!"}};
  const auto tokenizer = make_byte_bpe(std::move(data));
  EXPECT_THAT(tokenizer->encode("!\x06!\x06"), ElementsAre(Token{255, 0, 3}));
  EXPECT_THAT(tokenizer->encode("\x06!\x06\x06?"), ElementsAre(Token{0, 1, 1}, Token{30, 4, 1}));
  EXPECT_TRUE(tokenizer->encode("\x06").empty());
}

TEST(ByteBpe, AddedTokensHaveNoBytes) {
  ByteBpeData data = small_data();
  data.added_before = {258};
  data.added_after = {258};
  const auto tokenizer = make_byte_bpe(std::move(data));
  EXPECT_THAT(tokenizer->encode("abc"),
              ElementsAre(Token{258, 0, 0}, Token{257, 0, 3}, Token{258, 3, 0}));
  EXPECT_THAT(tokenizer->encode("abc", {.are_added = false}), ElementsAre(Token{257, 0, 3}));
}

TEST(ByteBpe, TypedSpecialTokensAreTextUnlessAsked) {
  const auto tokenizer = make_byte_bpe(small_data());
  EXPECT_THAT(tokenizer->encode("ab<end>abc", {.are_recognised = true}),
              ElementsAre(Token{256, 0, 2}, Token{258, 2, 5}, Token{257, 7, 3}));
  for (const std::int32_t id : ids(*tokenizer, "ab<end>abc")) EXPECT_NE(id, 258);
  EXPECT_TRUE(tokenizer->is_special(258));
  EXPECT_FALSE(tokenizer->is_special(257));
}

TEST(ByteBpe, RefusesIdsThatAreNone) {
  const auto tokenizer = make_byte_bpe(small_data());
  EXPECT_EQ(tokenizer->size(), 259);
  for (const std::int32_t id : {-1, 259}) {
    const auto says = [&](auto call) {
      EXPECT_THAT(invalid_argument_text(call), HasSubstr("wanted 0 to 258"));
    };
    says([&] { tokenizer->piece(id); });
    says([&] { tokenizer->is_special(id); });
    says([&] { tokenizer->decode({&id, 1}); });
  }
}

TEST(ByteBpe, RefusesPiecesThatAreWrong) {
  ByteBpeData data = small_data();
  data.pieces[256] = "a";
  EXPECT_THAT(refusal(data), HasSubstr("token 256: 'a' is there twice"));
  data.pieces[256] = "a b";
  EXPECT_THAT(refusal(data), HasSubstr("small: token 256: 'a b' is not in the byte alphabet"));
  data.pieces[256] = "";
  EXPECT_THAT(refusal(data), HasSubstr("token 256 is empty"));
  data.pieces[256] = "<end>";
  EXPECT_THAT(refusal(data), HasSubstr("'<end>' is there twice"));
}

TEST(ByteBpe, RefusesAVocabularyWithoutTheByteAlphabet) {
  ByteBpeData data = small_data();
  data.pieces.erase(std::ranges::find(data.pieces, "e"));
  data.special = {257};
  EXPECT_THAT(refusal(data), HasSubstr("no token stands for byte 0x65, 'e'"));
}

TEST(ByteBpe, RefusesMergesThatAreWrong) {
  ByteBpeData data = small_data();
  data.merges.emplace_back("b", "ab");
  EXPECT_THAT(refusal(data), HasSubstr("merge 2: 'b' and 'ab': 'bab' is no token"));
  data.merges.back() = {"xyz", "a"};
  EXPECT_THAT(refusal(data), HasSubstr("'xyz' is no token"));
  data.merges.back() = {"a", ""};
  EXPECT_THAT(refusal(data), HasSubstr("'' is no token"));
  data.merges.back() = {"a", "b"};
  EXPECT_THAT(refusal(data), HasSubstr("merge 2: 'a' and 'b' are there twice"));
  data.merges.back() = {"<end", ">"};
  EXPECT_THAT(refusal(data), HasSubstr("is no token"));
}

TEST(ByteBpe, RefusesSpecialTokensThatAreWrong) {
  ByteBpeData data = small_data();
  data.special = {259};
  EXPECT_THAT(refusal(data), HasSubstr("special token 259 is outside of the 259 pieces"));
  data = small_data();
  data.added_after = {-1};
  EXPECT_THAT(refusal(data), HasSubstr("special token -1"));
  data = small_data();
  data.pieces[258] = std::string(257, 'x');
  EXPECT_THAT(refusal(data), HasSubstr("at most 256 bytes are wanted"));
}

TEST(ByteBpe, RefusesATextAboveAGibibyte) {
  const auto tokenizer = make_byte_bpe(small_data());
  const char nothing = 0;
  const std::string_view huge(&nothing, (std::size_t{1} << 30) + 1);  // its bytes are not read
  EXPECT_THAT(invalid_argument_text([&] { tokenizer->encode(huge); }), HasSubstr("1073741825"));
}

}  // namespace
}  // namespace fovea::tokenize
