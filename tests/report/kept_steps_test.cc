// 16-bit steps against f16 on a real model's queries and keys, where `fovea model get smollm2` has put it. Prints the numbers of
// docs/design/0090-the-page-keeps-16-bit-steps.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "fovea/models/model.h"
#include "fovea/report/kept_head.h"

namespace fovea::report {
namespace {

constexpr const char* kText =
    "Your journey starts with one step. When the road bends, your journey starts again with one "
    "step.";

std::unique_ptr<models::Model> smollm2() {
  const char* const data = std::getenv("XDG_DATA_HOME");
  const char* const home = std::getenv("HOME");
  if (data == nullptr && home == nullptr) return nullptr;
  const std::filesystem::path store =
      data != nullptr ? std::filesystem::path(data) : std::filesystem::path(home) / ".local/share";
  const std::filesystem::path folder = store / "fovea" / "models" / "smollm2";
  return std::filesystem::exists(folder) ? models::load_model(folder.string()) : nullptr;
}

// [tokens · size] numbers of a head.
using Numbers = std::vector<double>;

Numbers of_head(const TensorView& heads, std::int64_t head) {
  Numbers numbers;
  for (std::int64_t t = 0; t < heads.size(2); ++t) {
    for (std::int64_t i = 0; i < heads.size(3); ++i)
      numbers.push_back(heads.number_at(std::int64_t{0}, head, t, i));
  }
  return numbers;
}

Numbers in_steps(const Numbers& numbers, std::int64_t size) {
  const SteppedVectors made =
      stepped(TensorView(numbers.data(), {std::ssize(numbers) / size, size}));
  Numbers back;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    back.push_back(
        static_cast<double>(made.values.values<std::int16_t>()[i]) *
        static_cast<double>(made.steps.values<float>()[i / static_cast<std::size_t>(size)]));
  }
  return back;
}

Numbers in_halves(const Numbers& numbers) {
  Numbers back;
  for (const double number : numbers)
    back.push_back(static_cast<double>(to_float(to_float16(static_cast<float>(number)))));
  return back;
}

// Causal weights in float64, row after row.
Numbers weights_of(const Numbers& query, const Numbers& key, std::size_t size) {
  Numbers weights;
  for (std::size_t i = 0; i < query.size() / size; ++i) {
    Numbers scores;
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t c = 0; c < size; ++c) sum += query[i * size + c] * key[j * size + c];
      scores.push_back(sum / std::sqrt(static_cast<double>(size)));
    }
    const double most = std::ranges::max(scores);
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - most);
    for (const double score : scores) weights.push_back(std::exp(score - most) / sum);
  }
  return weights;
}

struct Errors {
  double most = 0;
  double squares = 0;
  std::int64_t count = 0;

  void add(const Numbers& exact, const Numbers& rounded) {
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double error = std::abs(exact[i] - rounded[i]);
      most = std::max(most, error);
      squares += error * error;
      ++count;
    }
  }
  double root_mean_square() const { return std::sqrt(squares / static_cast<double>(count)); }
};

TEST(KeptSteps, AreCloserToARealModelsWeightsThanHalfFloats) {
  const auto model = smollm2();
  if (model == nullptr) GTEST_SKIP() << "no model: fovea model get smollm2";
  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : model->tokenizer().encode(kText)) ids.push_back(token.id);
  const models::ModelFacts& facts = model->facts();
  const auto size = static_cast<std::size_t>(facts.head_size);
  Errors steps;
  Errors halves;
  const auto look = [&](const models::LayerAttention& layer) {
    for (std::int64_t head = 0; head < facts.query_heads; ++head) {
      const Numbers query = of_head(layer.question.query, head);
      const Numbers key = of_head(layer.question.key, head / (facts.query_heads / facts.key_heads));
      const Numbers exact = weights_of(query, key, size);
      steps.add(exact,
                weights_of(in_steps(query, facts.head_size), in_steps(key, facts.head_size), size));
      halves.add(exact, weights_of(in_halves(query), in_halves(key), size));
    }
  };
  static_cast<void>(model->forward(ids, {.on_attention = look}));
  fmt::print("largest error of a weight, 16-bit steps: {:.2g}; f16: {:.2g}\n", steps.most,
             halves.most);
  fmt::print("root mean square, 16-bit steps: {:.2g}; f16: {:.2g}; of {} weights\n",
             steps.root_mean_square(), halves.root_mean_square(), steps.count);
  EXPECT_LT(steps.root_mean_square(), halves.root_mean_square());
  EXPECT_LT(steps.most, halves.most);
}

}  // namespace
}  // namespace fovea::report
