// The page: what stands in it is what was explained, and hostile text stays text.
#include "fovea/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "fovea/models/built_in.h"
#include "fovea/report/explanation.h"
#include "report/html_text.h"
#include "report/kept_numbers.h"
#include "report/page_maps.h"
#include "report/page_reader.h"
#include "report/page_template.h"
#include "report/random_run.h"

namespace fovea::report {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kJourney = "Your journey starts with one step";

Explanation built_in_explanation(const std::string& text) {
  return explain(*models::built_in_model(std::span(&text, 1)), text, {.keep = {.all_heads = true}});
}

// Every Block of the JSON, wherever it stands.
void visit_blocks(const json& part, const std::function<void(const json&)>& visit) {
  if (part.is_object() && part.contains("at") && part.contains("type")) return visit(part);
  if (!part.is_structured()) return;
  for (const json& inner : part) visit_blocks(inner, visit);
}

std::size_t expect_whole_blocks(const ReadPage& page) {
  std::size_t blocks = 0;
  visit_blocks(page.json, [&](const json& block) {
    ++blocks;
    EXPECT_FALSE(page.block(block).empty());
  });
  return blocks;
}

TEST(NamedBytes, AreThoseThatAreNoWholeCharacter) {
  EXPECT_EQ(with_named_bytes("a\xF0\x9F|\xA6|\xE2\x80"), "a⟨F0 9F⟩|⟨A6⟩|⟨E2 80⟩");
  EXPECT_EQ(with_named_bytes("journey 旅 \x1b <b> ⟨"), "journey 旅 \x1b <b> ⟨");
  EXPECT_EQ(with_named_bytes("\xed\xa0\x80\xff"), "⟨ED A0 80 FF⟩");
  EXPECT_EQ(with_named_bytes(""), "");
}

TEST(Page, HoldsWhatWasExplained) {
  const Explanation e = built_in_explanation(kJourney);
  const ReadPage page(explanation_page(e).html);
  EXPECT_EQ(page.json.at("version"), 1);
  EXPECT_TRUE(page.json.at("comparison").is_null());
  const json& text = page.text();
  EXPECT_EQ(text.at("text"), kJourney);
  EXPECT_EQ(text.at("model").at("weights"), "F32");
  ASSERT_EQ(text.at("tokens").size(), 6U);
  EXPECT_EQ(text.at("tokens")[1].at("text"), "journey");
  EXPECT_EQ(text.at("tokens")[1].at("bytes"), json({5, 12}));
  ASSERT_EQ(text.at("heads").size(), 2U);
  EXPECT_EQ(text.at("heads")[1].at("summary"), e.heads[1].summary);
  EXPECT_TRUE(text.at("ropes").empty());
  EXPECT_TRUE(text.at("kept")[0].at("rope").is_null());
  EXPECT_TRUE(text.at("kept")[0].at("projected").get<bool>());
  // 2 heads of a query, 6 row numbers; 2 keys of 4; an input of 2; 2 projections of 4; maps, received.
  EXPECT_EQ(expect_whole_blocks(page), 2U * 8 + 2 * 4 + 2 + 2 * 4 + 2);
}

TEST(Page, NumbersOfAHeadAreTheRunsOwn) {
  const Explanation e = built_in_explanation(kJourney);
  const ReadPage page(explanation_page(e).html);
  const json& kept = page.text().at("kept")[1];
  const KeptHead& head = e.kept.heads[1];
  EXPECT_EQ(kept.at("head"), head.head);
  EXPECT_EQ(kept.at("scale"), head.rules.scale);
  EXPECT_TRUE(kept.at("causal").get<bool>());
  EXPECT_TRUE(kept.at("window").is_null());
  EXPECT_TRUE(kept.at("sink").is_null());
  const std::vector<double> weights = page.block(kept.at("top_weights"));
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_EQ(weights[i], static_cast<double>(head.top_weights.values<float>()[i]));
  const std::vector<double> query = page.vectors(kept.at("query"));
  for (std::size_t i = 0; i < query.size(); ++i) {
    EXPECT_EQ(query[i], static_cast<double>(head.query.values.values<std::int16_t>()[i]) *
                            static_cast<double>(head.query.steps.values<float>()[i / 2]));
  }
}

// x · W of the page is its own query: the notebooks' three numbers times six weights.
TEST(Page, BuiltInProjectionsMakeTheQueriesOfTheirInputs) {
  const ReadPage page(explanation_page(built_in_explanation(kJourney)).html);
  const json& text = page.text();
  const std::vector<double> input = page.vectors(text.at("kept_inputs")[0].at("input"));
  const json& made = text.at("kept_projections")[0];
  const std::vector<double> weight = page.vectors(made.at("query_weight"));
  const std::vector<double> query = page.vectors(text.at("kept")[0].at("query"));
  ASSERT_EQ(input.size(), 18U);
  ASSERT_EQ(weight.size(), 6U);
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t c = 0; c < 2; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < 3; ++i) sum += input[row * 3 + i] * weight[c * 3 + i];
      // Each number is within 2^-16 of its row's largest, and all are below 1: three products and the query itself.
      EXPECT_NEAR(sum, query[row * 2 + c], 7 * 0x1p-16);
    }
  }
}

