// No less accurate than torch in float32: the same questions, drawn alike, against the error of its
// kernels. tests/golden/torch_errors.json is made by tools/make_torch_errors.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/reference/attend.h"
#include "golden/golden.h"

namespace fovea {
namespace {

// The sum of 12 uniform numbers less 6, exact in double: bits that torch.rand gives too.
Tensor normal(const Shape& shape, Generator& generator, float factor = 1) {
  Tensor numbers = Tensor::uninitialized(DType::f32, shape);
  std::vector<double> sums(static_cast<std::size_t>(numbers.element_count()), -6);
  for (int plane = 0; plane < 12; ++plane) {
    for (double& sum : sums) sum += static_cast<double>(generator.uniform());
  }
  std::ranges::transform(sums, numbers.values<float>().begin(),
                         [factor](double sum) { return static_cast<float>(sum) * factor; });
  return numbers;
}

/// One case of the file with its memory.
class Question {
 public:
  explicit Question(const nlohmann::json& entry) {
    const std::vector<std::int64_t> s = entry.at("shape");
    Generator generator(entry.at("seed"));
    attention.query = own(normal({s[0], s[1], s[3], s[5]}, generator, entry.value("logits", 1.0F)));
    attention.key = own(normal({s[0], s[2], s[4], s[5]}, generator));
    attention.value = own(normal({s[0], s[2], s[4], s[6]}, generator));
    if (entry.contains("bias")) attention.bias = own(normal({s[3], s[4]}, generator));
    if (entry.contains("keep")) attention.keep = own(kept({s[3], s[4]}, generator));
    if (entry.contains("sinks")) attention.sinks = own(normal({s[1]}, generator));
    if (entry.contains("alibi")) attention.alibi_slopes = own(halving_slopes(s[1]));
    if (entry.contains("scale")) attention.scale = entry.at("scale");
    if (entry.contains("window")) {
      attention.window = {.left = entry.at("window")[0], .right = entry.at("window")[1]};
    }
    attention.softcap = entry.value("softcap", 0.0);
    attention.causal = entry.value("causal", false);
  }

  Attention attention;

 private:
  static Tensor kept(const Shape& shape, Generator& generator) {
    Tensor keep = Tensor::uninitialized(DType::boolean, shape);
    for (bool& k : keep.values<bool>()) k = generator.uniform() < 0.75F;
    return keep;
  }

  static Tensor halving_slopes(std::int64_t heads) {
    Tensor slopes = Tensor::uninitialized(DType::f32, {heads});
    float slope = 1;
    for (float& s : slopes.values<float>()) s = slope /= 2;
    return slopes;
  }

  TensorView own(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return tensors_.back().view();
  }

  std::vector<Tensor> tensors_;
};

struct Errors {
  double max = 0;
  double rms = 0;
};

Errors errors_of(const Tensor& output, const Tensor& exact) {
  Errors errors;
  const std::span<const float> actual = output.values<float>();
  const std::span<const double> expected = exact.values<double>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    errors.max = std::max(errors.max, error);
    errors.rms += error * error;
  }
  errors.rms = std::sqrt(errors.rms / static_cast<double>(expected.size()));
  return errors;
}

double largest(const TensorView& view) {
  double largest = 0;
  const auto* const numbers = static_cast<const float*>(view.data());
  for (std::int64_t i = 0; i < view.element_count(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(numbers[i])));
  }
  return largest;
}

/// What became of one case.
struct Comparison {
  Errors ours;
  double math;   // largest error of torch's math kernel
  double flash;  // likewise; NaN where that kernel refuses
  double least;  // errors below this count as this
};

Comparison compare(const nlohmann::json& entry) {
  const Question question(entry);
  const Attended ours = attend(question.attention);
  const reference::Steps exact = reference::attend(validate(question.attention, {}));
  // Both are double, in different orders. If they differ, all else compares different questions.
  EXPECT_NEAR(exact.output.values<double>()[0], entry.at("first"), 1e-12) << entry.dump();
  const nlohmann::json& flash = entry.at("flash");
  return {.ours = errors_of(ours.output, exact.output),
          .math = entry.at("math").at("max"),
          .flash = flash.is_null() ? std::nan("") : flash.at("max").get<double>(),
          .least = 0x1p-23 * largest(question.attention.value)};
}

