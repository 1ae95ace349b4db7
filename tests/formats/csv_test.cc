// Tables as people write them, and what is said about those that are not.
#include "fovea/formats/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error_text.h"

namespace fovea::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Csv parse(std::string_view text) {
  return parse_csv(text, "a.csv");
}

std::string refusal_of(std::string_view text) {
  return error_text(ErrorKind::format, [&] { parse(text); });
}

TEST(Csv, ReadsRowsOfNumbers) {
  const Csv csv = parse("0.43,-1.5e-1,+89\n1,2,3\n");
  EXPECT_EQ(csv.numbers.shape(), (Shape{2, 3}));
  EXPECT_THAT(csv.numbers.values<double>(), ElementsAre(0.43, -0.15, 89, 1, 2, 3));
  EXPECT_THAT(csv.words, IsEmpty());
  EXPECT_THAT(csv.heading, IsEmpty());
}

TEST(Csv, TakesAFirstColumnOfWords) {
  const Csv csv = parse("Your,0.43,0.15\njourney,0.55,0.87\n");
  EXPECT_THAT(csv.words, ElementsAre("Your", "journey"));
  EXPECT_THAT(csv.numbers.values<double>(), ElementsAre(0.43, 0.15, 0.55, 0.87));
}

TEST(Csv, TakesALineWithoutNumbersForAHeading) {
  const Csv named = parse("token,x,y\nYour,0.43,0.15\n");
  EXPECT_THAT(named.heading, ElementsAre("x", "y"));
  EXPECT_THAT(named.words, ElementsAre("Your"));
  const Csv plain = parse("x,y\n0.43,0.15\n");
  EXPECT_THAT(plain.heading, ElementsAre("x", "y"));
  EXPECT_THAT(plain.words, IsEmpty());
}

TEST(Csv, QuotedFieldsAreWordsWhateverTheyHold) {
  const Csv csv = parse("\"3\",1\n\" a,b \",2\n\"say \"\"hi\"\"\",3\n\"two\nlines\",4\n");
  EXPECT_THAT(csv.words, ElementsAre("3", " a,b ", "say \"hi\"", "two\nlines"));
  EXPECT_THAT(csv.numbers.values<double>(), ElementsAre(1, 2, 3, 4));
}

TEST(Csv, SkipsWhatIsNotData) {
  const Csv csv = parse("\xEF\xBB\xBF# from numpy.savetxt\r\n\r\n 1 ,\t2 \r\n\r\n3,4");
  EXPECT_THAT(csv.numbers.values<double>(), ElementsAre(1, 2, 3, 4));
}

TEST(Csv, KeepsWordsThatBeginWithAHash) {
  EXPECT_THAT(parse("#,1\n##ing,2\n").words, ElementsAre("#", "##ing"));
}

TEST(Csv, ReadsOneColumnAndOneRow) {
  EXPECT_EQ(parse("7").numbers.shape(), (Shape{1, 1}));
  EXPECT_THAT(parse("size\n7\n8\n").heading, ElementsAre("size"));
}

TEST(Csv, NamesLineAndColumnOfWhatIsNoNumber) {
  EXPECT_EQ(refusal_of("1,2\n\n3,x\n"),
            "a.csv: line 3, column 2: 'x' is not a number that 64 bits hold");
  EXPECT_EQ(refusal_of("a,1,2\nb,3,\n"), "a.csv: line 2, column 3: a number is missing");
  EXPECT_THAT(refusal_of("1,1e999\n"), HasSubstr("line 1, column 2: '1e999'"));
  EXPECT_THAT(refusal_of("1,0x10\n"), HasSubstr("column 2"));
  EXPECT_THAT(refusal_of("1,+-1\n"), HasSubstr("column 2"));
  EXPECT_THAT(refusal_of("\"two\nlines\",1\nb,\x1b[31m\n"),
              HasSubstr("line 3, column 2: '\\x1b[31m'"));
}

TEST(Csv, NamesTheLineOfAnotherLength) {
  EXPECT_EQ(refusal_of("1,2\n3\n"), "a.csv: line 2: has 1 field; the lines before have 2");
  EXPECT_EQ(refusal_of("x,y,z\n3,4\n"), "a.csv: line 2: has 2 fields; the lines before have 3");
}

TEST(Csv, RefusesBrokenQuotes) {
  EXPECT_THAT(refusal_of("1,2\n\"a,3\n4,5\n"),
              HasSubstr("line 2, column 1: the quote '\"' is not closed"));
  EXPECT_THAT(refusal_of("\"a\"b,3\n"), HasSubstr("found 'b' after the closing quote"));
}

TEST(Csv, RefusesTextWithoutNumbers) {
  EXPECT_EQ(refusal_of(""), "a.csv: holds no row of numbers; it is empty");
  EXPECT_THAT(refusal_of("a,b\n"), HasSubstr("no row of numbers"));
  EXPECT_THAT(refusal_of("a,b\nc,d\n"), HasSubstr("line 2, column 2"));
}

TEST(Csv, TakesNumbersThatAreNotFiniteOnlyWhereWelcome) {
  EXPECT_EQ(refusal_of("1,nan\n"), "a.csv: line 1, column 2: 'nan' is not finite");
  EXPECT_THAT(refusal_of("1,-inf\n"), HasSubstr("not finite"));
  EXPECT_THAT(parse_csv("1,-inf\n", "a.csv", CsvNumbers::any).numbers.values<double>(),
              ElementsAre(1, -std::numeric_limits<double>::infinity()));
}

TEST(Csv, ReadsAMillionFieldsInOnePass) {
  std::string text;
  for (int row = 0; row < 1000; ++row) {
    for (int column = 0; column < 1000; ++column) text += column == 0 ? "1" : ",1";
    text += '\n';
  }
  EXPECT_EQ(parse(text).numbers.shape(), (Shape{1000, 1000}));
}

}  // namespace
}  // namespace fovea::formats
