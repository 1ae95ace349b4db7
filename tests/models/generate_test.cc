// Choosing the next token, and the loop around a model that counts.
#include "fovea/models/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error_text.h"

namespace fovea::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::int32_t next(const std::vector<float>& logits, const Sampling& sampling = {}) {
  Generator generator(sampling.seed);
  return next_token(logits, sampling, generator);
}

// How often each token comes in `draws` draws.
std::vector<int> counts(const std::vector<float>& logits, const Sampling& sampling, int draws) {
  std::vector<int> result(logits.size());
  Generator generator(sampling.seed);
  for (int i = 0; i < draws; ++i)
    ++result[static_cast<std::size_t>(next_token(logits, sampling, generator))];
  return result;
}

TEST(NextToken, IsTheLikeliestAtTemperatureZero) {
  EXPECT_EQ(next({1, 3, 2}), 1);
  EXPECT_EQ(next({-kInfinity, -5, -kInfinity}), 1);
  EXPECT_EQ(next({7}), 0);
}

TEST(NextToken, OfEqualLogitsIsTheFirst) {
  EXPECT_EQ(next({1, 3, 3, 3}), 1);
  EXPECT_EQ(next({0.0f, -0.0f}), 0);
  EXPECT_EQ(next({-0.0f, 0.0f}), 0);
  EXPECT_EQ(next({1, 3, 3, 3}, {.temperature = 1, .top_k = 1}), 1);
  EXPECT_EQ(next({1, 3, 3, 3}, {.temperature = 1, .top_p = 0}), 1);
}

TEST(NextToken, TakesNothingFromTheGeneratorAtTemperatureZero) {
  Generator used(5);
  (void)next_token(std::vector<float>{1, 2}, {}, used);
  EXPECT_EQ(used.bits32(), Generator(5).bits32());
}

TEST(NextToken, TakesOneNumberHoweverManyTokensAreLeft) {
  for (const std::int64_t top_k : {0, 1, 2}) {
    Generator used(5);
    Generator expected(5);
    (void)next_token(std::vector<float>{1, 2, 3}, {.temperature = 1, .top_k = top_k}, used);
    (void)expected.uniform_double();
    EXPECT_EQ(used.bits32(), expected.bits32()) << top_k;
  }
}

TEST(NextToken, IsDrawnInProportionToItsProbability) {
  // Probabilities 1/7, 2/7, 4/7: at temperature 2 in the ratio of their square roots.
  const std::vector<float> logits = {0, std::log(2.0f), std::log(4.0f)};
  constexpr int kDraws = 70'000;
  for (const double temperature : {1.0, 2.0}) {
    std::vector<double> weights;
    for (const double logit : logits) weights.push_back(std::exp(logit / temperature));
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const std::vector<int> found = counts(logits, {.temperature = temperature, .seed = 1}, kDraws);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double p = weights[i] / sum;
      // Five standard deviations of a binomial count.
      EXPECT_NEAR(found[i], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p))) << temperature;
    }
  }
}

TEST(NextToken, IsOneOfTheTopK) {
  const std::vector<int> found =
      counts({1, 5, 2, 5, 4, 5}, {.temperature = 10, .top_k = 2, .seed = 1}, 1000);
  EXPECT_GT(found[1], 300);
  EXPECT_GT(found[3], 300);
  EXPECT_EQ(found[1] + found[3], 1000) << "of equal logits the lower ids are kept";
  const Sampling all{.temperature = 10, .seed = 1};
  Sampling more = all;
  more.top_k = 6;
  EXPECT_EQ(counts({1, 5, 2, 5, 4, 5}, all, 1000), counts({1, 5, 2, 5, 4, 5}, more, 1000));
}

TEST(NextToken, IsOneOfTheFewestThatReachTopP) {
  // Probabilities 1/8, 1/2, 1/8, 1/4: exact in binary, as the sums are.
  const std::vector<float> logits = {std::log(1.0f), std::log(4.0f), std::log(1.0f),
                                     std::log(2.0f)};
  const auto kept = [&](double top_p) {
    std::vector<std::int32_t> ids;
    const auto found = counts(logits, {.temperature = 1, .top_p = top_p, .seed = 2}, 2000);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i] > 0) ids.push_back(static_cast<std::int32_t>(i));
    return ids;
  };
  EXPECT_THAT(kept(0), ElementsAre(1));
  EXPECT_THAT(kept(0.49), ElementsAre(1));
  EXPECT_THAT(kept(0.51), ElementsAre(1, 3));
  EXPECT_THAT(kept(0.74), ElementsAre(1, 3));
  EXPECT_THAT(kept(0.76), ElementsAre(0, 1, 3));
  EXPECT_THAT(kept(0.88), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(kept(1), ElementsAre(0, 1, 2, 3));
}

