// JSON and nothing but JSON, and never more of it than was agreed.
#include "formats/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"

namespace fovea::formats {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusal_of(std::string_view text, const JsonLimits& limits = {}) {
  return error_text(ErrorKind::format, [&] { parse_strict_json(text, "a.json", limits); });
}

TEST(StrictJson, ReadsEveryKindOfValue) {
  const std::string_view text =
      R"( {"a": [1, -2, 3.5, true, false, null, "x\u00e9\ud83d\ude00"], "": {}, "b": {"a": []}} )";
  EXPECT_EQ(parse_strict_json(text, "a.json"), json::parse(text));
  EXPECT_EQ(parse_strict_json("7", "a.json"), 7);
}

TEST(StrictJson, KeepsNestedContainersApart) {
  const std::string_view text = R"({"a":[[1,[2]],{"b":[3,{"c":4}],"d":5}],"e":[6]})";
  EXPECT_EQ(parse_strict_json(text, "a.json"), json::parse(text));
}

TEST(StrictJson, NamesTheByteOfWhatIsWrong) {
  EXPECT_EQ(refusal_of("[1, NaN]"), "a.json: byte 4: 'N' cannot stand here in JSON");
  EXPECT_EQ(refusal_of("[1, 2"), "a.json: byte 5: the text ends within a value");
  EXPECT_EQ(refusal_of(R"(["abc)"), "a.json: byte 5: the text ends within a value");
  EXPECT_EQ(refusal_of("[1] 2"), "a.json: byte 4: '2' cannot stand here in JSON");
  EXPECT_EQ(refusal_of("[1] 2", {.first_byte = 8}),
            "a.json: byte 12: '2' cannot stand here in JSON");
}

TEST(StrictJson, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"[01]", "[+1]", "[1.]", "[.5]", "[Infinity]", "[-Infinity]", "['a']", "[1,]", "{a:1}",
        "// x\n1", "/* x */ 1", "[tru]", "\"\t\"", "\"\\x41\"", "\"\\ud800\"", "[1}", "]", ","}) {
    EXPECT_THAT(refusal_of(text), HasSubstr("cannot stand here in JSON")) << text;
  }
  for (const std::string_view text : {"", " ", "[", "{\"a\":", "\"\\u12"}) {
    EXPECT_THAT(refusal_of(text), HasSubstr("the text ends within a value")) << text;
  }
}

TEST(StrictJson, RefusesBytesThatAreNotUtf8) {
  for (const std::string_view text :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\""}) {
    EXPECT_THAT(refusal_of(text), HasSubstr("cannot stand here in JSON"));
  }
}

TEST(StrictJson, RefusesWhatTheParserWouldSkip) {
  EXPECT_THAT(refusal_of("\xEF\xBB\xBF{}"), HasSubstr("byte 0: a byte-order mark"));
  EXPECT_THAT(refusal_of(std::string_view("{}\0{}", 5)), HasSubstr("byte 2: a NUL"));
}

TEST(StrictJson, RefusesANameGivenTwiceHoweverItIsSpelled) {
  EXPECT_EQ(refusal_of(R"({"a":1,"a":2})"), "a.json: byte 10: the name 'a' is given twice");
  EXPECT_THAT(refusal_of(R"({"a":1,"\u0061":2})"), HasSubstr("the name 'a' is given twice"));
  EXPECT_THAT(refusal_of(R"([{"b":{"\u001b":1,"\u001B":2}}])"), HasSubstr("the name '\\x1b' is"));
  EXPECT_EQ(parse_strict_json(R"([{"a":1},{"a":{"a":2}}])", "a.json").size(), 2U);
}

TEST(StrictJson, RefusesNumbersThatFloat64DoesNotHold) {
  EXPECT_EQ(refusal_of("[1e999]"), "a.json: byte 5: '1e999' is too large a number");
  EXPECT_EQ(parse_strict_json("18446744073709551615", "a.json"), 18446744073709551615U);
}

TEST(StrictJson, LimitsTheDepth) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(parse_strict_json(nested(64), "a.json").is_array());
  EXPECT_EQ(refusal_of(nested(65)), "a.json: byte 65: is nested more than 64 deep");
  EXPECT_THAT(refusal_of(nested(1000000)), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(refusal_of("[[[]]]", {.depth = 2}), HasSubstr("nested more than 2 deep"));
}

TEST(StrictJson, LimitsTheMemoryThatValuesTake) {
  const JsonLimits one{.memory = std::int64_t{1} << 20};
  const auto numbers = [](std::size_t count) {
    std::string text = "[0";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]";
  };
  // A json value takes 16 bytes; an array has room for up to twice as many, and grew from as many.
  EXPECT_EQ(parse_strict_json(numbers(15000), "a.json", one).size(), 15000U);
  EXPECT_THAT(refusal_of(numbers(70000), one), HasSubstr("take more than 1 MiB"));
  std::string objects = "[{}";
  for (int i = 0; i < 20000; ++i) objects += ",{}";
  EXPECT_THAT(refusal_of(objects + "]", one), HasSubstr("take more than 1 MiB"));
  EXPECT_THAT(refusal_of("\"" + std::string(1 << 20, 'a') + "\"", one),
              HasSubstr("more than 1 MiB"));
}

TEST(StrictJson, LimitsWhatOneTokenTakesInTheParser) {
  const std::string long_text = "[1, \"" + std::string(5 << 20, 'a') + "\"]";
  EXPECT_EQ(refusal_of(long_text),
            "a.json: byte 3: a text, number or white space of more than 4 MiB");
  EXPECT_THAT(refusal_of("[" + std::string(5 << 20, ' ') + "]"), HasSubstr("more than 4 MiB"));
  EXPECT_THAT(refusal_of("[" + std::string(5 << 20, '1') + "]"), HasSubstr("more than 4 MiB"));
}

}  // namespace
}  // namespace fovea::formats
