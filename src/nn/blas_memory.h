// What the BLAS library needs for itself.
#pragma once

namespace fovea::nn {

/// Throws Error{out_of_memory} with the size when there are no addresses for the buffers that
/// OpenBLAS takes at the first call on each of `threads` threads: it would try for ever. Costs a
/// load once it has been found that there are.
void require_blas_memory(int threads);

}  // namespace fovea::nn