TEST(NextToken, NarrowsByTopKBeforeTopP) {
  // Among the two likeliest, equal ones, half the probability is one of them; among all four it
  // would take two.
  EXPECT_EQ(counts({3, 3, 3, 3}, {.temperature = 1, .top_k = 2, .top_p = 0.5}, 100)[0], 100);
}

TEST(NextToken, AtATinyTemperatureIsTheLikeliest) {
  for (const double temperature : {1e-9, 5e-324}) {
    EXPECT_EQ(counts({1, 1.001f, -3}, {.temperature = temperature}, 200)[1], 200) << temperature;
  }
}

TEST(NextToken, IsNeverOneAtMinusInfinity) {
  const auto found = counts({-kInfinity, 0, -kInfinity, 0}, {.temperature = 1e6}, 500);
  EXPECT_EQ(found[0] + found[2], 0);
}

TEST(NextToken, RefusesLogitsThatMakeNoSense) {
  for (const double temperature : {0.0, 1.0}) {
    const Sampling sampling{.temperature = temperature};
    EXPECT_THAT(invalid_argument_text([&] { (void)next({}, sampling); }), HasSubstr("no logits"));
    EXPECT_THAT(invalid_argument_text([&] {
                  (void)next({1, kNaN}, sampling);
                }),
                HasSubstr("token 1 is nan"));
    EXPECT_THAT(invalid_argument_text([&] {
                  (void)next({kNaN, 1}, sampling);
                }),
                HasSubstr("token 0 is nan"));
    EXPECT_THAT(invalid_argument_text([&] {
                  (void)next({1, kInfinity}, sampling);
                }),
                HasSubstr("token 1 is inf"));
    EXPECT_THAT(invalid_argument_text([&] {
                  (void)next({-kInfinity, -kInfinity}, sampling);
                }),
                HasSubstr("-inf"));
  }
}

TEST(NextToken, RefusesSamplingThatMakesNoSense) {
  EXPECT_THAT(invalid_argument_text([] { (void)next({1}, {.temperature = -1}); }),
              HasSubstr("temperature is -1"));
  EXPECT_THAT(invalid_argument_text([] { (void)next({1}, {.temperature = double{kNaN}}); }),
              HasSubstr("temperature is nan"));
  EXPECT_THAT(invalid_argument_text([] { (void)next({1}, {.top_k = -1}); }),
              HasSubstr("top_k is -1"));
  EXPECT_THAT(invalid_argument_text([] { (void)next({1}, {.top_p = 1.5}); }),
              HasSubstr("top_p is 1.5"));
}

// After token n it expects n + 1. Notes how many tokens come in each call.
class Counting : public Model {
 public:
  static constexpr std::int64_t kVocabulary = 100;
  explicit Counting(bool is_causal = true, std::int64_t context_length = 12)
      : Model({.family = "counting",
               .name = "counting",
               .origin = "a test",
               .layers = 1,
               .query_heads = 1,
               .key_heads = 1,
               .head_size = 1,
               .hidden_size = 1,
               .vocabulary = kVocabulary,
               .context_length = context_length,
               .is_causal = is_causal,
               .has_logits = is_causal},
              nullptr) {}
  mutable std::vector<std::size_t> calls;

