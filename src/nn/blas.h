// CBLAS, asked for from several threads at once: the one place that knows whether it may be.
#pragma once

#include <mutex>

namespace fovea::nn {

/// True where the library may be called from several threads at once: OpenBLAS built with threads
/// of its own, which the first call here sets to one, so that they and ours never fight for the
/// cores. OpenBLAS built without (Debian's libopenblas0-serial) shares its buffers between calls
/// without a lock: two calls at once give wrong numbers, some in a thousand.
bool blas_is_concurrent();

/// Throws Error{out_of_memory} with the size when there are no addresses for the buffers that
/// OpenBLAS takes at the first call on each of `threads` threads: it would try for ever. To be asked
/// before them; costs a load once it has been found that there are.
void require_blas_memory(int threads);

/// Held around every call of CBLAS: nothing where calls may run at once, else the turn of one.
class BlasTurn {
 public:
  BlasTurn();

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace fovea::nn
