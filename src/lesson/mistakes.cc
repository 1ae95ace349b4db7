// Lesson: two slips of the notebooks, shown wrong and right.
#include "lesson/mistakes.h"

#include <algorithm>
#include <cmath>

#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {

Tensor context_by_the_wrong_loop(const TensorView& weights, const TensorView& query) {
  Tensor context(DType::f32, {weights.size(0)});
  const std::int64_t loops = std::min(weights.size(0), query.size(0));
  for (std::int64_t i = 0; i < loops; ++i) {
    const float product = weights.at<float>(i) * query.at<float>(i);
    for (float& entry : context.values<float>()) entry += product;
  }
  return context;
}

namespace {

Tensor weights_of(const LessonInputs& inputs) {
  return nn::softmax(nn::matmul(inputs.vectors, row_of(inputs.vectors, inputs.query)).view());
}

Step the_wrong_loop(const Sentence& sentence) {
  const Tensor weights = weights_of(sentence.inputs());
  const TensorView query = row_of(sentence.vectors(), sentence.query());
  const Tensor wrong = context_by_the_wrong_loop(weights, query);
  const Tensor right = nn::context_vector(weights, sentence.vectors());
  const std::int64_t loops = std::min(sentence.tokens(), sentence.size());
  Step step;
  step.title = "Notebook 004: a context vector of equal numbers";
  step.sentence = fmt::format(
      "The loop was meant to run over the {} and add weight × vector. It ran over the query's {}, "
      "i for a component, and added the single number w[i] × q[i] to every entry of a vector with "
      "{}{}: {} everywhere.{}",
      counted(sentence.tokens(), "word", "words"), counted(sentence.size(), "number", "numbers"),
      counted(sentence.tokens(), "entry", "entries"),
      sentence.tokens() == sentence.size() ? "" : fmt::format(" instead of {}", sentence.size()),
      sentence.number(static_cast<double>(wrong.values<float>()[0])),
      sentence.size() > sentence.tokens()
          ? fmt::format(" (With more numbers than words it would have stopped at i = {}.)", loops)
          : "");
  step.formula =
      "wrong: for i in range(len(q)): c += w[i] * q[i]\n"
      "right: for i in range(len(words)): c += w[i] * x[i]";
  Worked worked;
  worked.lines.push_back({"wrong: every entry",
                          sentence.dot_expression(TensorView(weights.view()).sliced(0, 0, loops),
                                                  query.sliced(0, 0, loops)),
                          static_cast<double>(wrong.values<float>()[0])});
  worked.lines.push_back({"right: entry [0]",
                          sentence.dot_expression(weights, column_of(sentence.vectors(), 0)),
                          static_cast<double>(right.values<float>()[0])});
  step.figures.emplace_back(std::move(worked));
  step.figures.emplace_back(Comparison{
      "context vector of " + sentence.names()[static_cast<std::size_t>(sentence.query())],
      fmt::format("{}, one a word", counted(sentence.tokens(), "entry", "entries")), doubles(wrong),
      fmt::format("{}, one a component", counted(sentence.size(), "entry", "entries")),
      doubles(right)});
  return step;
}

Step the_memory(const Sentence& sentence) {
  Step step;
  step.title = "And it added to memory that nobody had set";
  step.sentence = fmt::format(
      "torch.empty hands out memory as it is. The notebook was lucky to find zeros there; on "
      "another day the result is anything. Start a sum with torch.zeros, of the size of what is "
      "added: {}.",
      counted(sentence.size(), "number", "numbers"));
  step.formula = "wrong: c = torch.empty(len(words))\nright: c = torch.zeros(len(q))";
  return step;
}

// The word whose score is least like its weight.
std::int64_t furthest_from_its_score(const LessonInputs& inputs) {
  const Tensor scores = nn::matmul(inputs.vectors, row_of(inputs.vectors, inputs.query));
  const Tensor weights = nn::softmax(scores);
  std::vector<float> distances;
  for (std::size_t i = 0; i < scores.values<float>().size(); ++i)
    distances.push_back(std::abs(scores.values<float>()[i] - weights.values<float>()[i]));
  return largest_of(distances);
}

Step score_for_weight(const LessonInputs& inputs, std::int64_t token, std::string title) {
  const Sentence sentence(inputs);
  const Tensor scores = nn::matmul(inputs.vectors, row_of(inputs.vectors, inputs.query));
  const Tensor weights = nn::softmax(scores);
  const double score = static_cast<double>(scores.values<float>()[static_cast<std::size_t>(token)]);
  const double weight =
      static_cast<double>(weights.values<float>()[static_cast<std::size_t>(token)]);
  Step step;
  step.title = std::move(title);
  step.sentence = fmt::format(
      "A weight is a share; a score is not. {} gives {} the score {} and the weight {}: {}, not "
      "{}. The scores add up to {}, the weights to {}.",
      sentence.asker(), sentence.quoted(token), sentence.number(score), sentence.number(weight),
      percent_text(weight, 0), percent_text(score, 0),
      sentence.number(static_cast<double>(nn::sum(scores))),
      sentence.number(static_cast<double>(nn::sum(weights))));
  Table table =
      columns_table("", sentence.names(),
                    std::vector<Column>{{"score", doubles(scores)}, {"weight", doubles(weights)}});
  add_total(table, "sum",
            std::vector<double>{static_cast<double>(nn::sum(scores)),
                                static_cast<double>(nn::sum(weights))});
  table.focus = token;
  step.figures.emplace_back(std::move(table));
  step.figures.emplace_back(Comparison{
      "per cent of attention that " + sentence.names()[static_cast<std::size_t>(token)] + " gets",
      "the score, read as a share",
      {100 * score},
      "the weight",
      {100 * weight}});
  return step;
}

}  // namespace

Lesson mistakes(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  LessonInputs cat = cat_inputs();
  cat.digits = inputs.digits;
  Lesson lesson;
  lesson.summary =
      "Both results looked plausible. The shape gives away the first, adding up gives away the "
      "second.";
  lesson.steps.push_back(the_wrong_loop(sentence));
  lesson.steps.push_back(the_memory(sentence));
  lesson.steps.push_back(score_for_weight(cat, 0, "Notebook 003: “26 %” for a weight of 25 %"));
  if (inputs.tokens != cat.tokens) {
    lesson.steps.push_back(
        score_for_weight(inputs, furthest_from_its_score(inputs), "The same slip on these words"));
  }
  return lesson;
}

}  // namespace fovea::lesson
