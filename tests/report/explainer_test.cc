// What an Explainer is told of how layers made query and key.
#include "fovea/report/explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/error_text.h"
#include "fovea/report/page.h"
#include "report/kept_numbers.h"
#include "report/page_reader.h"
#include "report/random_run.h"

namespace fovea::report {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const models::RopeFacts kFast{
    .layout = nn::RopeLayout::interleaved, .base = 100, .angles = {1, 0.1}};
const models::RopeFacts kSlow{.angles = {0.5}};

// Layer i turns as ropes[i] says.
Explanation explain_turned(const std::vector<const models::RopeFacts*>& ropes) {
  RandomRun run{.layers = std::ssize(ropes), .keep = {.all_heads = true}};
  run.add = [&](models::LayerAttention& layer) {
    layer.rope = ropes[static_cast<std::size_t>(layer.layer)];
  };
  return explain_random(run);
}

// Of each layer's head 0: where its rope stands in the page.
std::map<std::int64_t, json> places_of_ropes(const ReadPage& page) {
  std::map<std::int64_t, json> places;
  for (const json& head : page.text().at("kept")) {
    if (head.at("head") == 0) places.emplace(head.at("layer").get<std::int64_t>(), head.at("rope"));
  }
  return places;
}

TEST(Explainer, ModelHasTheRopeThatAllItsLayersHave) {
  const Explanation e = explain_turned({&kFast, &kFast});
  EXPECT_EQ(e.model.rope, kFast);
  const ReadPage page(explanation_page(e).html);
  EXPECT_EQ(page.text().at("model").at("rope"), json({{"layout", "interleaved"}, {"base", 100.0}}));
  EXPECT_EQ(page.text().at("ropes"),
            json::array({{{"layout", "interleaved"}, {"angles", {1.0, 0.1}}}}));
  EXPECT_THAT(places_of_ropes(page), ElementsAre(Pair(0, 0), Pair(1, 0)));
}

TEST(Explainer, LayersThatTurnDifferentlySaySoEach) {
  const Explanation e = explain_turned({&kFast, nullptr, &kSlow});
  EXPECT_FALSE(e.model.rope.has_value());
  const ReadPage page(explanation_page(e).html);
  EXPECT_TRUE(page.text().at("model").at("rope").is_null());
  EXPECT_EQ(page.text().at("ropes").size(), 2U);
  for (const KeptHead& head : e.kept.heads)
    EXPECT_EQ(head.rope, head.layer == 0   ? std::optional(kFast)
                         : head.layer == 1 ? std::nullopt
                                           : std::optional(kSlow));
  const std::map<std::int64_t, json> places = places_of_ropes(page);
  EXPECT_TRUE(places.at(1).is_null());
  EXPECT_NE(places.at(0), places.at(2));
}

TEST(Explainer, AnglesWithoutABaseHaveNone) {
  const ReadPage page(explanation_page(explain_turned({&kSlow})).html);
  EXPECT_EQ(page.text().at("model").at("rope"),
            json({{"layout", "half_split"}, {"base", nullptr}}));
}

models::HeadProjection zero_matrices() {
  return {.query_weight = Tensor(DType::f32, {8, 16}),
          .key_weight = Tensor(DType::f32, {8, 16}),
          .query_bias = {},
          .key_bias = {}};
}

TEST(Explainer, LayersWithoutAnInputHaveNoProjections) {
  const Tensor input(DType::f32, {12, 16});
  RandomRun run{.layers = 2, .keep = {.all_heads = true}};
  run.add = [&](models::LayerAttention& layer) {
    if (layer.layer == 1) layer.input = input;
  };
  Explanation e = explain_random(run);
  for (const KeptHead& head : e.kept.heads) EXPECT_EQ(head.is_projected, head.layer == 1);
  std::vector<HeadName> asked;
  const auto of = [&](const HeadName& name) {
    asked.push_back(name);
    return std::optional(zero_matrices());
  };
  keep_projections(of, run.keep, e.kept);
  EXPECT_THAT(asked, testing::UnorderedElementsAre(HeadName{1, 0}, HeadName{1, 1}));
  EXPECT_EQ(e.kept.projections.size(), 2U);
}

TEST(Explainer, ProjectionsEndWithTheirBudget) {
  const Tensor input(DType::f32, {12, 16});
  RandomRun run{.layers = 1, .heads = 4, .keep = {.budget_bytes = 1 << 20}};
  run.add = [&](models::LayerAttention& layer) { layer.input = input; };
  Explanation e = explain_random(run);
  ASSERT_EQ(e.kept.heads.size(), 4U);
  int asked = 0;
  const auto of = [&](const HeadName&) {
    ++asked;
    return std::optional(zero_matrices());
  };
  // Two matrices of 8 rows: 16 numbers in two bytes and a step in four.
  const std::int64_t one = 2 * 8 * (16 * 2 + 4);
  keep_projections(of, {.budget_bytes = 2 * one}, e.kept);
  EXPECT_EQ(e.kept.projections.size(), 2U);
  EXPECT_EQ(asked, 3);
}

TEST(Explainer, RefusesAnInputOfOtherTokens) {
  const Tensor input(DType::f32, {11, 16});
  RandomRun run;
  run.add = [&](models::LayerAttention& layer) { layer.input = input; };
  EXPECT_THAT(invalid_argument_text([&] { static_cast<void>(explain_random(run)); }),
              HasSubstr("a layer's input is [11, 16]; [12, hidden_size] is wanted"));
}

}  // namespace
}  // namespace fovea::report
