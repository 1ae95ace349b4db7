// Explanations of models that are at hand everywhere: the built-in one and tiny random ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "core/error_text.h"
#include "fovea/insight/lens.h"
#include "fovea/models/built_in.h"
#include "fovea/report/explanation.h"
#include "fovea/report/terminal.h"
#include "report/stub_model.h"

namespace fovea::report {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kJourney = "Your journey starts with one step";
// Words that come again, unevenly, as induction and duplicates want it; ten rows or more.
constexpr const char* kAgain =
    "a cat saw a dog and the cat ran so the dog saw the cat and then a bird saw it";

std::unique_ptr<models::Model> built_in(const std::string& text) {
  return models::built_in_model(std::span(&text, 1));
}

Explanation explained(const std::string& text, const ExplainOptions& options = {}) {
  return explain(*built_in(text), text, options);
}

// The whole weight matrix of each head, [tokens, tokens], by Lens.
std::vector<Tensor> all_weights(const models::Model& model, const std::string& text) {
  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : model.tokenizer().encode(text)) ids.push_back(token.id);
  std::vector<Tensor> weights;
  models::Forward how;
  how.observe = [](std::int64_t) { return Observe{.row_statistics = true}; };
  how.on_attention = [&](const models::LayerAttention& layer) {
    const Lens lens(layer.question, layer.answer);
    for (std::int64_t h = 0; h < lens.query_heads(); ++h) {
      weights.push_back(lens.block({.head = h}, {0, lens.queries()}, {0, lens.keys()}));
    }
  };
  static_cast<void>(model.forward(ids, how));
  return weights;
}

TEST(Explain, NamesTokensAndWhereTheyStand) {
  const Explanation e = explained(kJourney);
  ASSERT_EQ(e.tokens.size(), 6U);
  EXPECT_EQ(e.tokens[1].text, "journey");
  EXPECT_EQ(e.tokens[1].first_byte, 5);
  EXPECT_EQ(e.tokens[1].byte_count, 7);
}

TEST(Explain, ReceivedIsTheMeanWeightFromOthersThatSeeTheToken) {
  const std::string text = kAgain;
  const auto model = built_in(text);
  const Explanation e = explain(*model, text);
  const std::vector<Tensor> weights = all_weights(*model, text);
  const auto tokens = static_cast<std::int64_t>(e.tokens.size());
  for (std::int64_t j = 0; j + 1 < tokens; ++j) {
    double sum = 0;
    for (const Tensor& head : weights) {
      for (std::int64_t i = j + 1; i < tokens; ++i)
        sum += static_cast<double>(head.view().at<float>(i, j));
    }
    const double mean = sum / static_cast<double>(tokens - 1 - j) / 2;
    // Totals over rows are counted in steps of 2^-34, the row's own weight is a float.
    EXPECT_NEAR(e.tokens[static_cast<std::size_t>(j)].received, mean, 1e-6) << j;
  }
  EXPECT_EQ(e.tokens.back().received, 0);
}

TEST(Explain, MapsHoldTheHeadsWeights) {
  const std::string text = kJourney;
  const auto model = built_in(text);
  const Explanation e = explain(*model, text);
  const std::vector<Tensor> weights = all_weights(*model, text);
  ASSERT_EQ(e.heads.size(), weights.size());
  ASSERT_EQ(e.map_cell, 1);
  for (std::size_t h = 0; h < weights.size(); ++h) {
    const std::span<const float> want = weights[h].values<float>();
    ASSERT_EQ(e.heads[h].map.size(), want.size());
    // Both are within 4 ulp of the exact weight, which is at most 1.
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(e.heads[h].map[i], want[i], 1e-6F);
  }
}

// The notebooks' causal weights of seed 789: their third row is 0.3800, 0.3097, 0.3103.
TEST(Explain, BuiltInModelsFirstHeadHasTheNotebooksWeights) {
  const Explanation e = explained(kJourney);
  const std::vector<float>& map = e.heads[0].map;
  EXPECT_NEAR(map[2 * 6 + 0], 0.3800, 5e-5);
  EXPECT_NEAR(map[2 * 6 + 1], 0.3097, 5e-5);
  EXPECT_NEAR(map[2 * 6 + 2], 0.3103, 5e-5);
}

TEST(Explain, OnlyHeadsLooksAtThemAlone) {
  const Explanation all = explained(kAgain);
  const Explanation one = explained(kAgain, {.only_heads = {{0, 1}, {0, 1}}});
  ASSERT_EQ(one.heads.size(), 1U);
  EXPECT_EQ(one.heads[0].name, (HeadName{0, 1}));
  EXPECT_EQ(one.heads[0].map, all.heads[1].map);
  EXPECT_EQ(one.heads[0].summary, all.heads[1].summary);
}

TEST(Explain, StepsOfARowLeadToItsWeights) {
  const Explanation e = explained(kJourney, {.at = RowName{{0, 0}, 2}});
  ASSERT_TRUE(e.steps.has_value());
  ASSERT_EQ(e.steps->steps.size(), 5U);  // no RoPE in this model
  const auto& scaled = std::get<lesson::Table>(e.steps->steps[2].figures[0]);
  const auto& weights = std::get<lesson::Bars>(e.steps->steps[3].figures[0]);
  ASSERT_EQ(weights.values.size(), 3U);
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += std::exp(scaled.values[2 * i + 1]);
  for (std::size_t i = 0; i < 3; ++i) {
    // The scores are products of floats: a few ulp of a number below 1.
    EXPECT_NEAR(weights.values[i], std::exp(scaled.values[2 * i + 1]) / sum, 1e-6);
  }
  EXPECT_EQ(weights.labels[0], "0 Your");
}

