// The one generator that draws unless a seed says otherwise, as torch has one.
#pragma once

#include "fovea/core/random.h"

namespace fovea::bind {

/// Of the whole process; with the GIL.
Generator& default_generator();

}  // namespace fovea::bind
