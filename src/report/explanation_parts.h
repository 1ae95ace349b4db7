// Parts of an explanation as JSON, which explanation_json and the page share.
#pragma once

#include <nlohmann/json.hpp>

#include "fovea/report/explanation.h"

namespace fovea::report {

const char* name_of(nn::RopeLayout layout) noexcept;
nlohmann::ordered_json model_json(const models::ModelFacts& model);
/// layer, head, summary and the portrait; no map.
nlohmann::ordered_json head_json(const ExplainedHead& head);
nlohmann::ordered_json tokens_json(const std::vector<ExplainedToken>& tokens);
/// [{layer, head}] of Explanation::telling.
nlohmann::ordered_json telling_json(const Explanation& explanation);

}  // namespace fovea::report
