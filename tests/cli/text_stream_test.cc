// Text that comes in pieces: whole characters only, and nothing that a terminal would act on.
#include "cli/text_stream.h"

#include <gtest/gtest.h>

namespace fovea::cli {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

TEST(TextStream, WaitsForTheRestOfACharacter) {
  for (const std::string character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    TextStream stream(Reader::program);
    for (std::size_t i = 0; i + 1 < character.size(); ++i)
      EXPECT_EQ(stream.take(character.substr(i, 1)), "") << i;
    EXPECT_EQ(stream.take(character.substr(character.size() - 1) + 'a'), character + 'a');
    EXPECT_EQ(stream.finish(), "");
  }
}

TEST(TextStream, GivesWhatIsWholeBeforeIt) {
  TextStream stream(Reader::program);
  EXPECT_EQ(stream.take("ab\xE2\x82"), "ab");
  EXPECT_EQ(stream.finish(), kReplacement);
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, ReplacesWhatIsNoCharacter) {
  TextStream stream(Reader::program);
  EXPECT_EQ(stream.take("a\x80"), "a" + kReplacement) << "nothing can follow that makes it one";
  EXPECT_EQ(stream.take("\xE2\x82"), "");
  EXPECT_EQ(stream.take("b"), kReplacement + "b");
  EXPECT_EQ(stream.take("\xFF"), "") << "told apart when the next byte comes";
  EXPECT_EQ(stream.take("c"), kReplacement + "c");
}

TEST(TextStream, EscapesForATerminalAllButLineBreaksAndTabs) {
  EXPECT_EQ(TextStream(Reader::terminal).take("a\tb\n\n\x1b[2J\r\xE2\x80\xAE"),
            "a\tb\n\n\\x1b[2J\\r\\u{202e}");
  EXPECT_EQ(TextStream(Reader::program).take("\x1b\xE2\x80\xAE"), "\x1b\xE2\x80\xAE");
}

}  // namespace
}  // namespace fovea::cli
