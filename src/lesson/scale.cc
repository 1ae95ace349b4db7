// Lesson: why scores are divided by the root of their size. An experiment, run on the spot.
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1.
#include <algorithm>
#include <array>
#include <cmath>

#include "fovea/core/random.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

constexpr std::uint64_t kSeed = 123;
constexpr std::int64_t kKeys = 6;
constexpr int kDraws = 32;
constexpr std::array<std::int64_t, 6> kSizes = {1, 4, 16, 64, 256, 1024};

// What softmax makes of scores, on average over the draws.
struct Outcome {
  double spread = 0;   // root mean square of the scores
  double entropy = 0;  // of the weights, in nats
  double largest = 0;  // weight
  double gradient = 0;
};

// Frobenius norm of softmax's Jacobian, ∂w[i] / ∂s[j] = w[i] (δ[i, j] - w[j]): how much the weights
// still answer to a change of the scores.
double gradient_size(std::span<const float> weights) {
  double squares = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const double wi = static_cast<double>(weights[i]);
      const double entry = wi * ((i == j ? 1.0 : 0.0) - static_cast<double>(weights[j]));
      squares += entry * entry;
    }
  }
  return std::sqrt(squares);
}

void add(Outcome& outcome, const Tensor& scores) {
  const Tensor weights = nn::softmax(scores);
  const auto w = weights.values<float>();
  double squares = 0;
  for (const float score : scores.values<float>()) {
    squares += static_cast<double>(score) * static_cast<double>(score);
  }
  outcome.spread += squares / kKeys / kDraws;  // its root is taken when all are added
  outcome.entropy += entropy(w) / kDraws;
  outcome.largest += static_cast<double>(*std::max_element(w.begin(), w.end())) / kDraws;
  outcome.gradient += gradient_size(w) / kDraws;
}

struct Experiment {
  Outcome plain;
  Outcome scaled;
};

Experiment run(std::int64_t size, std::uint64_t seed) {
  Generator generator(seed);
  Experiment experiment;
  for (int draw = 0; draw < kDraws; ++draw) {
    const Tensor query = randn({size}, generator);
    const Tensor keys = randn({kKeys, size}, generator);
    const Tensor scores = nn::matmul(keys, query);
    add(experiment.plain, scores);
    add(experiment.scaled, nn::divide(scores, std::sqrt(static_cast<double>(size))));
  }
  experiment.plain.spread = std::sqrt(experiment.plain.spread);
  experiment.scaled.spread = std::sqrt(experiment.scaled.spread);
  return experiment;
}

Step own_numbers(const Sentence& sentence) {
  const LessonInputs& inputs = sentence.inputs();
  Generator generator(inputs.seed.value_or(kSeed));
  const nn::TinySelfAttentionQKV module(sentence.size(), inputs.d_out, generator);
  const nn::AttentionSteps steps = module.steps(inputs.vectors);
  const Tensor scores = Tensor::copy_of(row_of(steps.scores, sentence.query()));
  const Tensor plain = nn::softmax(scores);
  const Tensor scaled = Tensor::copy_of(row_of(steps.weights, sentence.query()));
  Step step;
  step.title = "With and without, on these words";
  step.sentence = fmt::format(
      "The scores of {} from the lesson before, as they are and divided by √{}: the entropy of the "
      "weights (0 = all on one word, {} = all {} alike) is {} without and {} with.",
      sentence.asker(), inputs.d_out,
      sentence.number(std::log(static_cast<double>(sentence.tokens()))), sentence.tokens(),
      sentence.number(entropy(plain.values<float>())),
      sentence.number(entropy(scaled.values<float>())));
  step.formula = "entropy = −Σ w ln w";
  Table table = columns_table(
      "", sentence.names(),
      std::vector<Column>{
          {"score", doubles(scores)}, {"weight", doubles(plain)}, {"of s / √d", doubles(scaled)}});
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

using Experiments = std::vector<Experiment>;

Table table_by_size(std::span<const Experiment> experiments, double Outcome::*quantity) {
  Table table{"", {}, {"without", "with √d"}, {}};
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    table.rows.push_back(fmt::format("d = {}", kSizes[i]));
    table.values.insert(table.values.end(),
                        {experiments[i].plain.*quantity, experiments[i].scaled.*quantity});
  }
  return table;
}