TEST(Page, MapsAndReceivedAreBytesOfSquares) {
  const Explanation e = built_in_explanation(kJourney);
  const ReadPage page(explanation_page(e).html);
  const json& text = page.text();
  EXPECT_EQ(text.at("map_cells"), 6);
  EXPECT_EQ(text.at("maps").at("shape"), json({2, 21}));
  const std::vector<double> bytes = page.block(text.at("maps"));
  const auto largest = text.at("heads")[1].at("map_max").get<double>();
  std::size_t place = 21;
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++place) {
      const double root = bytes[place] / 255;
      // Half a byte of the root, and what the maximum lost to seven digits.
      EXPECT_NEAR(root, std::sqrt(static_cast<double>(e.heads[1].map[i * 6 + j]) / largest),
                  0.5 / 255 + 1e-6);
    }
  }
  const std::vector<double> received = page.block(text.at("received"));
  ASSERT_EQ(received.size(), 12U);
  EXPECT_EQ(*std::max_element(received.begin(), received.begin() + 6), 255);
}

TEST(Page, JoinedCellsOfAMapKeepTheWeightOfEachRow) {
  const Explanation e = explain_random({.tokens = 23});
  const PageMaps maps = page_maps(e, 200);
  EXPECT_EQ(maps.cell, 2);
  ASSERT_EQ(maps.cells, 12);
  for (std::int64_t i = 0; i < maps.cells; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < maps.cells; ++j)
      sum += static_cast<double>(maps.heads[0][static_cast<std::size_t>(i * maps.cells + j)]);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Page, IsNoLargerThanAskedFor) {
  // 60 KB of numbers that every head has, and a megabyte of those of a head that is kept.
  const RandomRun run{.layers = 4,
                      .heads = 6,
                      .key_heads = 3,
                      .head_size = 64,
                      .tokens = 2000,
                      .keep = {.budget_bytes = most_page_bytes(2000) / 4 * 3}};
  const Explanation e = explain_random(run);
  const Page page = explanation_page(e, {.most_bytes = most_page_bytes(2000)});
  EXPECT_EQ(most_page_bytes(2000), 4'000'000);
  EXPECT_LE(page.html.size(), 4'000'000U);
  // There was no room for one head more.
  const std::int64_t head = bytes_of(e.kept.heads.back()) + bytes_of(e.kept.keys.back()) + 1200;
  EXPECT_LT(4'000'000 - std::ssize(page.html), head / 3 * 4);
  EXPECT_GE(page.kept_heads, 2);
  EXPECT_LT(page.kept_heads, page.all_heads);
  EXPECT_THAT(describe(page),
              HasSubstr(" of 24 heads can be opened row by row (--full keeps all)"));
  expect_whole_blocks(ReadPage(page.html));
}

