// An explanation as JSON: the data that the page reads too.
#include <cmath>
#include <nlohmann/json.hpp>

#include "fovea/report/explanation.h"
#include "fovea/report/lesson_json.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

Json of_model(const models::ModelFacts& model) {
  Json json{{"family", model.family},
            {"name", model.name},
            {"origin", model.origin},
            {"layers", model.layers},
            {"heads", model.query_heads},
            {"key_heads", model.key_heads},
            {"head_size", model.head_size},
            {"hidden_size", model.hidden_size},
            {"vocabulary", model.vocabulary},
            {"context_length", model.context_length},
            {"parameters", model.parameters},
            {"causal", model.is_causal},
            {"rope", nullptr}};
  if (model.rope) {
    json["rope"] = {
        {"layout", *model.rope == nn::RopeLayout::half_split ? "half_split" : "interleaved"},
        {"base", model.rope_base}};
  }
  return json;
}

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

Json of_map(const std::vector<float>& map, std::int64_t cells) {
  Json rows = Json::array();
  for (std::int64_t i = 0; i < cells; ++i) {
    const auto first = map.begin() + i * cells;
    rows.push_back(std::vector<float>(first, first + cells));
  }
  return rows;
}

Json of_heads(const Explanation& explanation) {
  Json heads = Json::array();
  for (const ExplainedHead& head : explanation.heads) {
    Json json{{"layer", head.name.layer}, {"head", head.name.head}, {"summary", head.summary}};
    json.update(of_portrait(head.portrait));
    json["map"] = of_map(head.map, explanation.map_cells);
    heads.push_back(std::move(json));
  }
  return heads;
}

}  // namespace

std::string explanation_json(const Explanation& explanation) {
  Json tokens = Json::array();
  for (const ExplainedToken& token : explanation.tokens) {
    tokens.push_back({{"id", token.id},
                      {"text", token.text},
                      {"piece", token.piece},
                      {"bytes", {token.first_byte, token.first_byte + token.byte_count}},
                      {"received", token.received},
                      {"sink", token.is_sink}});
  }
  Json guesses = Json::array();
  for (const Guess& guess : explanation.guesses) {
    guesses.push_back({{"id", guess.id}, {"text", guess.text}, {"probability", guess.probability}});
  }
  Json json{{"model", of_model(explanation.model)},
            {"text", explanation.text},
            {"tokens", std::move(tokens)},
            {"map_cell", explanation.map_cell},
            {"heads", of_heads(explanation)},
            {"telling", Json::array()},
            {"guesses", std::move(guesses)},
            {"sentence_vector", explanation.sentence_vector},
            {"steps", nullptr}};
  for (const std::size_t index : explanation.telling) {
    const HeadName& name = explanation.heads[index].name;
    json["telling"].push_back({{"layer", name.layer}, {"head", name.head}});
  }
  if (explanation.steps) {
    const Json lessons = Json::parse(lessons_to_json(std::span(&*explanation.steps, 1)));
    json["steps"] = lessons["lessons"][0];
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fovea::report
