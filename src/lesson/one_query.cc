// Lesson: one word asks, all words answer. From dot products to the context vector.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "fovea/nn/steps.h"
#include "lesson/builder.h"
#include "lesson/lessons.h"

namespace fovea::lesson {
namespace {

Step the_vectors(const Sentence& sentence) {
  Step step;
  step.title = "Each word is a vector";
  step.sentence = fmt::format(
      "{} each word, a row a word; {} is the word that asks: the query. {}In a real "
      "model such vectors "
      "(embeddings) have hundreds of numbers and are learned.",
      counted(sentence.size(), "number stands for", "numbers stand for"), sentence.asker(),
      sentence.inputs().origin.empty() ? "" : sentence.inputs().origin + ". ");
  step.sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(step.sentence[0])));
  Table table =
      table_of("x", sentence.names(), component_names(sentence.size()), sentence.vectors());
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Tensor scores_of(const Sentence& sentence) {
  return nn::matmul(sentence.vectors(), row_of(sentence.vectors(), sentence.query()));
}

Step the_scores(const Sentence& sentence, const Tensor& scores) {
  Step step;
  step.title = "A score says how well two words match: the dot product";
  step.sentence =
      fmt::format("Multiply the numbers of {} with those of each word, pair by pair, and add up.",
                  sentence.asker());
  step.formula = "sᵢ = q · xᵢ = Σ_c q[c] × xᵢ[c]";
  const auto values = scores.values<float>();
  Worked worked;
  const std::int64_t worked_lines = std::min<std::int64_t>(sentence.tokens(), 8);
  for (std::int64_t i = 0; i < worked_lines; ++i) {
    worked.lines.push_back({"s[" + sentence.names()[static_cast<std::size_t>(i)] + "]",
                            sentence.dot_expression(row_of(sentence.vectors(), sentence.query()),
                                                    row_of(sentence.vectors(), i)),
                            static_cast<double>(values[static_cast<std::size_t>(i)])});
  }
  step.figures.emplace_back(std::move(worked));
  step.figures.emplace_back(bars_of("scores", sentence.names(), scores, sentence.query()));
  return step;
}

// The word that most prefers the query to itself, or -1: proof that a score is not a similarity.
std::int64_t prefers_the_query(const Sentence& sentence, std::span<const float> scores,
                               std::span<const double> own) {
  std::int64_t best = -1;
  double best_ratio = 1;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double score = static_cast<double>(scores[i]);
    if (static_cast<std::int64_t>(i) == sentence.query() || own[i] <= 0 ||
        score / own[i] <= best_ratio)
      continue;
    best_ratio = score / own[i];
    best = static_cast<std::int64_t>(i);
  }
  return best;
}

