// The lessons' numbers: those of the notebooks, those of `attend`, and right for any words.
#include "fovea/lesson/lesson.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fovea/core/error.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/lesson/number_text.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"

namespace fovea::lesson {
namespace {

using testing::HasSubstr;

// The last table of that name in a lesson.
const Table& table_named(const Lesson& lesson, std::string_view name) {
  const Table* found = nullptr;
  for (const Step& step : lesson.steps) {
    for (const Figure& figure : step.figures) {
      const auto* const table = std::get_if<Table>(&figure);
      if (table != nullptr && table->name == name) found = table;
    }
  }
  if (found == nullptr) throw std::runtime_error("no table " + std::string(name));
  return *found;
}

const ShadedMap& map_named(const Lesson& lesson, std::string_view name) {
  const ShadedMap* found = nullptr;
  for (const Step& step : lesson.steps) {
    for (const Figure& figure : step.figures) {
      const auto* const map = std::get_if<ShadedMap>(&figure);
      if (map != nullptr && map->name == name) found = map;
    }
  }
  if (found == nullptr) throw std::runtime_error("no map " + std::string(name));
  return *found;
}

void expect_close(const std::vector<double>& shown, const Tensor& attended) {
  const auto values = attended.values<float>();
  ASSERT_EQ(shown.size(), values.size());
  for (std::size_t i = 0; i < shown.size(); ++i)
    EXPECT_NEAR(shown[i], static_cast<double>(values[i]), 1e-6) << i;
}

LessonInputs many_words(std::int64_t count, std::int64_t size) {
  Generator generator(11);
  LessonInputs inputs;
  for (std::int64_t i = 0; i < count; ++i) inputs.tokens.push_back("w" + std::to_string(i));
  inputs.vectors = randn({count, size}, generator);
  return inputs;
}

TEST(Lessons, AgreeWithAttendOnPlainSelfAttention) {
  for (const LessonInputs& inputs : {journey_inputs(), cat_inputs()}) {
    const Attended attended = attend(
        {.query = inputs.vectors, .key = inputs.vectors, .value = inputs.vectors, .scale = 1});
    expect_close(table_named(make_lesson("all-queries", inputs), "C").values, attended.output);
  }
}

TEST(Lessons, AgreeWithAttendOnCrossAttention) {
  const LessonInputs asks = journey_inputs();
  const LessonInputs answers = cat_inputs();
  const Attended attended =
      attend({.query = asks.vectors, .key = answers.vectors, .value = answers.vectors, .scale = 1});
  expect_close(table_named(make_lesson("cross", asks), "C, cross-attention").values,
               attended.output);
}

TEST(Lessons, AgreeWithAttendOnProjectedAndCausalAttention) {
  const LessonInputs inputs = journey_inputs();
  Generator generator(123);
  const nn::TinySelfAttentionQKV plain(3, 2, generator);
  const Tensor query = nn::matmul(inputs.vectors, plain.query_weight());
  const Tensor key = nn::matmul(inputs.vectors, plain.key_weight());
  const Tensor value = nn::matmul(inputs.vectors, plain.value_weight());
  expect_close(table_named(make_lesson("qkv", inputs), "C").values,
               attend({.query = query, .key = key, .value = value}).output);
  generator.manual_seed(789);
  const nn::TinySelfAttentionQKVLinear linear(3, 2, generator);
  const Tensor q = linear.query().forward(inputs.vectors);
  const Tensor k = linear.key().forward(inputs.vectors);
  const Tensor v = linear.value().forward(inputs.vectors);
  expect_close(table_named(make_lesson("causal", inputs), "C").values,
               attend({.query = q, .key = k, .value = v, .causal = true}).output);
}

TEST(Lessons, WeightsAddUpToOneForAnyWords) {
  for (const auto& [count, size] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {1, 3}, {2, 1}, {7, 5}, {60, 33}}) {
    const ShadedMap map = map_named(make_lesson("all-queries", many_words(count, size)), "W");
    for (std::int64_t i = 0; i < count; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < count; ++j)
        sum += map.values[static_cast<std::size_t>(i * count + j)];
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

TEST(Lessons, AreMadeForAnySizesAndAnyNumbers) {
  for (const LessonInfo& info : list_lessons()) {
    for (const auto& [count, size] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {2, 300}, {200, 3}}) {
      for (const float factor : {-1.0F, 0.0F, 1e-20F, 30.0F}) {
        LessonInputs inputs = many_words(count, size);
        for (float& number : inputs.vectors.values<float>()) number *= factor;
        inputs.query = count - 1;
        inputs.d_out = size;
        inputs.heads = 3;
        const Lesson lesson = make_lesson(info.id, inputs);
        EXPECT_FALSE(lesson.summary.empty());
        for (const Step& step : lesson.steps) {
          EXPECT_FALSE(step.title.empty()) << info.id;
          EXPECT_FALSE(step.sentence.empty()) << info.id << ": " << step.title;
        }
      }
    }
  }
}

/// All titles and sentences of a lesson.
std::string words_of(std::string_view id, const LessonInputs& inputs) {
  std::string text;
  for (const Step& step : make_lesson(id, inputs).steps)
    text += step.title + ". " + step.sentence + "\n";
  return text;
}

TEST(Lessons, SayOnlyWhatIsTrueOfTheWordsAtHand) {
  using testing::Not;
  EXPECT_THAT(words_of("causal", inputs_for_words({"alone"})), Not(HasSubstr("set of shares")));
  EXPECT_THAT(words_of("cross", journey_inputs()), HasSubstr("not square any more"));
  EXPECT_THAT(words_of("cross", inputs_for_words({"a", "b", "c"})), Not(HasSubstr("not square")));
  EXPECT_THAT(words_of("mistakes", inputs_for_words({"a", "b", "c"})),
              Not(HasSubstr("3 entries instead of 3")));

  LessonInputs inputs = cat_inputs();
  std::ranges::fill(inputs.vectors.values<float>(), 0.0F);
  EXPECT_THAT(words_of("one-query", inputs), Not(HasSubstr("one negative score")));
  EXPECT_THAT(words_of("one-query", inputs), HasSubstr("divided by that they are no weights"));
  EXPECT_THAT(words_of("one-query", inputs),
              HasSubstr("Add 100 to every score, which should change no weight"));
}

TEST(Lessons, ShowTheNotebooksSlips) {
  const Lesson lesson = make_lesson("mistakes", journey_inputs());
  std::vector<const Comparison*> found;
  for (const Step& step : lesson.steps) {
    for (const Figure& figure : step.figures) {
      if (const auto* const c = std::get_if<Comparison>(&figure)) found.push_back(c);
    }
  }
  ASSERT_GE(found.size(), 2U);
  ASSERT_EQ(found[0]->wrong.size(), 6U);
  for (const double value : found[0]->wrong) EXPECT_NEAR(value, 0.4371, 5e-5);
  EXPECT_EQ(found[0]->right.size(), 3U);
  EXPECT_NEAR(found[1]->wrong[0], 26, 1e-4);
  EXPECT_NEAR(found[1]->right[0], 24.65, 5e-3);
}

TEST(Lessons, RefuseInputsThatTheyCannotBeMadeOf) {
  const auto text_of = [](std::string_view id, const LessonInputs& inputs) {
    try {
      make_lesson(id, inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(text_of("one", journey_inputs()), HasSubstr("one-query, all-queries"));
  LessonInputs inputs = journey_inputs();
  inputs.tokens.pop_back();
  EXPECT_THAT(text_of("qkv", inputs), HasSubstr("5 tokens but 6 vectors"));
  inputs = journey_inputs();
  inputs.query = 6;
  EXPECT_THAT(text_of("qkv", inputs), HasSubstr("wanted 0 to 5"));
  inputs = journey_inputs();
  inputs.vectors.values<float>()[4] = std::nanf("");
  EXPECT_THAT(text_of("qkv", inputs), HasSubstr("vector 1 has nan at [1]"));
  inputs = journey_inputs();
  inputs.heads = kMaxHeads + 1;
  EXPECT_THAT(text_of("heads", inputs), HasSubstr("wanted 1 to 64"));
  inputs = journey_inputs();
  inputs.digits = 0;
  EXPECT_THAT(text_of("heads", inputs), HasSubstr("digits"));
  EXPECT_THAT(text_of("qkv", many_words(kMaxTokens + 1, 1)), HasSubstr("1000 tokens"));
  EXPECT_THROW(inputs_for_words({}), Error);
}

TEST(NumberText, KeepsColumnsAndSmallNumbers) {
  EXPECT_EQ(number_text(0.23789, 4), "0.2379");
  EXPECT_EQ(number_text(-0.0, 2), "0.00");
  EXPECT_EQ(number_text(3.1e-9, 4), "3.1e-09");
  EXPECT_EQ(number_text(2.688e43, 4), "2.688e+43");
  EXPECT_EQ(number_text(4294967296, 0), "4294967296");
  EXPECT_EQ(number_text(-INFINITY, 4), "-inf");
  EXPECT_EQ(percent_text(0.2465, 0), "25 %");
}

}  // namespace
}  // namespace fovea::lesson
