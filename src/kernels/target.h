// Which instruction set the kernels run on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fovea::kernels {

/// Returns Highway's name of the target in use: "AVX3", "AVX2", "SSE4", "SSSE3", "EMU128" or
/// "SCALAR". The first call chooses it: the best that this CPU has, or the one that the environment
/// variable FOVEA_TARGET names (in any case). Throws Error{invalid_argument} when FOVEA_TARGET
/// names one that is unknown or that this CPU lacks. Thread-safe.
std::string_view target_in_use();

/// Returns the names of the targets that the kernels are compiled for and this CPU has, best first.
std::vector<std::string> targets_available();

/// Makes `name` the target of all later calls, empty = the choice that target_in_use describes. For
/// tests and benchmarks; not to be called while kernels run. Throws as target_in_use.
void force_target(std::string_view name);

}  // namespace fovea::kernels