Step the_geometry(const Sentence& sentence, const Tensor& scores) {
  Step step;
  step.title = "The same score, seen as length and angle";
  step.formula = "a · b = ‖a‖ ‖b‖ cos θ";
  const auto values = scores.values<float>();
  std::vector<double> own;
  std::vector<double> lengths;
  for (std::int64_t i = 0; i < sentence.tokens(); ++i) {
    own.push_back(
        static_cast<double>(nn::dot(row_of(sentence.vectors(), i), row_of(sentence.vectors(), i))));
    lengths.push_back(std::sqrt(own.back()));
  }
  const double query_length = lengths[static_cast<std::size_t>(sentence.query())];
  std::vector<double> angles;
  std::vector<double> products;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    // A vector of zeros has no direction; its angle is left as not a number. Nearer to 1 than
    // float32 can tell is 1: acos would make an angle of the last bit.
    const double quotient = static_cast<double>(values[i]) / (lengths[i] * query_length);
    const double cosine =
        std::abs(quotient) > 1 - 0x1p-24 ? std::copysign(1.0, quotient) : quotient;
    angles.push_back(std::acos(cosine) * 180 / std::numbers::pi);
    products.push_back(lengths[i] * query_length * cosine);
  }
  step.sentence = "A score grows when two vectors point the same way, and also when they are long.";
  if (const std::int64_t fan = prefers_the_query(sentence, values, own); fan >= 0) {
    const auto i = static_cast<std::size_t>(fan);
    step.sentence += fmt::format(
        " That is why {} scores {} with {} but only {} with itself: {} is {} times as long, and "
        "the angle of {}° costs little.",
        sentence.quoted(fan), sentence.number(static_cast<double>(values[i])), sentence.asker(),
        sentence.number(own[i]), sentence.asker(), number_text(query_length / lengths[i], 2),
        number_text(angles[i], 0));
  }
  if (std::any_of(angles.begin(), angles.end(), [](double angle) { return std::isnan(angle); })) {
    step.sentence += " A vector of zeros has no direction: its angle is nan, its score 0.";
    for (double& product : products) product = std::isnan(product) ? 0 : product;
  }
  Table table = columns_table("", sentence.names(),
                              std::vector<Column>{{"length", lengths},
                                                  {"with itself", own},
                                                  {"angle °", angles},
                                                  {"‖q‖‖x‖cosθ", products}});
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step sum_normalised(const Sentence& sentence, const Tensor& scores) {
  const Tensor weights = nn::normalise_by_sum(scores);
  Step step;
  step.title = "Weights should add up to 1. First idea: divide by the sum";
  const float sum = nn::sum(scores);
  step.sentence =
      fmt::format("The scores add up to {}; {}.", sentence.number(static_cast<double>(sum)),
                  sum == 0 ? "divided by that they are no weights" : "each is divided by that");
  step.formula = "wᵢ = sᵢ / Σ s";
  Table table =
      columns_table("", sentence.names(),
                    std::vector<Column>{{"score", doubles(scores)}, {"weight", doubles(weights)}});
  add_total(table, "sum",
            std::vector<double>{static_cast<double>(nn::sum(scores)),
                                static_cast<double>(nn::sum(weights))});
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

// Scores on which dividing by the sum fails, made from the input's own.
struct Breaker {
  std::string why;
  std::vector<std::string> names;
  std::vector<float> scores;
  bool is_given = false;  // the input's scores as they are
};

Breaker breaker_of(const Sentence& sentence, const Tensor& scores) {
  const auto given = scores.values<float>();
  Breaker breaker{"", sentence.names(), {given.begin(), given.end()}};
  if (*std::min_element(given.begin(), given.end()) < 0) {
    breaker.why = "Some scores are negative already.";
    breaker.is_given = true;
    return breaker;
  }
  // Turning one word round leaves a positive sum only when the others bring enough; the last such
  // word is taken.
  const float total = std::accumulate(given.begin(), given.end(), 0.0F);
  for (std::int64_t i = sentence.tokens() - 1; i >= 0; --i) {
    const float score = given[static_cast<std::size_t>(i)];
    if (i == sentence.query() || score <= 0 || total - 2 * score <= 0) continue;
    breaker.scores[static_cast<std::size_t>(i)] = -score;
    breaker.why =
        fmt::format("Let {} mean its opposite, its vector times -1: its score turns from {} to {}.",
                    sentence.quoted(i), sentence.number(static_cast<double>(score)),
                    sentence.number(-static_cast<double>(score)));
    return breaker;
  }
  const float own = given[static_cast<std::size_t>(sentence.query())];
  breaker.why = fmt::format("Let one more word join, the opposite of {}: its score is {}.",
                            sentence.asker(), sentence.number(-static_cast<double>(own)));
  breaker.names.push_back("opposite");
  breaker.scores.push_back(-own);
  return breaker;
}

Step sum_breaks(const Sentence& sentence, const Tensor& scores) {
  const Breaker breaker = breaker_of(sentence, scores);
  const Tensor broken = Tensor::of<float>({static_cast<std::int64_t>(breaker.scores.size())},
                                          std::span<const float>(breaker.scores));
  const Tensor weights = nn::normalise_by_sum(broken);
  const auto values = weights.values<float>();
  Step step;
  step.title = *std::ranges::min_element(breaker.scores) < 0
                   ? "Why not: one negative score breaks it"
                   : "Why not: scores that add up to 0 break it";
  step.sentence = breaker.why;
  const auto lowest = std::min_element(values.begin(), values.end());
  if (std::any_of(values.begin(), values.end(), [](float w) { return !std::isfinite(w); })) {
    step.sentence += " The sum is 0, and dividing by it gives no weights at all.";
  } else if (*lowest < 0) {
    step.sentence += fmt::format(
        " “{}” {} the weight {}: less than nothing. Weights must be shares, from 0 to 1.",
        breaker.names[static_cast<std::size_t>(lowest - values.begin())],
        breaker.is_given ? "has" : "now has", sentence.number(static_cast<double>(*lowest)));
  }
  Table table =
      columns_table("", breaker.names,
                    std::vector<Column>{{"score", doubles(broken)}, {"weight", doubles(weights)}});
  add_total(table, "sum",
            std::vector<double>{static_cast<double>(nn::sum(broken)),
                                static_cast<double>(nn::sum(weights))});
  step.figures.emplace_back(std::move(table));
  return step;
}

Table softmax_table(const Sentence& sentence, const std::vector<Column>& columns) {
  Table table = columns_table("", sentence.names(), columns);
  std::vector<double> totals;
  for (const Column& column : columns) {
    std::vector<float> values(column.second.begin(), column.second.end());
    totals.push_back(static_cast<double>(
        nn::sum(TensorView(values.data(), {static_cast<std::int64_t>(values.size())}))));
  }
  add_total(table, "sum", totals);
  table.focus = sentence.query();
  return table;
}

Step naive(const Sentence& sentence, const Tensor& scores) {
  Step step;
  step.title = "Softmax: make every score positive first";
  step.sentence =
      "e to the power of a score is positive whatever the score, and a larger score stays larger; "
      "then divide by the sum.";
  step.formula = "wᵢ = exp(sᵢ) / Σ exp(s)";
  step.figures.emplace_back(
      softmax_table(sentence, {{"score", doubles(scores)},
                               {"exp", doubles(nn::exp(scores))},
                               {"weight", doubles(nn::naive_softmax(scores))}}));
  return step;
}

// A factor that makes the largest score overflow float32's exp (at 88.72), or 0 where no score is
// positive.
double overflowing_factor(const Tensor& scores) {
  const auto values = scores.values<float>();
  const double largest = static_cast<double>(*std::max_element(values.begin(), values.end()));
  constexpr double kOverflow = 88.73;
  if (largest > kOverflow) return 1;
  if (largest <= 0) return 0;
  double factor = 100;
  while (largest * factor < kOverflow && factor < 1e30) factor *= 10;
  return largest * factor < kOverflow ? 0 : factor;
}

// What takes the largest score to 100.
float overflowing_shift(const Tensor& scores) {
  const auto values = scores.values<float>();
  return 100 - *std::max_element(values.begin(), values.end());
}

Tensor overflowing(const Tensor& scores) {
  const double factor = overflowing_factor(scores);
  if (factor > 0) return nn::multiply(scores, factor);
  std::vector<float> shifted;
  const float shift = overflowing_shift(scores);
  for (const float score : scores.values<float>()) shifted.push_back(score + shift);
  return Tensor::of<float>(scores.shape(), std::span<const float>(shifted));
}

Step naive_breaks(const Sentence& sentence, const Tensor& scores) {
  const double factor = overflowing_factor(scores);
  const Tensor large = overflowing(scores);
  const Tensor powers = nn::exp(large);
  Step step;
  step.title = "Why not like that: large scores overflow";
  const std::string which =
      factor == 1 ? "These scores are large already"
      : factor == 0
          ? fmt::format("Add {} to every score, which should change no weight",
                        sentence.short_number(static_cast<double>(overflowing_shift(scores))))
          : fmt::format("Multiply every score by {:.0f}, as longer vectors would", factor);
  step.sentence = fmt::format(
      "{}: exp of more than 88.7 does not fit into a float32 and becomes inf, and inf / inf is not "
      "a number.",
      which);
  step.figures.emplace_back(
      softmax_table(sentence, {{"score", doubles(large)},
                               {"exp", doubles(powers)},
                               {"weight", doubles(nn::naive_softmax(large))}}));
  return step;
}

Tensor minus_largest(const Tensor& scores) {
  const auto values = scores.values<float>();
  const float largest = *std::max_element(values.begin(), values.end());
  std::vector<float> shifted;
  for (const float score : values) shifted.push_back(score - largest);
  return Tensor::of<float>(scores.shape(), std::span<const float>(shifted));
}

Step stable(const Sentence& sentence, const Tensor& scores) {
  const Tensor shifted = minus_largest(scores);
  const Tensor weights = nn::softmax(scores);
  Step step;
  step.title = "The cure: subtract the largest score first";
  const auto values = scores.values<float>();
  step.sentence = fmt::format(
      "Taking {} from every score divides both sides of the fraction by the same number, so the "
      "weights stay; but now the "
      "largest power is exp(0) = 1, and nothing can overflow.",
      sentence.number(static_cast<double>(*std::max_element(values.begin(), values.end()))));
  step.formula = "wᵢ = exp(sᵢ − max s) / Σ exp(s − max s)";
  step.figures.emplace_back(softmax_table(sentence, {{"score − max", doubles(shifted)},
                                                     {"exp", doubles(nn::exp(shifted))},
                                                     {"weight", doubles(weights)}}));
  const double difference = largest_difference(weights, nn::naive_softmax(scores));
  if (!std::isnan(difference))
    step.figures.emplace_back(Note{"Against the naive weights: " + sameness(difference) + "."});
  const Tensor large = overflowing(scores);
  Bars bars = bars_of("weights of the large scores, which overflowed before", sentence.names(),
                      nn::softmax(large), sentence.query());
  step.figures.emplace_back(std::move(bars));
  return step;
}

// "47 %"; what is not all is not called all.
std::string share_text(double share) {
  return share < 1 && share >= 0.995 ? "more than 99 %" : percent_text(share, 0);
}

Step the_contributions(const Sentence& sentence, const Tensor& weights) {
  const Tensor parts = nn::contributions(weights, sentence.vectors());
  const Tensor context = nn::context_vector(weights, sentence.vectors());
  const auto values = weights.values<float>();
  Step step;
  step.title = "Each word brings its vector, times its weight";
  step.formula = "contribution i = wᵢ × xᵢ";
  if (sentence.tokens() > 2) {
    std::vector<std::int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
    });
    const double share = static_cast<double>(values[static_cast<std::size_t>(order[0])]) +
                         static_cast<double>(values[static_cast<std::size_t>(order[1])]);
    step.sentence =
        fmt::format("{} and {} together bring {} of what {} takes in.", sentence.quoted(order[0]),
                    sentence.quoted(order[1]), share_text(share), sentence.asker());
  } else {
    const std::int64_t most = largest_of(values);
    step.sentence = fmt::format(
        "{} brings {} of what {} takes in.", sentence.quoted(most),
        share_text(static_cast<double>(values[static_cast<std::size_t>(most)])), sentence.asker());
  }
  step.figures.emplace_back(bars_of("weights", sentence.names(), weights, sentence.query()));
  Table table =
      table_of("contributions", sentence.names(), component_names(sentence.size()), parts);
  add_total(table, "sum", doubles(context));
  table.focus = sentence.query();
  step.figures.emplace_back(std::move(table));
  return step;
}

