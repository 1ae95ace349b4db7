// CBLAS, asked for from several threads at once: the one place that knows whether it may be.
#pragma once

#include <mutex>

namespace fovea::nn {

/// True where the library may be called from several threads at once: OpenBLAS built with threads
/// of its own, which the first call here sets to one, so that they and ours never fight for the
/// cores. OpenBLAS built without (Debian's libopenblas0-serial) shares its buffers between calls
/// without a lock: two calls at once give wrong numbers, some in a thousand.
bool blas_is_concurrent();

/// Held around every call of CBLAS: nothing where calls may run at once, else the turn of one.
class BlasTurn {
 public:
  BlasTurn();

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace fovea::nn