// All look one token back, so each but the last gets all the weight of one: its share falls with
// those that see it, and at the end, where hardly any do, is large.
TEST(Explain, WhatFewTokensSeeIsNoSink) {
  const Explanation e = explain(StubModel({.looks_back = true}), "abcdef");
  EXPECT_NEAR(e.tokens[4].received, 1, 1e-6);
  EXPECT_NEAR(e.tokens[3].received, 0.5, 1e-6);
  for (const ExplainedToken& token : e.tokens) EXPECT_FALSE(token.is_sink) << token.text;
}

TEST(Explain, SaysWhenAModelsNumbersMakeNoSense) {
  const StubModel model({.value = std::numeric_limits<float>::infinity()});
  EXPECT_THAT(invalid_argument_text([&] { explain(model, "ab"); }),
              HasSubstr("its weights make no sense"));
}

TEST(Explain, RefusesWhatTheTextOrModelHasNot) {
  const std::string text = kJourney;
  const auto model = built_in(text);
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { explain(*model, ""); }),
              HasSubstr("empty text"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument, [&] { explain(*model, "  "); }),
              HasSubstr("without any token"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument,
                         [&] {
                           explain(*model, text, {.only_heads = {{0, 2}}});
                         }),
              HasSubstr("there is no head 0.2; the model has layers 0 to 0 with heads 0 to 1"));
  EXPECT_THAT(error_text(ErrorKind::invalid_argument,
                         [&] {
                           explain(*model, text, {.at = RowName{{0, 0}, 6}});
                         }),
              HasSubstr("there is no token 6; the text has 0 to 5"));
}

TEST(Explain, StopsWhenAsked) {
  const std::string text = kJourney;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(error_text(ErrorKind::cancelled,
                         [&] { explain(*built_in(text), text, {.stop = stop.get_token()}); }),
              HasSubstr("stopped"));
}

TEST(ExplanationJson, HoldsAllOfItUnrounded) {
  const Explanation e = explained(kAgain, {.at = RowName{{0, 1}, 3}});
  const auto json = nlohmann::json::parse(explanation_json(e));
  EXPECT_EQ(json.at("model").at("layers"), 1);
  EXPECT_EQ(json.at("tokens").size(), e.tokens.size());
  EXPECT_EQ(json.at("tokens")[3].at("received").get<double>(), e.tokens[3].received);
  EXPECT_EQ(json.at("heads")[1].at("map")[2][1].get<float>(),
            e.heads[1].map[static_cast<std::size_t>(2 * e.map_cells + 1)]);
  EXPECT_EQ(json.at("steps").at("id"), "0.1:3");
}

TEST(ExplanationJson, InvalidUtf8AndMarkupStayData) {
  const std::string text = "<script>\xff </script> a";
  const auto json = nlohmann::json::parse(explanation_json(explain(*built_in(text), text)));
  EXPECT_EQ(json.at("tokens")[0].at("text"), "<script>\uFFFD");
}

TEST(TerminalExplanation, ShowsTokensHeadsAndTheModelsOrigin) {
  const std::string view = terminal_view(explained(kJourney), {});
  EXPECT_THAT(view, HasSubstr("Your journey starts with one step"));
  EXPECT_THAT(view, HasSubstr("weights of seed 789"));
  EXPECT_THAT(view, HasSubstr("0.1"));
  EXPECT_THAT(view, Not(HasSubstr("\x1b")));
}

TEST(TerminalExplanation, SaysWhichHeadsAreMeant) {
  EXPECT_THAT(terminal_view(explained(kJourney), {}), HasSubstr("mean over 2 heads"));
  const std::string one = terminal_view(explained(kJourney, {.only_heads = {{0, 1}}}), {});
  EXPECT_THAT(one, HasSubstr("in head 0.1"));
  EXPECT_THAT(one, HasSubstr("no kind (too few tokens to tell)"));
}

// A grid of 200 heads, and names and vectors of any length.
TEST(TerminalExplanation, WideModelsStayWithinTheTerminal) {
  Explanation e = explained(kJourney);
  e.model.name = std::string(300, 'n');
  for (std::int64_t h = 2; h < 200; ++h) {
    e.heads.push_back(e.heads.front());
    e.heads.back().name.head = h;
  }
  e.sentence_vector.assign(10, -0.25F);
  e.guesses = {{.id = 7, .text = "", .probability = 1}};
  std::istringstream view(terminal_view(e, {.columns = 40, .unicode = false}));
  EXPECT_THAT(view.str(), HasSubstr("token 7 "));
  for (std::string line; std::getline(view, line);) EXPECT_LE(line.size(), 40U) << line;
}

TEST(TerminalExplanation, NoLineIsWiderThanTheTerminal) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "wort" + std::string(static_cast<std::size_t>(i), 'x') + " ";
  for (const int columns : {40, 57, 80}) {
    const std::string view = terminal_view(explained(text, {.at = RowName{{0, 0}, 9}}),
                                           {.columns = columns, .unicode = false});
    std::size_t widest = 0;
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t end = view.find('\n', at);
      widest = std::max(widest, end - at);
      at = end + 1;
    }
    EXPECT_LE(widest, static_cast<std::size_t>(columns));
  }
}

TEST(TerminalExplanation, NothingInATextReachesTheTerminalAsACommand) {
  const std::string text =
      "red\x1b[31m \xe2\x80\xae"
      "over \x07 bell";
  const std::string view = terminal_view(explained(text), {});
  EXPECT_THAT(view, Not(HasSubstr("\x1b")));
  EXPECT_THAT(view, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(view, Not(HasSubstr("\x07")));
}

}  // namespace
}  // namespace fovea::report