Step the_context(const Sentence& sentence, const Tensor& weights) {
  const Tensor context = nn::context_vector(weights, sentence.vectors());
  Step step;
  step.title = "Their sum is the context vector";
  step.sentence = fmt::format(
      "This is {} after it has looked at {}: the same size, now with its context in it.",
      sentence.asker(), sentence.tokens() == 1 ? "itself alone" : "every word, itself included");
  step.formula = "c = Σᵢ wᵢ × xᵢ";
  Table table{"", {"before: x", "after: c"}, component_names(sentence.size()), {}};
  for (std::int64_t i = 0; i < sentence.size(); ++i) {
    table.values.push_back(
        static_cast<double>(row_of(sentence.vectors(), sentence.query()).at<float>(i)));
  }
  const std::vector<double> after = doubles(context);
  table.values.insert(table.values.end(), after.begin(), after.end());
  table.focus = 1;
  step.figures.emplace_back(std::move(table));
  return step;
}

}  // namespace

Lesson one_query(const LessonInputs& inputs) {
  const Sentence sentence(inputs);
  const Tensor scores = scores_of(sentence);
  const Tensor weights = nn::softmax(scores);
  Lesson lesson;
  lesson.summary =
      "Attention makes one vector of many: a mean of all words' vectors, weighted by how well each "
      "matches the word that asks.";
  lesson.steps.push_back(the_vectors(sentence));
  lesson.steps.push_back(the_scores(sentence, scores));
  lesson.steps.push_back(the_geometry(sentence, scores));
  lesson.steps.push_back(sum_normalised(sentence, scores));
  lesson.steps.push_back(sum_breaks(sentence, scores));
  lesson.steps.push_back(naive(sentence, scores));
  lesson.steps.push_back(naive_breaks(sentence, scores));
  lesson.steps.push_back(stable(sentence, scores));
  lesson.steps.push_back(the_contributions(sentence, weights));
  lesson.steps.push_back(the_context(sentence, weights));
  return lesson;
}

}  // namespace fovea::lesson
