// Lesson: every word asks at once. The loops, and the matrix product that they are.
#include <cmath>

#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

Tensor scores_by_loops(const Tensor& x) {
  const std::int64_t n = x.size(0);
  Tensor scores = Tensor::uninitialized(DType::f32, {n, n});
  auto next = scores.values<float>().begin();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) *next++ = nn::dot(row_of(x, i), row_of(x, j));
  }
  return scores;
}

Step the_loops(const Sentence& sentence, const Tensor& scores) {
  Step step;
  step.title = "Two loops";
  step.sentence = fmt::format("Let every word ask, not {} alone: {} × {} is {}, a row an asker.",
                              sentence.asker(), sentence.tokens(), sentence.tokens(),
                              counted(scores.element_count(), "score", "scores"));
  step.formula = "for i, for j:  S[i, j] = xᵢ · xⱼ";
  Table table = table_of("S by loops", sentence.names(), sentence.names(), scores);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_product(const Sentence& sentence, const Tensor& by_loops, const Tensor& by_product) {
  Step step;
  step.title = "One matrix product";
  step.sentence = fmt::format("A matrix times its transpose is exactly these dot products: {}.",
                              sameness(largest_difference(by_loops, by_product)));
  step.formula = "S = X Xᵀ";
  step.figures.emplace_back(map_of("S", sentence.names(), sentence.names(), by_product));
  return step;
}

Step the_weights(const Sentence& sentence, const Tensor& weights) {
  Step step;
  step.title = "Softmax, row by row";
  step.sentence = "Each row becomes the weights of its asker, and adds up to 1.";
  step.formula = "W[i, :] = softmax(S[i, :])";
  // S is symmetric, W is not: the pair that shows it most.
  const auto w = weights.values<float>();
  const std::int64_t n = sentence.tokens();
  std::int64_t from = 0;
  std::int64_t to = 0;
  const auto weight = [&](std::int64_t i, std::int64_t j) {
    return static_cast<double>(w[static_cast<std::size_t>(i * n + j)]);
  };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (weight(i, j) - weight(j, i) > weight(from, to) - weight(to, from)) {
        from = i;
        to = j;
      }
    }
  }
  if (from != to) {
    step.sentence += fmt::format(
        " The scores were the same both ways, the weights are not: {} gives {} the weight {}, and "
        "gets {} back, because each row is "
        "divided by a sum of its own.",
        sentence.quoted(from), sentence.quoted(to), sentence.number(weight(from, to)),
        sentence.number(weight(to, from)));
  }
  step.figures.emplace_back(map_of("W", sentence.names(), sentence.names(), weights));
  return step;
}

Step the_contexts(const Sentence& sentence, const Tensor& weights) {
  const Tensor contexts = nn::matmul(weights, sentence.vectors());
  const Tensor alone = nn::context_vector(
      nn::softmax(
          nn::matmul(sentence.vectors(), row_of(sentence.vectors(), sentence.query())).view())
          .view(),
      sentence.vectors());
  const Tensor row = Tensor::copy_of(row_of(contexts, sentence.query()));
  Step step;
  step.title = "All context vectors in one product";
  step.sentence = fmt::format("Row {} is the context vector of the lesson before: {}.",
                              sentence.asker(), sameness(largest_difference(alone, row)));
  step.formula = "C = W X";
  Table table = table_of("C", sentence.names(), component_names(sentence.size()), contexts);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_cost(const Sentence& sentence) {
  Step step;
  step.title = "What it costs";
  step.sentence =
      "Scores grow with the square of the number of words. Stored as float32 they soon outgrow "
      "everything "
      "else; an attention "
      "engine therefore works on a few at a time and never keeps them all.";
  Table table{"", {}, {"words", "scores", "megabytes"}, {}};
  table.is_mixed = true;
  for (const std::int64_t n : {sentence.tokens(), std::int64_t{128}, std::int64_t{1024},
                               std::int64_t{8192}, std::int64_t{65536}}) {
    table.rows.emplace_back();
    const double words = static_cast<double>(n);
    table.values.insert(table.values.end(), {words, words * words, words * words * 4 / 1e6});
  }
  step.figures.emplace_back(std::move(table));
  return step;
}

}  // namespace

Lesson all_queries(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  const Tensor& x = sentence.vectors();
  const Tensor by_loops = scores_by_loops(x);
  const Tensor by_product = nn::matmul(x, nn::transpose(x).view());
  const Tensor weights = nn::softmax(by_product);
  Lesson lesson;
  lesson.summary = "Self-attention is three lines: S = X Xᵀ, W = softmax(S), C = W X.";
  lesson.steps.push_back(the_loops(sentence, by_loops));
  lesson.steps.push_back(the_product(sentence, by_loops, by_product));
  lesson.steps.push_back(the_weights(sentence, weights));
  lesson.steps.push_back(the_contexts(sentence, weights));
  lesson.steps.push_back(the_cost(sentence));
  return lesson;
}

}  // namespace fovea::lesson