Step the_spread(const Sentence& sentence, const Experiments& experiments) {
  Step step;
  step.title = "Dot products grow with their length";
  step.sentence = fmt::format(
      "Queries and keys of d random numbers each (mean 0, variance 1; {} times {} keys, drawn "
      "now): a score is a sum of d products, so its typical size is √d. At d = {} it is {}; "
      "divided by √d, {}.",
      kDraws, kKeys, kSizes.back(), sentence.number(experiments.back().plain.spread),
      sentence.number(experiments.back().scaled.spread));
  step.formula = "var(q · k) = d,  so  q · k / √d  has variance 1";
  Table table = table_by_size(experiments, &Outcome::spread);
  table.name = "typical size of a score (root mean square)";
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_entropy(const Sentence& sentence, const Experiments& experiments) {
  Step step;
  step.title = "Large scores make softmax all or nothing";
  const Experiment& last = experiments.back();
  step.sentence = fmt::format(
      "At d = {} the largest of {} weights averages {} without scaling, and the others have "
      "almost nothing left; with scaling it is {}, not far from the {} of d = {}.",
      kSizes.back(), kKeys, percent_text(last.plain.largest, 1),
      percent_text(last.scaled.largest, 1), percent_text(experiments[1].scaled.largest, 1),
      kSizes[1]);
  Table entropies = table_by_size(experiments, &Outcome::entropy);
  entropies.name = fmt::format("entropy of the weights (all {} alike: {})", kKeys,
                               sentence.number(std::log(static_cast<double>(kKeys))));
  step.figures.emplace_back(std::move(entropies));
  Table largest = table_by_size(experiments, &Outcome::largest);
  largest.name = "largest weight";
  step.figures.emplace_back(std::move(largest));
  return step;
}

Step the_gradient(const Sentence& sentence, const Experiments& experiments) {
  Step step;
  step.title = "And then nothing can be learned";
  const Outcome& plain = experiments.back().plain;
  const Outcome& scaled = experiments.back().scaled;
  step.sentence = fmt::format(
      "Training changes scores by the gradient that comes back through softmax. At d = {} its size "
      "is {} without scaling and {} with: {} times as much to learn from.",
      kSizes.back(), sentence.number(plain.gradient), sentence.number(scaled.gradient),
      number_text(scaled.gradient / plain.gradient, 1));
  step.formula = "∂wᵢ / ∂sⱼ = wᵢ (δᵢⱼ − wⱼ),  size = √(sum of squares)";
  Bars without{"gradient without scaling", {}, {}};
  Bars with{"gradient with √d", {}, {}};
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    for (Bars* bars : {&without, &with}) bars->labels.push_back(fmt::format("d = {}", kSizes[i]));
    without.values.push_back(experiments[i].plain.gradient);
    with.values.push_back(experiments[i].scaled.gradient);
  }
  step.figures.emplace_back(std::move(without));
  step.figures.emplace_back(std::move(with));
  return step;
}

}  // namespace

Lesson scale(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  Experiments experiments;
  for (const std::int64_t size : kSizes) {
    experiments.push_back(run(size, inputs.seed.value_or(kSeed)));
  }
  Lesson lesson;
  lesson.summary =
      "Long vectors give large scores, large scores give weights of 0 and 1, and those cannot "
      "learn. Dividing by √d keeps scores the same size at every d.";
  lesson.steps.push_back(own_numbers(sentence));
  lesson.steps.push_back(the_spread(sentence, experiments));
  lesson.steps.push_back(the_entropy(sentence, experiments));
  lesson.steps.push_back(the_gradient(sentence, experiments));
  return lesson;
}

}  // namespace fovea::lesson
