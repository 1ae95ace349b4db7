// The six steps of a row: the arithmetic is the model's own, shown for the keys that matter.
#include "report/row_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "fovea/engine/attend.h"
#include "fovea/lesson/number_text.h"

namespace fovea::report {
namespace {

using lesson::Step;
using lesson::Table;

// Numbers of a long vector that are shown, and keys that are.
constexpr std::int64_t kShownNumbers = 6;
constexpr std::size_t kShownKeys = 8;
constexpr int kDigits = 4;

// A vector of the question, somewhere in its view.
using Vector = std::vector<double>;

Vector vector_at(const TensorView& heads, std::int64_t head, std::int64_t token) {
  Vector vector;
  for (std::int64_t i = 0; i < heads.size(3); ++i)
    vector.push_back(heads.number_at(std::int64_t{0}, head, token, i));
  return vector;
}

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double length(const Vector& a) {
  return std::sqrt(dot(a, a));
}

// The row, looked at.
struct Row {
  const models::ModelFacts& facts;
  const models::LayerAttention& layer;
  const RowName& at;
  const std::vector<std::string>& names;
  Vector query = {};
  Vector weights = {};                  // of all keys
  std::vector<std::int64_t> keys = {};  // shown, by falling weight

  std::int64_t key_head() const { return at.head.head / (facts.query_heads / facts.key_heads); }
  std::int64_t visible() const { return facts.is_causal ? at.token + 1 : std::ssize(names); }
  Vector key(std::int64_t j) const { return vector_at(layer.question.key, key_head(), j); }
  Vector value(std::int64_t j) const { return vector_at(layer.question.value, key_head(), j); }
  // "3 with": the index tells two equal words apart.
  std::string name(std::int64_t j) const {
    return fmt::format("{} {}", j, names[static_cast<std::size_t>(j)]);
  }
  std::vector<std::string> key_names() const {
    std::vector<std::string> shown;
    for (const std::int64_t j : keys) shown.push_back(name(j));
    return shown;
  }
  std::string asker() const {
    return fmt::format("“{}”", names[static_cast<std::size_t>(at.token)]);
  }
};

std::string number(double value) {
  return lesson::number_text(value, kDigits);
}

// The first numbers of vectors, and their lengths.
Table vectors_table(std::string name, std::vector<std::string> rows,
                    const std::vector<Vector>& vectors) {
  Table table{.name = std::move(name), .rows = std::move(rows)};
  const std::int64_t size = std::min<std::int64_t>(kShownNumbers, std::ssize(vectors.front()));
  for (std::int64_t i = 0; i < size; ++i) table.columns.push_back(fmt::format("[{}]", i));
  table.columns.emplace_back("length");
  table.is_mixed = true;
  for (const Vector& vector : vectors) {
    table.values.insert(table.values.end(), vector.begin(), vector.begin() + size);
    table.values.push_back(length(vector));
  }
  return table;
}

std::string shown_of(std::int64_t size) {
  if (size <= kShownNumbers) return "";
  return fmt::format(" The first {} of {} numbers are shown, and the vector's length.",
                     kShownNumbers, size);
}

// The weights of the row alone: the bits of the whole call.
Vector weights_of(const models::LayerAttention& layer, const RowName& at) {
  Attention question = layer.question;
  question.query = layer.question.query.sliced(2, at.token, 1);
  question.diagonal = Diagonal::at(at.token);
  const Attended row =
      attend(question, Observe{.heads = {at.head.head}, .rows = {0}}, {.threads = 1});
  const std::span<const float> weights = row.observed.rows.values<float>();
  return {weights.begin(), weights.end()};
}

std::vector<std::int64_t> largest(const Vector& weights, std::int64_t visible) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(visible));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
    return weights[static_cast<std::size_t>(a)] > weights[static_cast<std::size_t>(b)];
  });
  order.resize(std::min(order.size(), kShownKeys));
  return order;
}

Step project_step(const Row& row) {
  Vector input;
  for (std::int64_t i = 0; i < row.layer.input.size(1); ++i)
    input.push_back(row.layer.input.number_at(row.at.token, i));
  const bool turns = row.layer.query_before_rope.given();
  const TensorView& queries = turns ? row.layer.query_before_rope : row.layer.question.query;
  const TensorView& keys = turns ? row.layer.key_before_rope : row.layer.question.key;
  Step step{.title = "Query, key and value",
            .sentence = fmt::format(
                "What layer {} was given for {} is multiplied by three matrices that were learned "
                "(and a bias is added where the model has one): what it looks for, what it offers "
                "to be found by, and what it hands on.{}",
                row.at.head.layer, row.asker(), shown_of(std::ssize(input))),
            .formula = "q = x Wq    k = x Wk    v = x Wv"};
  step.figures.emplace_back(vectors_table("input", {row.name(row.at.token)}, {input}));
  step.figures.emplace_back(
      vectors_table(fmt::format("in head {}", row.at.head.head), {"query", "key", "value"},
                    {vector_at(queries, row.at.head.head, row.at.token),
                     vector_at(keys, row.key_head(), row.at.token), row.value(row.at.token)}));
  return step;
}

Step rope_step(const Row& row) {
  const bool halves = row.layer.rope->layout == nn::RopeLayout::half_split;
  const std::int64_t partner = halves ? row.facts.head_size / 2 : 1;
  const Vector before = vector_at(row.layer.query_before_rope, row.at.head.head, row.at.token);
  Step step{
      .title = "Position, by turning (RoPE)",
      .sentence = fmt::format(
          "Pairs of numbers are turned by an angle that grows with the position, the first pair "
          "(numbers 0 and {}) by {} radians, later pairs more slowly. Lengths stay; what q · k "
          "says then depends on how far apart two tokens are.",
          partner, row.at.token),
      .formula = fmt::format("angle of pair i = {} · {:g}^(-2i/{})", row.at.token,
                             row.layer.rope->base, row.facts.head_size)};
  step.figures.emplace_back(vectors_table("query", {"before", "after"}, {before, row.query}));
  return step;
}

