// The reference as one of the implementations.
#pragma once

#include "kernels/kernel.h"

namespace fovea::engine {

std::string_view refuse_reference(const ValidAttention& problem);
kernels::Blocking block_reference(const ValidAttention& problem, int threads);
std::optional<std::int64_t> run_reference(const ValidAttention& problem,
                                          const kernels::Blocking& blocking,
                                          const kernels::Resources& resources,
                                          const kernels::Targets& targets);

}  // namespace fovea::engine
