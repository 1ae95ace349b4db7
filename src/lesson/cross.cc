// Lesson: self-attention against cross-attention. The queries of one sentence, the keys and values
// of another.
#include <algorithm>

#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"
#include "nn/word_vectors.h"

namespace fovea::lesson {
namespace {

// "The cat ran", or the journey when the cat is what asks; vectors of the asking sentence's size.
LessonInputs other_sentence(const LessonInputs& inputs) {
  LessonInputs other = inputs.tokens == cat_inputs().tokens ? journey_inputs() : cat_inputs();
  if (inputs.vectors.size(1) != other.vectors.size(1)) {
    other.vectors = nn::vectors_of_words(other.tokens, inputs.vectors.size(1));
    other.origin = fmt::format("Its vectors are drawn from the words' spelling, {} each, to fit",
                               counted(inputs.vectors.size(1), "number", "numbers"));
  }
  other.digits = inputs.digits;
  return other;
}

Step two_sentences(const Sentence& own, const Sentence& other) {
  Step step;
  step.title = "Two sentences";
  const std::string origin =
      other.inputs().origin.starts_with("Its") ? other.inputs().origin + ". " : "";
  step.sentence = fmt::format(
      "The queries come from the first, the keys and values from the second. {}Both need vectors "
      "of the "
      "same size, but not the same number of words.",
      origin);
  Table asks = table_of("asks (queries)", own.names(), component_names(own.size()), own.vectors());
  asks.focus = own.query();
  step.figures.emplace_back(std::move(asks));
  step.figures.emplace_back(table_of("answers (keys and values)", other.names(),
                                     component_names(other.size()), other.vectors()));
  return step;
}

Step cross_scores(const Sentence& own, const Sentence& other, const Tensor& scores) {
  Step step;
  step.title = "Scores between the sentences";
  step.sentence =
      fmt::format("A row a query, a column a key: {} × {}, {}.", own.tokens(), other.tokens(),
                  own.tokens() == other.tokens() ? "square by chance" : "not square any more");
  step.formula = "S = X Yᵀ";
  Worked worked;
  const auto query = static_cast<std::size_t>(own.query());
  for (std::int64_t j = 0; j < other.tokens(); ++j) {
    worked.lines.push_back(
        {own.names()[query] + " · " + other.names()[static_cast<std::size_t>(j)],
         own.dot_expression(row_of(own.vectors(), own.query()), row_of(other.vectors(), j)),
         static_cast<double>(row_of(scores, own.query()).at<float>(j))});
  }
  step.figures.emplace_back(std::move(worked));
  return step;
}

Step cross_weights(const Sentence& own, const Sentence& other, const Tensor& weights) {
  Step step;
  step.title = "Weights over the other sentence";
  const TensorView row = row_of(weights, own.query());
  std::int64_t most = 0;
  for (std::int64_t j = 1; j < other.tokens(); ++j) {
    if (row.at<float>(j) > row.at<float>(most)) most = j;
  }
  step.sentence =
      fmt::format("Softmax as before, over the keys. {} looks most at {}: {}.", own.asker(),
                  other.quoted(most), own.number(static_cast<double>(row.at<float>(most))));
  step.formula = "W = softmax(S), row by row";
  step.figures.emplace_back(map_of("W", own.names(), other.names(), weights));
  return step;
}

Step cross_contexts(const Sentence& own, const Sentence& other, const Tensor& weights) {
  const Tensor crossed = nn::matmul(weights, other.vectors());
  const Tensor& x = own.vectors();
  const Tensor self =
      nn::matmul(nn::softmax(nn::matmul(x, nn::transpose(x).view()).view()).view(), x);
  Step step;
  step.title = "What comes back";
  step.sentence = fmt::format(
      "{} context {}, one a query, each a mix of the other sentence's vectors only. Beside it "
      "self-attention, "
      "which mixes the sentence's own.",
      own.tokens(), own.tokens() == 1 ? "vector" : "vectors");
  step.formula = "C = W Y";
  Table table = table_of("C, cross-attention", own.names(), component_names(own.size()), crossed);
  table.focus = own.query();
  step.figures.emplace_back(std::move(table));
  Table beside = table_of("C, self-attention", own.names(), component_names(own.size()), self);
  beside.focus = own.query();
  step.figures.emplace_back(std::move(beside));
  step.figures.emplace_back(
      Note{"A translator works so: each word being written asks the sentence being read."});
  return step;
}

}  // namespace

Lesson cross(const LessonInputs& inputs) {
  const Sentence own(inputs);
  const LessonInputs other_inputs = other_sentence(inputs);
  const Sentence other(other_inputs);
  const Tensor scores = nn::matmul(own.vectors(), nn::transpose(other.vectors()).view());
  const Tensor weights = nn::softmax(scores);
  Lesson lesson;
  lesson.summary =
      "In cross-attention one sentence asks and another answers; the arithmetic does not change.";
  lesson.steps.push_back(two_sentences(own, other));
  lesson.steps.push_back(cross_scores(own, other, scores));
  lesson.steps.push_back(cross_weights(own, other, weights));
  lesson.steps.push_back(cross_contexts(own, other, weights));
  return lesson;
}

}  // namespace fovea::lesson
