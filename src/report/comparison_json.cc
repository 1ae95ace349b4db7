// A comparison as JSON.
#include <nlohmann/json.hpp>

#include "fovea/report/comparison.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

Json of_looked_at(const std::vector<LookedAt>& tokens) {
  Json list = Json::array();
  for (const LookedAt& token : tokens) {
    list.push_back({{"token", token.token}, {"text", token.text}, {"weight", token.weight}});
  }
  return list;
}

}  // namespace

std::string comparison_json(const Comparison& comparison) {
  Json texts = Json::array();
  for (const ComparedText& text : comparison.texts)
    texts.push_back({{"text", text.text}, {"tokens", text.tokens}, {"token", text.token}});
  Json pairs = Json::array();
  for (const ComparedPair& pair : comparison.pairs)
    pairs.push_back({{"texts", {pair.a, pair.b}}, {"cosines", pair.cosines}});
  Json heads = Json::array();
  for (const MovingHead& head : comparison.heads) {
    heads.push_back({{"layer", head.name.layer},
                     {"head", head.name.head},
                     {"share", head.share},
                     {"in_a", of_looked_at(head.in_a)},
                     {"in_b", of_looked_at(head.in_b)}});
  }
  const Json json{{"model", {{"name", comparison.model.name}, {"origin", comparison.model.origin}}},
                  {"word", comparison.word},
                  {"texts", std::move(texts)},
                  {"pairs", std::move(pairs)},
                  {"farthest", comparison.farthest},
                  {"heads", std::move(heads)},
                  {"same_past", comparison.has_same_past},
                  {"starts_and_journey",
                   {{"by_hand", comparison.notebook.by_hand},
                    {"embedding", comparison.notebook.embedding},
                    {"in_the_end", comparison.notebook.in_the_end}}}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fovea::report
