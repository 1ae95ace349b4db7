// Lesson: the causal mask. Two right ways to hide the words that come later, and a wrong one.
#include <cmath>

#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 789;  // the book's for this chapter's Linear layers

Step the_problem(const Sentence& sentence, const Tensor& weights) {
  Step step;
  step.title = "Who reads on would know the answer";
  step.sentence = fmt::format(
      "A model that learns to guess the next word must not see it. Here every row still looks at "
      "every word, the later ones too (weights of Linear layers, seed {}).",
      sentence.inputs().seed.value_or(kSeed));
  step.figures.emplace_back(map_of("W, unmasked", sentence.names(), sentence.names(), weights));
  return step;
}

Step zeroed_weights(const Sentence& sentence, const Tensor& zeroed, const Tensor& sums) {
  Step step;
  step.title = "First thought: set the later weights to zero";
  const auto s = sums.values<float>();
  step.sentence = "Multiply by ones below the diagonal and zeros above. ";
  step.sentence +=
      sentence.tokens() == 1
          ? "A single word has no later one: its row stays as it is."
          : fmt::format("But now a row is no longer a set of shares: {} keeps {} in all.",
                        sentence.quoted(0), sentence.number(static_cast<double>(s[0])));
  step.formula = "W × mask,  mask[i, j] = 1 where j ≤ i, else 0";
  step.figures.emplace_back(map_of("W × mask", sentence.names(), sentence.names(), zeroed));
  step.figures.emplace_back(bars_of("sum of each row", sentence.names(), sums, sentence.query()));
  return step;
}

Tensor renormalised(const Tensor& zeroed, const Tensor& sums) {
  Tensor result = Tensor::copy_of(zeroed);
  const auto s = sums.values<float>();
  auto values = result.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] /= s[i / s.size()];
  return result;
}

Step divided(const Sentence& sentence, const Tensor& weights) {
  Step step;
  step.title = "So divide each row by its sum again";
  step.sentence = "Every row adds up to 1, and no word sees a later one.";
  step.formula = "W[i, j] / Σⱼ W[i, j]";
  step.figures.emplace_back(map_of("W, renormalised", sentence.names(), sentence.names(), weights));
  return step;
}

Step hidden_scores(const Sentence& sentence, const Tensor& masked, const Tensor& weights,
                   const Tensor& other_way) {
  Step step;
  step.title = "The same in one go: −∞ before softmax";
  step.sentence = fmt::format(
      "exp(−∞) is 0, so a score of −∞ takes no part, not even in the sum that softmax divides by. "
      "Against the two-step way the weights are {}.",
      sameness(largest_difference(weights, other_way)));
  step.formula = "W = softmax(S / √d),  S[i, j] = −∞ where j > i";
  step.figures.emplace_back(table_of("S", sentence.names(), sentence.names(), masked));
  step.figures.emplace_back(map_of("W", sentence.names(), sentence.names(), weights));
  return step;
}

// The last word's vector turned round, so that a row that must not see it shows whether it does.
Tensor with_last_word_turned(const Sentence& sentence) {
  Tensor changed = Tensor::copy_of(sentence.vectors());
  auto values = changed.values<float>();
  const auto size = static_cast<std::size_t>(sentence.size());
  for (std::size_t i = values.size() - size; i < values.size(); ++i) values[i] = -values[i];
  return changed;
}

Step the_leak(const Sentence& sentence, const nn::TinySelfAttentionQKVLinear& module) {
  const double root = std::sqrt(static_cast<double>(sentence.inputs().d_out));
  const nn::AttentionSteps before = module.steps(sentence.vectors());
  const Tensor turned = with_last_word_turned(sentence);
  const nn::AttentionSteps after = module.steps(turned);
  const auto masked_row = [&](const nn::AttentionSteps& steps) {
    return Tensor::copy_of(
        row_of(nn::softmax(nn::divide(nn::hide_future(steps.scores).view(), root).view()), 0));
  };
  const auto zeroed_row = [&](const nn::AttentionSteps& steps) {
    return Tensor::copy_of(row_of(nn::zero_future(steps.weights), 0));
  };
  Step step;
  step.title = "Why zeros alone are not enough: they leak";
  const std::string last = sentence.quoted(sentence.tokens() - 1);
  const double leaked = largest_difference(zeroed_row(before), zeroed_row(after));
  step.sentence = fmt::format(
      "Turn the last word round ({} times −1) and watch the first row, which must not see it. "
      "Zeroed but not divided again, it {}, for softmax had already divided by a sum with {} in "
      "it. With −∞ it {}.",
      last, leaked > 0 ? "moves by " + sentence.number(leaked) : "does not move here", last,
      largest_difference(masked_row(before), masked_row(after)) == 0 ? "does not move at all"
                                                                     : "moves too");
  Table table{"weights of the first word", {}, sentence.names(), {}};
  const auto add = [&](std::string name, const Tensor& row) {
    table.rows.push_back(std::move(name));
    for (const double value : doubles(row)) table.values.push_back(value);
  };
  add("zeroed", zeroed_row(before));
  add("  turned", zeroed_row(after));
  add("−∞", masked_row(before));
  add("  turned", masked_row(after));
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_contexts(const Sentence& sentence, const Tensor& context) {
  Step step;
  step.title = "The context vectors";
  step.sentence = fmt::format(
      "{} has only itself to look at, so its context vector is its own value; the last word sees "
      "all.",
      sentence.quoted(0));
  step.formula = "C = W V";
  Table table = table_of("C", sentence.names(), component_names(sentence.inputs().d_out), context);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

}  // namespace

Lesson causal(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Generator generator(inputs.seed.value_or(kSeed));
  const nn::TinySelfAttentionQKVLinear module(sentence.size(), inputs.d_out, generator);
  const nn::AttentionSteps steps = module.steps(inputs.vectors);
  const Tensor zeroed = nn::zero_future(steps.weights);
  const Tensor sums = nn::sum_rows(zeroed);
  const Tensor twice_divided = renormalised(zeroed, sums);
  const Tensor masked = nn::hide_future(steps.scores);
  const Tensor weights =
      nn::softmax(nn::divide(masked, std::sqrt(static_cast<double>(inputs.d_out))).view());
  Lesson lesson;
  lesson.summary =
      "A causal mask lets each word see itself and what came before; −∞ scores do it in one step "
      "and leak nothing.";
  lesson.steps.push_back(the_problem(sentence, steps.weights));
  lesson.steps.push_back(zeroed_weights(sentence, zeroed, sums));
  lesson.steps.push_back(divided(sentence, twice_divided));
  lesson.steps.push_back(hidden_scores(sentence, masked, weights, twice_divided));
  if (sentence.tokens() > 1) lesson.steps.push_back(the_leak(sentence, module));
  lesson.steps.push_back(the_contexts(sentence, nn::matmul(weights, steps.value)));
  return lesson;
}

}  // namespace fovea::lesson
