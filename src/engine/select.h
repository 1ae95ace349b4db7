// The choice among the implementations, for plan and attend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/implementations.h"
#include "fovea/engine/plan.h"

namespace fovea::engine {

/// What will run a checked call.
struct Selection {
  const kernels::Implementation* implementation = nullptr;
  kernels::Blocking blocking;
};

/// What the call is for.
enum class Purpose : std::uint8_t { compute, observe };

/// Returns the implementation that `execution` names, or the first that does not refuse; notes the
/// refusals in `refusals` unless it is null. Throws Error{invalid_argument} for an unknown name,
/// Error{unsupported} with the reason when the named one, or every one, refuses. Allocates only for
/// refusals and errors.
Selection select(const ValidAttention& problem, const Execution& execution,
                 std::vector<Refusal>* refusals, Purpose purpose = Purpose::compute);

/// The selection in public form.
Plan plan_of(const Selection& selection, std::vector<Refusal> refusals);

}  // namespace fovea::engine
