// The ordered list of implementations: the one place that names them.
#pragma once

#include <span>

#include "kernels/kernel.h"

namespace fovea::engine {

/// Best first; the first that does not refuse a call runs it.
std::span<const kernels::Implementation> implementations() noexcept;

}  // namespace fovea::engine
