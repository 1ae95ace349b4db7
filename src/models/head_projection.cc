// The matrices of one head, out of those of a layer.
#include "models/head_projection.h"

namespace fovea::models {

HeadProjection projection_of(const HeadOfMatrix& query, const HeadOfMatrix& key,
                             std::int64_t head_size) {
  const std::int64_t query_first = query.index * head_size;
  const std::int64_t key_first = key.index * head_size;
  return {.query_weight = query.matrix.outputs(query_first, head_size),
          .key_weight = key.matrix.outputs(key_first, head_size),
          .query_bias = query.matrix.biases(query_first, head_size),
          .key_bias = key.matrix.biases(key_first, head_size)};
}

}  // namespace fovea::models
