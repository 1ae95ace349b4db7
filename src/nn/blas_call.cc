// Which BLAS library is there is known at run time only: distributions let it be exchanged.
#include "nn/blas_call.h"

#include <cblas.h>

namespace fovea::nn {
namespace {

// Asked once, and the library's threads are turned off with it.
bool must_be_alone() {
  static const bool alone = [] {
    if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL) return true;
    openblas_set_num_threads(1);
    return false;
  }();
  return alone;
}

std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

BlasCall::BlasCall() {
  if (must_be_alone()) lock_ = std::unique_lock(one_at_a_time());
}

}  // namespace fovea::nn
