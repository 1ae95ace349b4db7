// What a terminal would act on is escaped; everything else is left alone.
#include "fovea/core/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("journey 旅 ünï \xF0\x9F\x98\x80 \\ '"),
            "journey 旅 ünï \xF0\x9F\x98\x80 \\ '");
}

TEST(Printable, EscapesAnsiAndControlCharacters) {
  EXPECT_EQ(printable("\x1b[31mred\x07\n\t\r\x7f"), "\\x1b[31mred\\x07\\n\\t\\r\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, EscapesC1BidiAndZeroWidth) {
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u{9b}31m");
  EXPECT_EQ(printable("a\u202Eb\u200Bc\uFEFF"), "a\\u{202e}b\\u{200b}c\\u{feff}");
}

TEST(Printable, EscapesEachInvalidByte) {
  EXPECT_EQ(printable("\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82"),
            "\\xff|\\xc0\\xaf|\\xed\\xa0\\x80|\\xe2\\x82");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(InQuotes, CutsLongTextInTheMiddleAndGivesItsLength) {
  EXPECT_EQ(in_quotes("abc"), "'abc'");
  const std::string shown = in_quotes(std::string(1 << 20, 'a') + "z");
  EXPECT_EQ(shown,
            "'" + std::string(24, 'a') + "..." + std::string(23, 'a') + "z' (1048577 bytes)");
}

}  // namespace
}  // namespace fovea
