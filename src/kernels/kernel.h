// What an implementation is to the engine: a name, a reason to refuse, and a function that computes rows.
#pragma once

#include <cstdint>
#include <string>

#include "fovea/attention/valid_attention.h"

namespace fovea::kernels {

/// Where the results of a call go; views with four (output) and three (statistics) axes, statistics optional.
struct Targets {
  MutableTensorView output;       ///< [batch, query_heads, queries, value_size]
  MutableTensorView log_sum_exp;  ///< [batch, query_heads, queries], f32
  MutableTensorView row_max;
  MutableTensorView row_sum;
};

}  // namespace fovea::kernels
