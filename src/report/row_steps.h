// One row of one head of a real model as the lessons' six steps, with the model's own numbers.
#pragma once

#include <string>
#include <vector>

#include "fovea/lesson/lesson.h"
#include "fovea/models/model.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// Each number can be followed to the one before it: input, query and key (turned where the model
/// has RoPE), scores, scaled scores, weights, the head's answer. `names` are the tokens' texts, fit
/// for a screen. The weights have the bits that observers show.
lesson::Lesson row_steps(const models::ModelFacts& facts, const models::LayerAttention& layer,
                         const RowName& row, const std::vector<std::string>& names);

}  // namespace fovea::report