Step score_step(const Row& row, const Vector& scores) {
  Step step{
      .title = "Scores",
      .sentence = fmt::format(
          "The query of {} is multiplied with the key of every token that it sees, {} in all; {} "
          "come first.",
          row.asker(), row.visible(),
          std::ssize(row.keys) < row.visible()
              ? fmt::format("the {} that will weigh most are shown, the heaviest", row.keys.size())
              : "those that will weigh most"),
      .formula = "score = q · k"};
  step.figures.emplace_back(
      lesson::Bars{.name = "q · k", .labels = row.key_names(), .values = scores});
  return step;
}

Step scale_step(const Row& row, const Vector& scores, double scale) {
  Step step{
      .title = "Scale",
      .sentence = fmt::format(
          "Divided by the square root of the head's size, {}, so that sizes do not grow with "
          "it.",
          row.facts.head_size),
      .formula = fmt::format("score / √{} = score / {}", row.facts.head_size, number(1 / scale))};
  Table table{.name = "scaled", .rows = row.key_names(), .columns = {"q · k", "scaled"}};
  for (const double score : scores) {
    table.values.push_back(score);
    table.values.push_back(score * scale);
  }
  table.is_mixed = true;
  step.figures.emplace_back(std::move(table));
  return step;
}

double entropy_of(const Vector& weights) {
  double entropy = 0;
  for (const double w : weights) entropy -= w > 0 ? w * std::log(w) : 0;
  return entropy;
}

Step weight_step(const Row& row) {
  const double entropy = entropy_of(row.weights);
  double shown = 0;
  lesson::Bars bars{.name = "weights", .labels = row.key_names()};
  for (const std::int64_t j : row.keys) {
    bars.values.push_back(row.weights[static_cast<std::size_t>(j)]);
    shown += bars.values.back();
  }
  const std::int64_t others = row.visible() - std::ssize(row.keys);
  Step step{
      .title = "Weights",
      .sentence = fmt::format(
          "Softmax makes weights of them that add up to 1. {} gives most to “{}”, {}; its weight "
          "is spread over about {:.1f} token{} (the exponential of its entropy, {}).{}",
          row.asker(), row.names[static_cast<std::size_t>(row.keys.front())],
          number(bars.values.front()), std::exp(entropy), std::exp(entropy) < 1.05 ? "" : "s",
          number(entropy),
          others > 0 ? fmt::format(" The other {} tokens together get {}.", others,
                                   number(std::max(0.0, 1 - shown)))
                     : ""),
      .formula = "weight = exp(scaled - max) / sum of exp(scaled - max)"};
  step.figures.emplace_back(std::move(bars));
  return step;
}

Step answer_step(const Row& row) {
  Vector answer;
  const TensorView output = row.layer.answer.output;
  for (std::int64_t i = 0; i < output.size(3); ++i)
    answer.push_back(output.number_at(std::int64_t{0}, row.at.head.head, row.at.token, i));
  std::vector<std::string> rows;
  std::vector<Vector> parts;
  for (const std::int64_t j : row.keys) {
    if (parts.size() == 3) break;
    Vector part = row.value(j);
    for (double& entry : part) entry *= row.weights[static_cast<std::size_t>(j)];
    rows.push_back(fmt::format("{} × v{}", number(row.weights[static_cast<std::size_t>(j)]), j));
    parts.push_back(std::move(part));
  }
  rows.emplace_back("sum of all");
  parts.push_back(answer);
  Step step{
      .title = "The head's answer",
      .sentence = fmt::format(
          "The values, each times its weight, added up: what head {} of layer {} hands on for {}. "
          "v{} is the value of “{}”.",
          row.at.head.head, row.at.head.layer, row.asker(), row.keys.front(),
          row.names[static_cast<std::size_t>(row.keys.front())]),
      .formula = "z = sum of weight · v"};
  Table table = vectors_table("weighted values", std::move(rows), parts);
  table.totals = 1;
  step.figures.emplace_back(std::move(table));
  return step;
}

}  // namespace

lesson::Lesson row_steps(const models::ModelFacts& facts, const models::LayerAttention& layer,
                         const RowName& row, const std::vector<std::string>& names) {
  Row looked{facts, layer, row, names};
  looked.query = vector_at(layer.question.query, row.head.head, row.token);
  looked.weights = weights_of(layer, row);
  looked.keys = largest(looked.weights, looked.visible());
  const double scale = layer.question.scale.value_or(1 / std::sqrt(facts.head_size));
  Vector scores;
  for (const std::int64_t j : looked.keys) scores.push_back(dot(looked.query, looked.key(j)));

  lesson::Lesson steps{
      .id = fmt::format("{}:{}", to_string(row.head), row.token),
      .title = fmt::format("What {} looks at in head {}", looked.asker(), to_string(row.head)),
      .summary = fmt::format("Layer {}, head {}, token {} of {}, with the model's own numbers.",
                             row.head.layer, row.head.head, row.token, names.size()),
      .digits = kDigits};
  steps.steps.push_back(project_step(looked));
  if (layer.query_before_rope.given()) steps.steps.push_back(rope_step(looked));
  steps.steps.push_back(score_step(looked, scores));
  steps.steps.push_back(scale_step(looked, scores, scale));
  steps.steps.push_back(weight_step(looked));
  steps.steps.push_back(answer_step(looked));
  return steps;
}

}  // namespace fovea::report
