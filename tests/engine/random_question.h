// Query, key and value of random numbers, with room for the answer.
#pragma once

#include "fovea/attention/attention.h"
#include "fovea/core/random.h"
#include "fovea/core/tensor.h"

namespace fovea {

struct RandomQuestion {
  RandomQuestion(const Shape& of_query, const Shape& of_keys)
      : query(randn(of_query, generator)),
        key(randn(of_keys, generator)),
        value(randn(of_keys, generator)),
        output(DType::f32, of_query) {}
  Attention attention() const { return {.query = query, .key = key, .value = value}; }

  Generator generator{3};
  Tensor query;
  Tensor key;
  Tensor value;
  Tensor output;
};

}  // namespace fovea