// A score is one chain of FMAs over the head (docs/design/0022), whose rounding grows with its
// length; torch's matrix product sums parts. So long heads have more than the factor of two that
// the others keep: 2.14 at most, in one case.
TEST(Accuracy, IsWithinTwiceTheErrorOfTorchsMathKernel) {
  double most_short = 0;
  double most_long = 0;
  for (const nlohmann::json& entry : golden::read_json("torch_errors.json")) {
    const Comparison each = compare(entry);
    const double ratio = std::max(each.ours.max, each.least) / std::max(each.math, each.least);
    const bool is_short = entry.at("shape")[5] <= 64;
    double& most = is_short ? most_short : most_long;
    most = std::max(most, ratio);
    EXPECT_LE(ratio, is_short ? 2 : 2.2) << entry.dump();
  }
  RecordProperty("up_to_64", std::to_string(most_short));
  RecordProperty("above_64", std::to_string(most_long));
}

TEST(Accuracy, IsThatOfTorchsFlashKernelOnTheWhole) {
  double logs = 0;
  int count = 0;
  for (const nlohmann::json& entry : golden::read_json("torch_errors.json")) {
    if (entry.at("flash").is_null()) continue;
    const Comparison each = compare(entry);
    logs += std::log(std::max(each.ours.max, each.least) / std::max(each.flash, each.least));
    ++count;
  }
  ASSERT_GT(count, 50);
  const double geomean = std::exp(logs / count);
  RecordProperty("geomean", std::to_string(geomean));
  EXPECT_LE(geomean, 1);
}

TEST(Accuracy, RmsAt1024KeysOf64IsAtMost22Billionths) {
  for (const nlohmann::json& entry : golden::read_json("torch_errors.json")) {
    const bool is_it = entry.at("shape") == std::vector<int>{1, 1, 1, 1024, 1024, 64, 64};
    if (!is_it || entry.contains("causal")) continue;
    const Comparison each = compare(entry);
    RecordProperty("rms", std::to_string(each.ours.rms * 1e9) + "e-9");
    EXPECT_LE(each.ours.rms, 2.2e-8);
    return;
  }
  FAIL() << "no such case";
}

/// The score of a query and a key in log2 units, as every kernel rounds it.
float fused_score(const float* query, const float* key, std::int64_t size, float factor) {
  float score = 0;
  for (std::int64_t d = 0; d < size; ++d) score = std::fma(query[d] * factor, key[d], score);
  return score;
}

/// The row's statistics in double from its fused scores.
struct ExactRow {
  double max;
  double log_sum;
};

ExactRow exact_row(const ValidAttention& v, std::int64_t head, std::int64_t i) {
  const auto factor = static_cast<float>(v.scale * std::numbers::log2e);
  const auto* query =
      static_cast<const float*>(v.query.data()) + (head * v.queries() + i) * v.head_size();
  const auto* key =
      static_cast<const float*>(v.key.data()) + v.key_head_of(head) * v.keys() * v.head_size();
  std::vector<double> scores;
  double max = -std::numeric_limits<double>::infinity();
  for (std::int64_t j = 0; j < v.keys(); ++j) {
    const float score = fused_score(query, key + j * v.head_size(), v.head_size(), factor);
    scores.push_back(static_cast<double>(score) * std::numbers::ln2);
    max = std::max(max, scores.back());
  }
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - max);
  return {max, std::log(sum)};
}

double ulp_of(double number) {
  return std::exp2(std::floor(std::log2(number)) - 23);
}

// Of the scores that were computed, so that it measures the sum and the logarithm, not the scores.
// The sum is as wrong as its terms: exp2 is off by up to 1.8 ulp, which in one row of thousands
// takes the logarithm past 2.
TEST(Accuracy, LogSumExpIsWithinTwoUlpsOfItsScores) {
  double most = 0;
  int rows = 0;
  int past_two = 0;
  for (const nlohmann::json& entry : golden::read_json("torch_errors.json")) {
    const bool has_rules = entry.size() - entry.contains("scale") - entry.contains("logits") != 5;
    const Question question(entry);
    const ValidAttention v = validate(question.attention, {});
    if (has_rules || v.batch() > 1 || v.keys() * v.rows() * v.head_size() > 6'000'000) continue;
    const Attended ours = attend(question.attention);
    for (std::int64_t row = 0; row < v.rows(); ++row) {
      const ExactRow exact = exact_row(v, row / v.queries(), row % v.queries());
      const double ulp = ulp_of(std::max({std::abs(exact.max), exact.log_sum, 1.0}));
      const auto actual =
          static_cast<double>(ours.log_sum_exp.values<float>()[static_cast<std::size_t>(row)]);
      const double off = std::abs(actual - exact.max - exact.log_sum) / ulp;
      most = std::max(most, off);
      past_two += off > 2 ? 1 : 0;
      ++rows;
    }
  }
  RecordProperty("ulps", std::to_string(most));
  RecordProperty("rows", std::to_string(rows));
  EXPECT_GT(rows, 1000);
  EXPECT_LE(most, 2.2);
  EXPECT_LE(past_two, rows / 1000);
}

}  // namespace
}  // namespace fovea
