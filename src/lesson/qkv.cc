// Lesson: query, key and value. Three trainable views of every word.
#include <algorithm>
#include <cmath>

#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 123;  // the notebooks' for weights drawn with rand

Step the_matrices(const Sentence& sentence, const nn::TinySelfAttentionQKV& module) {
  const std::uint64_t seed = sentence.inputs().seed.value_or(kSeed);
  Step step;
  step.title = "Three matrices that training can change";
  step.sentence = fmt::format(
      "Until now nothing could learn. These can: each turns a word's {} into {}. Training would "
      "find their numbers; here they are drawn between 0 and 1 from seed {}.",
      counted(sentence.size(), "number", "numbers"), sentence.inputs().d_out, seed);
  step.formula = "q = x W_query    k = x W_key    v = x W_value";
  const auto rows = component_names(sentence.size(), "x");
  const auto add = [&](std::string name, const TensorView& weight, std::string_view prefix) {
    step.figures.emplace_back(table_of(
        std::move(name), rows, component_names(weight.size(1), prefix), Tensor::copy_of(weight)));
  };
  add("W_query: what am I looking for?", module.query_weight(), "q");
  add("W_key: what do I contain?", module.key_weight(), "k");
  add("W_value: what do I carry?", module.value_weight(), "v");
  return step;
}

Step the_query(const Sentence& sentence, const nn::TinySelfAttentionQKV& module,
               const nn::AttentionSteps& steps) {
  Step step;
  step.title = "The query of one word";
  step.sentence = fmt::format("{} asks with its query: its vector times the columns of W_query.",
                              sentence.asker());
  step.formula = "q[c] = Σᵢ x[i] × W_query[i, c]";
  Worked worked;
  const std::int64_t shown = std::min<std::int64_t>(sentence.inputs().d_out, 4);
  for (std::int64_t c = 0; c < shown; ++c) {
    worked.lines.push_back(
        {fmt::format("q[{}]", c),
         sentence.dot_expression(row_of(sentence.vectors(), sentence.query()),
                                 column_of(module.query_weight(), c)),
         static_cast<double>(row_of(steps.query, sentence.query()).at<float>(c))});
  }
  step.figures.emplace_back(std::move(worked));
  return step;
}

Step all_views(const Sentence& sentence, const nn::AttentionSteps& steps) {
  Step step;
  step.title = "Keys and values of all words";
  step.sentence =
      "Every word shows a key, to be found by, and carries a value, to be taken home. They need "
      "not be alike: how a word is found and what it brings are now two things.";
  step.formula = "K = X W_key    V = X W_value";
  const std::int64_t d_out = sentence.inputs().d_out;
  step.figures.emplace_back(
      table_of("K", sentence.names(), component_names(d_out, "k"), steps.key));
  step.figures.emplace_back(
      table_of("V", sentence.names(), component_names(d_out, "v"), steps.value));
  return step;
}

Step scores_and_weights(const Sentence& sentence, const nn::AttentionSteps& steps) {
  const double root = std::sqrt(static_cast<double>(sentence.inputs().d_out));
  const TensorView scores = row_of(steps.scores, sentence.query());
  Step step;
  step.title = "Scores, scaled, then softmax";
  step.sentence = fmt::format(
      "The query meets every key; the scores are divided by √{} = {} (the next lesson says why) "
      "and become weights.",
      sentence.inputs().d_out, sentence.number(root));
  step.formula = "w = softmax(q Kᵀ / √d)";
  Worked worked;
  const std::int64_t shown = std::min<std::int64_t>(sentence.tokens(), 8);
  for (std::int64_t j = 0; j < shown; ++j) {
    worked.lines.push_back(
        {"q · k[" + sentence.names()[static_cast<std::size_t>(j)] + "]",
         sentence.dot_expression(row_of(steps.query, sentence.query()), row_of(steps.key, j)),
         static_cast<double>(scores.at<float>(j))});
  }
  step.figures.emplace_back(std::move(worked));
  const Tensor own_scores = Tensor::copy_of(scores);
  const Tensor own_weights = Tensor::copy_of(row_of(steps.weights, sentence.query()));
  Table table =
      columns_table("", sentence.names(),
                    std::vector<Column>{{"score", doubles(own_scores)},
                                        {"score / √d", doubles(nn::divide(own_scores, root))},
                                        {"weight", doubles(own_weights)}});
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_contexts(const Sentence& sentence, const nn::AttentionSteps& steps) {
  Step step;
  step.title = "The context vectors mix values, not words";
  step.sentence = fmt::format(
      "Each row is Σ weight × value, so it has {}, as the values have. Row {} is what its query "
      "found.",
      counted(sentence.inputs().d_out, "number", "numbers"), sentence.asker());
  step.formula = "C = softmax(Q Kᵀ / √d) V";
  step.figures.emplace_back(map_of("W", sentence.names(), sentence.names(), steps.weights));
  Table table =
      table_of("C", sentence.names(), component_names(sentence.inputs().d_out), steps.context);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

}  // namespace

Lesson qkv(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Generator generator(inputs.seed.value_or(kSeed));
  const nn::TinySelfAttentionQKV module(sentence.size(), inputs.d_out, generator);
  const nn::AttentionSteps steps = module.steps(inputs.vectors);
  Lesson lesson;
  lesson.summary =
      "Three learned matrices give each word a question, an address and a message: query, key, "
      "value.";
  lesson.steps.push_back(the_matrices(sentence, module));
  lesson.steps.push_back(the_query(sentence, module, steps));
  lesson.steps.push_back(all_views(sentence, steps));
  lesson.steps.push_back(scores_and_weights(sentence, steps));
  lesson.steps.push_back(the_contexts(sentence, steps));
  return lesson;
}

}  // namespace fovea::lesson
