// UTF-8 with one U+FFFD for each maximal invalid part, and the way back to the text as given.
#include "tokenize/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"

namespace fovea::tokenize {
namespace {

using testing::HasSubstr;

// The text with '?' for each U+FFFD.
std::string marked(std::string_view given) {
  const ValidText valid(given);
  std::string text(valid.text());
  for (std::size_t at = 0; (at = text.find(kReplacementBytes, at)) != text.npos;) {
    text.replace(at, kReplacementBytes.size(), "?");
  }
  return text;
}

TEST(ValidText, ReplacesEachMaximalPart) {
  // The Unicode Standard 15, tables 3-8 to 3-11, and those of bad-input lists.
  EXPECT_EQ(marked("\xff"), "?");
  EXPECT_EQ(marked("\xc0\xaf"), "??");
  EXPECT_EQ(marked("\xed\xa0\x80"), "???");
  EXPECT_EQ(marked("\xe2\x82"), "?");
  EXPECT_EQ(marked("\xe2\x82z"), "?z");
  EXPECT_EQ(marked("\xf0\x80\x80\x41"), "???A");
  EXPECT_EQ(marked("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "?????A??B");
  EXPECT_EQ(marked("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "????A");
  EXPECT_EQ(marked("a\xf0\x9f\x98g\xf0\x9f\x98\x80"), "a?g\xf0\x9f\x98\x80");
}

TEST(ValidText, OfAValidTextIsThatTextUncopied) {
  const std::string given = "caf\xc3\xa9 \xe4\xbd\xa0 \xf0\x9f\x98\x80 and\0more";
  EXPECT_EQ(ValidText(given).text().data(), given.data());
}

TEST(ValidText, LeadsBackToTheBytesAsGiven) {
  const std::string given =
      "ab\xff"
      "c\xf0\x9f\x98"
      "d";
  const ValidText valid(given);
  ASSERT_EQ(valid.text(),
            "ab\xEF\xBF\xBD"
            "c\xEF\xBF\xBD"
            "d");
  std::vector<Token> tokens = {{0, 0, 2}, {1, 2, 1}, {2, 3, 2}, {3, 5, 1}, {4, 6, 4}, {5, 10, 0}};
  valid.locate(tokens);
  const std::vector<Token> wanted = {{0, 0, 2}, {1, 2, 1}, {2, 2, 1},
                                     {3, 3, 1}, {4, 4, 4}, {5, 8, 0}};
  EXPECT_EQ(tokens, wanted);
}

TEST(AppendUtf8, IsReadBack) {
  for (const char32_t c : {U'\0', U'\x7F', U'\u0080', U'\u07FF', U'\u0800', U'\uFFFD', U'\uFFFF',
                           U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(text, c);
    const Utf8Char read = read_utf8(text, 0);
    EXPECT_TRUE(read.is_valid);
    EXPECT_EQ(read.code_point, c);
    EXPECT_EQ(read.length, text.size());
  }
}

}  // namespace
}  // namespace fovea::tokenize
