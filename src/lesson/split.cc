// Lesson: one projection, split into heads, and the output projection that joins them.
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
#include <algorithm>

#include "fovea/nn/multi_head_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 123;  // the book's for heads
constexpr std::int64_t kShownHeads = 4;

std::vector<std::string> head_columns(const nn::MultiHeadAttention& module) {
  std::vector<std::string> columns;
  for (std::int64_t h = 0; h < module.heads(); ++h) {
    for (std::int64_t c = 0; c < module.head_size(); ++c) {
      columns.push_back(fmt::format("h{}[{}]", h, c));
    }
  }
  return columns;
}

Step one_projection(const Sentence& sentence, const nn::MultiHeadAttention& module) {
  const std::int64_t d_out = module.out_proj().out_features();
  Step step;
  step.title = "One projection for all heads";
  step.sentence = fmt::format(
      "Instead of {} small matrices there is one, {} → {}; its result is cut into {} of {} each: "
      "the same numbers, from one large product.",
      module.heads(), sentence.size(), d_out, counted(module.heads(), "head", "heads"),
      counted(module.head_size(), "number", "numbers"));
  if (d_out != sentence.inputs().d_out) {
    step.sentence += fmt::format(
        " ({} numbers cannot be split into {} heads; {}, the next that can, are used here.)",
        sentence.inputs().d_out, module.heads(), d_out);
  }
  step.formula = "Q = X W_query,  head h has columns h × size to (h + 1) × size − 1";
  Table table = table_of("Q, split", sentence.names(), head_columns(module),
                         module.query().forward(sentence.vectors()));
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  const nn::Linear first(Tensor::copy_of(module.query().weight().sliced(0, 0, module.head_size())));
  const Tensor alone = first.forward(sentence.vectors());
  const Tensor cut = Tensor::copy_of(
      module.query().forward(sentence.vectors()).view().sliced(1, 0, module.head_size()));
  step.figures.emplace_back(Note{fmt::format(
      "Head 0 with a small matrix of its own, the first {} of the large one: {}.",
      counted(module.head_size(), "row", "rows"), sameness(largest_difference(alone, cut)))});
  return step;
}

Step the_heads(const Sentence& sentence, const nn::MultiHeadAttention& module,
               const nn::AttentionSteps& steps) {
  Step step;
  step.title = "Attention in each head";
  step.sentence = fmt::format(
      "Each head attends alone, over {} a word, and so divides by √{}.{}",
      counted(module.head_size(), "number", "numbers"), module.head_size(),
      module.heads() > kShownHeads
          ? fmt::format(" (The first {} of {} heads are shown.)", kShownHeads, module.heads())
          : "");
  step.formula = "W_h = softmax(Q_h K_hᵀ / √size), causal";
  for (std::int64_t h = 0; h < std::min(module.heads(), kShownHeads); ++h) {
    step.figures.emplace_back(map_of(fmt::format("W of head {}", h), sentence.names(),
                                     sentence.names(), matrix_of(steps.weights, h)));
  }
  return step;
}

// [heads, tokens, size] to [tokens, heads · size].
Tensor joined(const Tensor& context) {
  const Tensor moved = Tensor::copy_of(context.view().permuted({1, 0, 2}));
  return Tensor::of<float>({moved.size(0), moved.size(1) * moved.size(2)}, moved.values<float>());
}

Step joining(const Sentence& sentence, const nn::MultiHeadAttention& module,
             const Tensor& context) {
  const nn::Linear& out = module.out_proj();
  const std::int64_t d_out = out.out_features();
  Step step;
  step.title = "Joined, and mixed by one more projection";
  step.sentence =
      "Side by side again, the heads have not met yet: the output projection lets every number of "
      "the result draw on every head.";
  step.formula = "Y = C W_outᵀ + b";
  const Tensor weight = Tensor::copy_of(out.weight());
  Table together = table_of("C", sentence.names(), head_columns(module), context);
  together.focus = sentence.query();
  step.figures.emplace_back(std::move(together));
  step.figures.emplace_back(
      table_of("W_out", component_names(d_out, "y"), head_columns(module), weight));
  const Tensor bias = Tensor::copy_of(out.bias());
  step.figures.emplace_back(table_of("b", {""}, component_names(d_out, "y"), bias));
  const Tensor result = out.forward(context);
  const std::string asker = sentence.names()[static_cast<std::size_t>(sentence.query())];
  const TensorView row = row_of(context, sentence.query());
  Worked worked;
  for (std::int64_t c = 0; c < std::min<std::int64_t>(d_out, 4); ++c) {
    const double offset = static_cast<double>(out.bias().at<float>(c));
    const std::string products = sentence.dot_expression(row, row_of(weight, c));
    worked.lines.push_back({fmt::format("y[{}] of {}", c, asker),
                            products + " + " + sentence.short_number(offset),
                            static_cast<double>(row_of(result, sentence.query()).at<float>(c))});
  }
  step.figures.emplace_back(std::move(worked));
  Table table = table_of("Y", sentence.names(), component_names(d_out, "y"), result);
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step parameters(const nn::MultiHeadAttention& module) {
  const auto line = [](std::string name, std::int64_t d_in, std::int64_t d_out) {
    return WorkedLine{std::move(name),
                      fmt::format("3 × {} × {} + {} × {} + {}", d_in, d_out, d_out, d_out, d_out),
                      static_cast<double>(3 * d_in * d_out + d_out * d_out + d_out)};
  };
  Step step;
  step.title = "How many numbers training has to find";
  step.sentence =
      "Three projections, the output projection and its bias. Heads cost nothing extra: only the "
      "cut changes. GPT-2's smallest model has 12 such layers of 12 heads.";
  step.formula = "3 d_in d_out + d_out² + d_out";
  step.figures.emplace_back(
      Worked{{line("here", module.query().in_features(), module.out_proj().out_features()),
              line("one layer of GPT-2", 768, 768)}});
  return step;
}

}  // namespace

Lesson split(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  const std::int64_t d_out = (inputs.d_out + inputs.heads - 1) / inputs.heads * inputs.heads;
  Generator generator(inputs.seed.value_or(kSeed));
  const nn::MultiHeadAttention module(
      {.d_in = sentence.size(), .d_out = d_out, .context_length = sentence.tokens()}, inputs.heads,
      generator);
  const nn::AttentionSteps steps = module.steps(inputs.vectors);
  Lesson lesson;
  lesson.summary =
      "Real models project once, split the result into heads, attend in each, and mix the joined "
      "results.";
  lesson.steps.push_back(one_projection(sentence, module));
  lesson.steps.push_back(the_heads(sentence, module, steps));
  lesson.steps.push_back(joining(sentence, module, joined(steps.context)));
  lesson.steps.push_back(parameters(module));
  return lesson;
}

}  // namespace fovea::lesson
