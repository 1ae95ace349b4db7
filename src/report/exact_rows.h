// A head's weights again in float64, to say how far the fused pass is from them.
#pragma once

#include <cstdint>

#include "fovea/core/tensor.h"
#include "fovea/models/model.h"
#include "fovea/report/kept_head.h"

namespace fovea::report {

/// True when deviation_from_exact of so many heads takes a small part of the time that the model takes itself.
bool is_worth_measuring(const models::ModelFacts& facts, std::int64_t tokens, double heads);

/// Returns the largest difference of each row's top weights from float64's: [tokens] f32. `query` and `key` are [tokens,
/// head_size] f32, the numbers that the fused pass was given.
Tensor deviation_from_exact(const KeptHead& head, const Tensor& query, const Tensor& key,
                            int threads);

}  // namespace fovea::report
