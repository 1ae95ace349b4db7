// Lesson: dropout on the weights, in training.
// Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
// Overfitting".
#include "fovea/nn/dropout.h"

#include <cmath>

#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 123;         // the book's for dropout
constexpr std::uint64_t kWeightsSeed = 789;  // and for the weights it is applied to
constexpr double kProbability = 0.5;
constexpr int kDraws = 1000;

Step the_rule(const Sentence& sentence) {
  const std::int64_t n = sentence.tokens();
  const nn::Dropout dropout(kProbability);
  Generator generator(sentence.inputs().seed.value_or(kSeed));
  Tensor ones(DType::f32, {n, n});
  for (float& one : ones.values<float>()) one = 1;
  const Tensor dropped = dropout.forward(ones, generator);
  std::int64_t kept = 0;
  for (const float value : dropped.values<float>()) kept += value != 0;
  Step step;
  step.title = "A coin for every weight";
  step.sentence = fmt::format(
      "With probability {} a number is dropped (0); the others are doubled, divided by 1 − {}, so "
      "that the sum stays the same on average. Drawn here from seed {} over a matrix of ones: {} "
      "of {} are kept.",
      kProbability, kProbability, sentence.inputs().seed.value_or(kSeed), kept,
      ones.element_count());
  step.formula = "y = 0 with probability p, else x / (1 − p)";
  step.figures.emplace_back(
      table_of("dropout of ones", sentence.names(), sentence.names(), dropped));
  return step;
}

Step on_weights(const Sentence& sentence, const Tensor& weights, const Tensor& dropped) {
  Step step;
  step.title = "On attention's weights";
  step.sentence =
      "The causal weights of the lesson before, and the same under the coins above. No word can "
      "rely on one other word alone, for tomorrow that one may be dropped.";
  step.figures.emplace_back(map_of("W", sentence.names(), sentence.names(), weights));
  step.figures.emplace_back(map_of("W after dropout", sentence.names(), sentence.names(), dropped));
  return step;
}

Step the_sums(const Sentence& sentence, const Tensor& weights, const Tensor& dropped) {
  const nn::Dropout dropout(kProbability);
  Generator generator(sentence.inputs().seed.value_or(kSeed));
  const auto n = static_cast<std::size_t>(sentence.tokens());
  // Larger sentences need fewer draws for the same total work; a row's mean is over its own draws.
  const int draws = std::max(
      10, static_cast<int>(36.0 * kDraws / std::max<double>(36, static_cast<double>(n * n))));
  std::vector<double> means(n);
  for (int draw = 0; draw < draws; ++draw) {
    const Tensor sums = nn::sum_rows(dropout.forward(weights, generator).view());
    for (std::size_t i = 0; i < n; ++i)
      means[i] += static_cast<double>(sums.values<float>()[i]) / draws;
  }
  const auto row = static_cast<std::size_t>(sentence.query());
  const Tensor now = nn::sum_rows(dropped);
  Step step;
  step.title = "Rows do not add up to 1 any more, but do on average";
  step.sentence =
      fmt::format("This time row {} adds up to {}; over {} draws its mean is {}.", sentence.asker(),
                  sentence.number(static_cast<double>(now.values<float>()[row])), draws,
                  sentence.number(means[row]));
  Table table = columns_table("sum of each row", sentence.names(),
                              std::vector<Column>{{"this draw", doubles(now)}, {"mean", means}});
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  step.figures.emplace_back(Note{
      "Only in training: a model that answers drops nothing, and gives the same answer twice."});
  return step;
}

}  // namespace

Lesson dropout(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Generator weights_generator(inputs.seed.value_or(kWeightsSeed));
  const nn::TinySelfAttentionQKVLinear module(sentence.size(), inputs.d_out, weights_generator);
  const nn::AttentionSteps steps = module.steps(inputs.vectors);
  const Tensor masked = nn::hide_future(steps.scores);
  const Tensor weights =
      nn::softmax(nn::divide(masked, std::sqrt(static_cast<double>(inputs.d_out))).view());
  Generator generator(inputs.seed.value_or(kSeed));
  const Tensor dropped = nn::Dropout(kProbability).forward(weights, generator);
  Lesson lesson;
  lesson.summary =
      "In training, weights are dropped at random and the rest scaled up, so that no word leans "
      "on one other alone.";
  lesson.steps.push_back(the_rule(sentence));
  lesson.steps.push_back(on_weights(sentence, weights, dropped));
  lesson.steps.push_back(the_sums(sentence, weights, dropped));
  return lesson;
}

}  // namespace fovea::lesson
