// Parts of an explanation as JSON.
#include "report/explanation_parts.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

Json of_mean(const RowMean& mean) {
  return {{"mean", mean.mean}, {"rows", mean.rows}};
}

Json of_portrait(const Portrait& portrait) {
  Json labels = Json::array();
  for (const HeadLabel& label : portrait.labels)
    labels.push_back({{"kind", label.name}, {"number", label.number}});
  return {{"labels", std::move(labels)},
          {"previous", of_mean(portrait.previous)},
          {"self", of_mean(portrait.self)},
          {"first", of_mean(portrait.first)},
          {"duplicate", of_mean(portrait.duplicate)},
          {"induction", of_mean(portrait.induction)},
          {"entropy", of_mean(portrait.entropy)},
          {"breadth", of_mean(portrait.breadth)},
          {"local_width", portrait.local_width}};
}

}  // namespace

const char* name_of(nn::RopeLayout layout) noexcept {
  return layout == nn::RopeLayout::half_split ? "half_split" : "interleaved";
}

Json model_json(const models::ModelFacts& model) {
  Json json{{"family", model.family},         {"name", model.name},
            {"origin", model.origin},         {"layers", model.layers},
            {"heads", model.query_heads},     {"key_heads", model.key_heads},
            {"head_size", model.head_size},   {"hidden_size", model.hidden_size},
            {"vocabulary", model.vocabulary}, {"context_length", model.context_length},
            {"parameters", model.parameters}, {"causal", model.is_causal},
            {"weights", model.weights},       {"rope", nullptr}};
  if (model.rope) {
    json["rope"] = {{"layout", name_of(model.rope->layout)},
                    {"base", model.rope->base > 0 ? Json(model.rope->base) : Json(nullptr)}};
  }
  return json;
}

Json head_json(const ExplainedHead& head) {
  Json json{{"layer", head.name.layer}, {"head", head.name.head}, {"summary", head.summary}};
  json.update(of_portrait(head.portrait));
  return json;
}

Json tokens_json(const std::vector<ExplainedToken>& tokens) {
  Json list = Json::array();
  for (const ExplainedToken& token : tokens) {
    list.push_back({{"id", token.id},
                    {"text", token.text},
                    {"piece", token.piece},
                    {"bytes", {token.first_byte, token.first_byte + token.byte_count}},
                    {"received", token.received},
                    {"sink", token.is_sink}});
  }
  return list;
}

Json telling_json(const Explanation& explanation) {
  Json list = Json::array();
  for (const std::size_t index : explanation.telling) {
    const HeadName& name = explanation.heads[index].name;
    list.push_back({{"layer", name.layer}, {"head", name.head}});
  }
  return list;
}

}  // namespace fovea::report
