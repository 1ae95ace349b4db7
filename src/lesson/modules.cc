// Lesson: the same attention written twice, with rand and with Linear; and what makes them equal.
#include <cmath>

#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kRandSeed = 123;  // the notebooks' seed of each module
constexpr std::uint64_t kLinearSeed = 789;

Table contexts_of(std::string name, const Sentence& sentence, const Tensor& context) {
  Table table =
      table_of(std::move(name), sentence.names(), component_names(context.size(1)), context);
  table.focus = sentence.query();
  return table;
}

Step the_draws(const Sentence& sentence, const nn::TinySelfAttentionQKV& plain,
               const nn::TinySelfAttentionQKVLinear& linear) {
  const LessonInputs& inputs = sentence.inputs();
  const double bound = 1 / std::sqrt(static_cast<double>(sentence.size()));
  Step step;
  step.title = "Two ways to draw the weights";
  step.sentence = fmt::format(
      "rand gives numbers from 0 to 1 (seed {}), all positive. Linear draws from −{} to {} (seed "
      "{}), so that outputs start around 0 and about as large as inputs; and it stores its matrix "
      "the other way round: [out, in].",
      inputs.seed.value_or(kRandSeed), sentence.number(bound), sentence.number(bound),
      inputs.seed.value_or(kLinearSeed));
  step.formula = "rand: U(0, 1), used as x W\nLinear: U(−b, b), b = 1 / √d_in, used as x Wᵀ";
  step.figures.emplace_back(table_of("W_query of rand", component_names(sentence.size(), "x"),
                                     component_names(inputs.d_out, "q"),
                                     Tensor::copy_of(plain.query_weight())));
  step.figures.emplace_back(table_of("W_query.weight of Linear", component_names(inputs.d_out, "q"),
                                     component_names(sentence.size(), "x"),
                                     Tensor::copy_of(linear.query().weight())));
  return step;
}

Step the_outputs(const Sentence& sentence, const Tensor& plain, const Tensor& linear) {
  Step step;
  step.title = "Same words, other weights, other context vectors";
  const double difference = largest_difference(plain, linear);
  step.sentence = fmt::format(
      "The arithmetic is the same: softmax(Q Kᵀ / √d) V. Only the weights differ, and the results "
      "are up to {} apart.",
      sentence.number(difference));
  step.figures.emplace_back(contexts_of("context vectors with rand", sentence, plain));
  step.figures.emplace_back(contexts_of("context vectors with Linear", sentence, linear));
  return step;
}

Step the_transfer(const Sentence& sentence, const Tensor& transferred, const Tensor& linear) {
  Step step;
  step.title = "Hand the weights over, transposed";
  step.sentence = fmt::format(
      "The rand module takes Linear's three matrices, each transposed from [out, in] to [in, out]. "
      "Now both give the same context vectors: {}.",
      sameness(largest_difference(transferred, linear)));
  step.formula = "W = weightᵀ";
  step.figures.emplace_back(
      contexts_of("context vectors after the transfer", sentence, transferred));
  return step;
}

// Without the transpose: an error where the sizes differ, silently wrong where they do not.
Step forgotten(const Sentence& sentence, const nn::TinySelfAttentionQKVLinear& linear) {
  const LessonInputs& inputs = sentence.inputs();
  Step step;
  step.title = "What happens if the transpose is forgotten";
  if (sentence.size() != inputs.d_out) {
    step.sentence = fmt::format(
        "Nothing bad: [{}, {}] does not fit where [{}, {}] is wanted, and the program stops. It is "
        "when d_in = d_out that the mistake goes unnoticed.",
        inputs.d_out, sentence.size(), sentence.size(), inputs.d_out);
    return step;
  }
  const TensorView x = row_of(sentence.vectors(), sentence.query());
  const Tensor wrong = nn::matmul(x, linear.query().weight());
  const Tensor right = nn::matmul(x, nn::transpose(linear.query().weight()).view());
  step.sentence = fmt::format(
      "With d_in = d_out = {} both shapes are the same, no error is raised, and the query of {} is "
      "wrong.",
      inputs.d_out, sentence.asker());
  step.figures.emplace_back(
      Comparison{"", "x weight", doubles(wrong), "x weightᵀ", doubles(right)});
  return step;
}

}  // namespace

Lesson modules(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Generator rand_generator(inputs.seed.value_or(kRandSeed));
  nn::TinySelfAttentionQKV plain(sentence.size(), inputs.d_out, rand_generator);
  Generator linear_generator(inputs.seed.value_or(kLinearSeed));
  const nn::TinySelfAttentionQKVLinear linear(sentence.size(), inputs.d_out, linear_generator);
  const Tensor plain_context = plain.steps(inputs.vectors).context;
  const Tensor linear_context = linear.steps(inputs.vectors).context;
  Lesson lesson;
  lesson.summary =
      "A module is its arithmetic and its weights. Move the weights, and two modules give one "
      "answer.";
  lesson.steps.push_back(the_draws(sentence, plain, linear));
  lesson.steps.push_back(the_outputs(sentence, plain_context, linear_context));
  plain.set_weights(linear);
  lesson.steps.push_back(
      the_transfer(sentence, plain.steps(inputs.vectors).context, linear_context));
  lesson.steps.push_back(forgotten(sentence, linear));
  return lesson;
}

}  // namespace fovea::lesson
