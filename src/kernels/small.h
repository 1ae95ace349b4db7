// One query row a lane, on the calling thread, without memory beyond the stack: for notebook sizes,
// right at every size.
#pragma once

#include "kernels/kernel.h"

namespace fovea::kernels {

std::string_view refuse_small(const ValidAttention& problem);
Blocking block_small(const ValidAttention& problem, int threads);
std::optional<std::int64_t> run_small(const ValidAttention& problem, const Blocking& blocking,
                                      const Resources& resources, const Targets& targets);

}  // namespace fovea::kernels
