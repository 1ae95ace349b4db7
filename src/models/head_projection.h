// The matrices of one head, out of those of a layer.
#pragma once

#include <cstdint>

#include "fovea/models/model.h"
#include "models/weight_matrix.h"

namespace fovea::models {

/// Head `index` of those that a matrix makes side by side.
struct HeadOfMatrix {
  const WeightMatrix& matrix;
  std::int64_t index;
};

HeadProjection projection_of(const HeadOfMatrix& query, const HeadOfMatrix& key,
                             std::int64_t head_size);

}  // namespace fovea::models