 protected:
  Tensor run(std::span<const std::int32_t> ids, const Forward& how) const override {
    calls.push_back(ids.size());
    const auto count = static_cast<std::int64_t>(ids.size());
    Tensor hidden = Tensor::uninitialized(DType::f32, {count, 1});
    std::ranges::copy(ids, hidden.values<float>().begin());
    const TensorView keys = hidden.view().with_leading_axes(2);
    if (how.context != nullptr) how.context->layers[0].append(keys, keys);
    return hidden;
  }
  Tensor run_logits(const TensorView& hidden, int /*threads*/) const override {
    EXPECT_EQ(hidden.size(0), 1) << "only the last token's logits are needed";
    Tensor logits(DType::f32, {1, kVocabulary});
    const auto last = static_cast<std::int64_t>(hidden.at<float>(0, 0));
    logits.values<float>()[static_cast<std::size_t>((last + 1) % kVocabulary)] = 9;
    return logits;
  }
  Tensor run_head_writes(std::int64_t /*layer*/, const TensorView& output) const override {
    return Tensor(DType::f32, output.shape());
  }
};

const std::vector<std::int32_t> kPrompt = {4, 5, 6};

TEST(Generate, RunsThePromptOnceThenEachNewTokenAlone) {
  const Counting model;
  std::vector<std::int32_t> told;
  const Generated done = generate(
      model, kPrompt, {.tokens = 4, .on_token = [&](std::int32_t id) { told.push_back(id); }});
  EXPECT_THAT(done.ids, ElementsAre(7, 8, 9, 10));
  EXPECT_EQ(done.end, GenerationEnd::tokens);
  EXPECT_EQ(told, done.ids);
  EXPECT_THAT(model.calls, ElementsAre(3U, 1U, 1U, 1U)) << "the last token needs no run";
}

TEST(Generate, OfNoTokensRunsNothing) {
  const Counting model;
  EXPECT_THAT(generate(model, kPrompt, {.tokens = 0}).ids, ElementsAre());
  EXPECT_TRUE(model.calls.empty());
}

TEST(Generate, EndsBeforeATokenThatEndsTheText) {
  const Generated done =
      generate(Counting(), kPrompt, {.ends_text = [](std::int32_t id) { return id == 9; }});
  EXPECT_THAT(done.ids, ElementsAre(7, 8));
  EXPECT_EQ(done.end, GenerationEnd::text);
}

TEST(Generate, EndsWhenTheContextIsFull) {
  const Generated done = generate(Counting(true, 6), kPrompt);
  EXPECT_THAT(done.ids, ElementsAre(7, 8, 9, 10)) << "three to fill it, and the guess after them";
  EXPECT_EQ(done.end, GenerationEnd::context);
  EXPECT_THAT(generate(Counting(true, 3), kPrompt).ids, ElementsAre(7));
}

TEST(Generate, EndsAtAStopBetweenTokensWithWhatThereIs) {
  std::stop_source stop;
  const Generated done =
      generate(Counting(), kPrompt, {.stop = stop.get_token(), .on_token = [&](std::int32_t id) {
                                       if (id == 8) stop.request_stop();
                                     }});
  EXPECT_THAT(done.ids, ElementsAre(7, 8));
  EXPECT_EQ(done.end, GenerationEnd::stopped);
}

TEST(Generate, DrawsTheSameTokensFromTheSameSeed) {
  const auto drawn = [](std::uint64_t seed) {
    return generate(Counting(), kPrompt,
                    {.tokens = 8, .sampling = {.temperature = 5, .seed = seed}})
        .ids;
  };
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
}

TEST(Generate, RefusesAPromptLongerThanTheContextWithBothLengths) {
  const std::vector<std::int32_t> prompt(13, 1);
  EXPECT_THAT(invalid_argument_text([&] { (void)generate(Counting(), prompt); }),
              testing::AllOf(HasSubstr("13 tokens"), HasSubstr("at most 12")));
}

TEST(Generate, RefusesWhatIsNoQuestion) {
  const Counting model;
  EXPECT_THAT(invalid_argument_text([&] { (void)generate(model, {}); }), HasSubstr("no tokens"));
  EXPECT_THAT(invalid_argument_text([&] { (void)generate(model, kPrompt, {.tokens = -1}); }),
              HasSubstr("tokens is -1"));
  EXPECT_THAT(error_text(ErrorKind::unsupported, [] { (void)generate(Counting(false), kPrompt); }),
              HasSubstr("encoder"));
  EXPECT_THAT(
      invalid_argument_text([&] { (void)generate(model, kPrompt, {.sampling = {.top_p = 2}}); }),
      HasSubstr("top_p is 2"));
  EXPECT_TRUE(model.calls.empty());
}

}  // namespace
}  // namespace fovea::models
