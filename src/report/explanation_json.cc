// An explanation as JSON: the data that the page reads too.
#include <cmath>
#include <nlohmann/json.hpp>

#include "fovea/report/explanation.h"
#include "fovea/report/lesson_json.h"
#include "report/explanation_parts.h"

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

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
    Json json = head_json(head);
    json["map"] = of_map(head.map, explanation.map_cells);
    heads.push_back(std::move(json));
  }
  return heads;
}

}  // namespace

std::string explanation_json(const Explanation& explanation) {
  Json guesses = Json::array();
  for (const Guess& guess : explanation.guesses) {
    guesses.push_back({{"id", guess.id}, {"text", guess.text}, {"probability", guess.probability}});
  }
  Json json{{"model", model_json(explanation.model)},
            {"text", explanation.text},
            {"tokens", tokens_json(explanation.tokens)},
            {"map_cell", explanation.map_cell},
            {"heads", of_heads(explanation)},
            {"telling", telling_json(explanation)},
            {"guesses", std::move(guesses)},
            {"sentence_vector", explanation.sentence_vector},
            {"steps", nullptr}};
  if (explanation.steps) {
    const Json lessons = Json::parse(lessons_to_json(std::span(&*explanation.steps, 1)));
    json["steps"] = lessons["lessons"][0];
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fovea::report
