// fovea::Error as the exceptions that Python knows.
#pragma once

namespace fovea::bind {

/// From here on Error becomes ValueError (invalid_argument, format), NotImplementedError (unsupported), OSError (io),
/// MemoryError (out_of_memory) or RuntimeError (cancelled).
void bind_errors();

}  // namespace fovea::bind