TEST(Page, HasFewerCellsAndHeadsWhereThereIsLittleRoom) {
  const Explanation e =
      explain_random({.layers = 8, .heads = 8, .tokens = 64, .keep = {.all_heads = true}});
  const auto template_bytes = std::ssize(page_template());
  const Page page = explanation_page(e, {.most_bytes = template_bytes + 200'000});
  EXPECT_LE(std::ssize(page.html), template_bytes + 200'000);
  EXPECT_EQ(page.map_cells, 16);
  EXPECT_GT(page.kept_heads, 0);
  EXPECT_LT(page.kept_heads, 64);
}

TEST(Page, OfAllHeadsOpensThemAll) {
  const Explanation e = explain_random({.layers = 2, .keep = {.all_heads = true}});
  const Page page = explanation_page(e);
  EXPECT_EQ(page.kept_heads, 4);
  EXPECT_EQ(page.all_heads, 4);
  EXPECT_THAT(describe(page), HasSubstr("4 of 4 heads can be opened row by row"));
  EXPECT_THAT(describe(page), Not(HasSubstr("--full")));
}

TEST(Page, SaysWhyHeadsWerePassedOver) {
  const Tensor keep = Tensor::of<bool>({1, 1}, {true});
  const Explanation e = explain_random(
      {.keep = {.all_heads = true}, .change = [&](Attention& question) { question.keep = keep; }});
  EXPECT_THAT(describe(explanation_page(e)),
              HasSubstr("0 of 2 heads can be opened row by row (layer 0 has a mask of its own)"));
}

TEST(Page, OfAnEncoderHasWholeMapsAndRowsThatSeeAll) {
  const Explanation e = explain_random({.is_causal = false, .keep = {.all_heads = true}});
  const ReadPage page(explanation_page(e).html);
  EXPECT_EQ(page.text().at("maps").at("shape"), json({2, 12, 12}));
  EXPECT_FALSE(page.text().at("kept")[0].at("causal").get<bool>());
  EXPECT_TRUE(page.text().at("row_guesses").is_null());
  expect_whole_blocks(page);
}

TEST(Page, OfOneTokenHasOneCellAndOneKey) {
  const ReadPage page(explanation_page(built_in_explanation("step")).html);
  EXPECT_THAT(page.block(page.text().at("maps")), ElementsAre(255, 255));
  EXPECT_THAT(page.block(page.text().at("received")), ElementsAre(0, 0));
  EXPECT_THAT(page.block(page.text().at("kept")[0].at("top_keys")),
              ElementsAre(0, -1, -1, -1, -1, -1, -1, -1));
}

TEST(Page, WritesWindowAndSinkAsThePageReadsThem) {
  const Tensor sinks = Tensor::of<float>({2}, {0.5F, 0.25F});
  const Explanation e =
      explain_random({.keep = {.all_heads = true}, .change = [&](Attention& question) {
                        question.window = {.left = 3};
                        question.softcap = 5;
                        question.sinks = sinks;
                      }});
  const ReadPage page(explanation_page(e).html);
  const json& head = page.text().at("kept")[1];
  EXPECT_EQ(head.at("window"), (json{{"left", 3}, {"right", nullptr}}));
  EXPECT_EQ(head.at("softcap"), 5);
  EXPECT_EQ(head.at("sink"), 0.25);
}

TEST(Page, OfAComparisonHasItsTextsInOrder) {
  const std::vector<std::string> texts{"a cave bat", "a ball bat"};
  const auto model = models::built_in_model(texts);
  const Comparison comparison = compare(*model, "bat", texts);
  std::vector<Explanation> explanations;
  for (const std::string& text : texts)
    explanations.push_back(explain(*model, text, {.keep = {.all_heads = true}}));
  const Page made = comparison_page(comparison, explanations);
  const ReadPage page(made.html);
  EXPECT_EQ(page.json.at("comparison").at("word"), "bat");
  EXPECT_EQ(page.text(1).at("text"), "a ball bat");
  EXPECT_EQ(made.all_heads, 4);
  EXPECT_THAT(page.title, HasSubstr("bat in several texts"));
  expect_whole_blocks(page);
}

TEST(HostileText, StaysTextInThePage) {
  const std::string texts[] = {"</script><script>alert(1)</script>",
                               "<!-- <script> -->",
                               "]]></style></title><img src=x>",
                               "javascript:alert(1) & \"quoted\" 'too'",
                               "<!--fovea:data--> <!--fovea:title-->",
                               "line\xe2\x80\xa8separators\xe2\x80\xa9here",
                               "bytes\xff\xc0\xaf\xed\xa0\x80",
                               std::string("nul\0inside", 10),
                               "over\xe2\x80\xaeride zero\xe2\x80\x8bwidth"};
  const std::string plain = explanation_page(explain_random({})).html;
  for (const std::string& hostile : texts) {
    SCOPED_TRACE(hostile);
    Explanation e = explain_random({.token = hostile});
    e.text = hostile;
    e.model.name = e.model.origin = e.model.weights = hostile;
    const std::string html = explanation_page(e).html;
    const auto count = [](const std::string& all, std::string_view part) {
      std::size_t found = 0;
      for (std::size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1))
        ++found;
      return found;
    };
    for (const char* const mark : {"<", ">", "</script", "<!--"}) {
      EXPECT_EQ(count(html, mark), count(plain, mark)) << mark;
    }
    for (const char* const mark : {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xff"})
      EXPECT_EQ(count(html, mark), count(plain, mark));
    EXPECT_EQ(html.find('\0'), std::string::npos);
    const ReadPage page(html);
    EXPECT_THAT(page.title, Not(HasSubstr("\xe2\x80\xae")));
    const bool is_valid = hostile.find('\xff') == std::string::npos;
    if (is_valid) {
      EXPECT_EQ(page.text().at("text"), hostile);
    }
    EXPECT_EQ(page.text().at("tokens")[0].at("text"), page.text().at("text"));
  }
}

TEST(HostileText, OfATitleIsVisible) {
  Explanation e = explain_random({});
  e.text = "<b>over\xe2\x80\xaeride";
  EXPECT_EQ(ReadPage(explanation_page(e).html).title, "&lt;b&gt;over\\u{202e}ride · fovea");
}

TEST(HostileText, InvalidBytesAreNamed) {
  Explanation e = explain_random({});
  e.text = "a\xff";
  EXPECT_EQ(ReadPage(explanation_page(e).html).text().at("text"), "a⟨FF⟩");
}

TEST(JsonInScript, EscapesWhatEndsAScriptAndNothingElse) {
  EXPECT_EQ(json_in_script("\"</script>&\xe2\x80\xa8\xe2\x80\xa9\xe2\x82\xac\""),
            "\"\\u003c/script\\u003e\\u0026\\u2028\\u2029\xe2\x82\xac\"");
}

TEST(PageTemplate, HasEachMarkOnceAndItsTitleFirst) {
  const std::string page(page_template());
  const std::size_t title = page.find("<title><!--fovea:title--></title>");
  const std::size_t data = page.find("<!--fovea:data-->");
  ASSERT_NE(title, std::string::npos);
  ASSERT_NE(data, std::string::npos);
  EXPECT_LT(title, data);
  EXPECT_EQ(page.find("<!--fovea:title-->", title + 20), std::string::npos);
  EXPECT_EQ(page.find("<!--fovea:data-->", data + 1), std::string::npos);
  EXPECT_THAT(page, HasSubstr("http-equiv=\"Content-Security-Policy\""));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace fovea::report
