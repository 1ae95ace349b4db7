// The notebooks' slips, computed as they were made.
#pragma once

#include "fovea/core/tensor.h"

namespace fovea::lesson {

/// Returns notebook 004's context vector: for each i below the query's size (not the number of
/// tokens), w[i] · q[i] is added to every entry of a vector that has one entry a token (not one a
/// component). The notebook's memory was uninitialised and happened to be zeros; here it is zeros.
/// With more components than tokens the notebook would have stopped; here the sum ends.
Tensor context_by_the_wrong_loop(const TensorView& weights, const TensorView& query);

}  // namespace fovea::lesson
