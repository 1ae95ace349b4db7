// Lesson: several attention heads side by side, each a whole module of its own.
#include <algorithm>

#include "fovea/nn/multi_head_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 123;     // the book's for heads
constexpr std::int64_t kShownHeads = 4;  // more maps would not be read

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  return text;
}

Step the_idea(const Sentence& sentence, const nn::MultiHeadAttentionWrapper& module) {
  const LessonInputs& inputs = sentence.inputs();
  Step step;
  step.title = "One head has one way of looking";
  step.sentence = fmt::format(
      "One row of weights must serve grammar, meaning and position at once. So let there be {}, "
      "each with its own three matrices {} → {}, drawn one after the other from seed {}.",
      counted(inputs.heads, "head", "heads"), sentence.size(), inputs.d_out,
      inputs.seed.value_or(kSeed));
  const std::int64_t shown = std::min(inputs.heads, kShownHeads);
  for (std::int64_t h = 0; h < shown; ++h) {
    const nn::CausalAttention& head = module.heads()[static_cast<std::size_t>(h)];
    step.figures.emplace_back(
        table_of(fmt::format("W_query.weight of head {}", h), component_names(inputs.d_out, "q"),
                 component_names(sentence.size(), "x"), Tensor::copy_of(head.query().weight())));
  }
  return step;
}

Step the_weights(const Sentence& sentence, const std::vector<nn::AttentionSteps>& heads) {
  Step step;
  step.title = "Each head looks its own way";
  step.formula = "W_h = softmax(Q_h K_hᵀ / √d), causal";
  std::vector<std::string> favourites;
  double apart = 0;
  const std::size_t shown = std::min(heads.size(), static_cast<std::size_t>(kShownHeads));
  for (std::size_t h = 0; h < shown; ++h) {
    const Tensor row = Tensor::copy_of(row_of(heads[h].weights, sentence.query()));
    const std::int64_t most = largest_of(row.values<float>());
    if (h > 0)
      apart = std::max(
          apart,
          largest_difference(row, Tensor::copy_of(row_of(heads[0].weights, sentence.query()))));
    favourites.push_back(fmt::format(
        "at {} in head {} ({})", sentence.quoted(most), h,
        sentence.number(static_cast<double>(row.values<float>()[static_cast<std::size_t>(most)]))));
    step.figures.emplace_back(map_of(fmt::format("W of head {}", h), sentence.names(),
                                     sentence.names(), heads[h].weights));
  }
  step.sentence = fmt::format(
      "{} looks most {}.{}{}", sentence.asker(), joined(favourites),
      shown > 1
          ? fmt::format(" Its weights differ by up to {} between heads.", sentence.number(apart))
          : "",
      shown < heads.size() ? fmt::format(" ({} more heads are not shown.)", heads.size() - shown)
                           : "");
  return step;
}

Step the_result(const Sentence& sentence, const Tensor& context) {
  const LessonInputs& inputs = sentence.inputs();
  Step step;
  step.title = "Their context vectors, side by side";
  step.sentence =
      fmt::format("Head after head is written beside the last: {} × {} = {} a word.", inputs.heads,
                  inputs.d_out, counted(inputs.heads * inputs.d_out, "number", "numbers"));
  step.formula = "C = [C_0, C_1, …]";
  std::vector<std::string> columns;
  for (std::int64_t h = 0; h < inputs.heads; ++h) {
    for (std::int64_t c = 0; c < inputs.d_out; ++c) columns.push_back(fmt::format("h{}[{}]", h, c));
  }
  Table table = table_of("C", sentence.names(), std::move(columns), context);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

// [tokens, size] of each head beside each other.
Tensor side_by_side(const std::vector<nn::AttentionSteps>& heads) {
  const std::int64_t tokens = heads.front().context.size(0);
  const std::int64_t size = heads.front().context.size(1);
  std::vector<float> values;
  for (std::int64_t i = 0; i < tokens; ++i) {
    for (const nn::AttentionSteps& head : heads) {
      const TensorView row = row_of(head.context, i);
      for (std::int64_t c = 0; c < size; ++c) values.push_back(row.at<float>(c));
    }
  }
  return Tensor::of<float>({tokens, static_cast<std::int64_t>(heads.size()) * size},
                           std::span<const float>(values));
}

}  // namespace

Lesson heads(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Generator generator(inputs.seed.value_or(kSeed));
  const nn::MultiHeadAttentionWrapper module(
      {.d_in = sentence.size(), .d_out = inputs.d_out, .context_length = sentence.tokens()},
      inputs.heads, generator);
  std::vector<nn::AttentionSteps> steps;
  for (const nn::CausalAttention& head : module.heads()) {
    steps.push_back(head.steps(inputs.vectors));
  }
  Lesson lesson;
  lesson.summary =
      "Several small attentions with weights of their own run side by side; their results are "
      "joined.";
  lesson.steps.push_back(the_idea(sentence, module));
  lesson.steps.push_back(the_weights(sentence, steps));
  lesson.steps.push_back(the_result(sentence, side_by_side(steps)));
  return lesson;
}

}  // namespace fovea::lesson
