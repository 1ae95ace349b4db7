// Which OpenBLAS it is, found once.
#include "nn/blas.h"

#include <cblas.h>

namespace fovea::nn {
namespace {

// What openblas_get_parallel says of a library with its own threads (1 in its documentation; 0 is
// none, 2 OpenMP, whose threads and ours do not know each other).
constexpr int kOwnThreads = 1;

std::mutex& turn() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

bool blas_is_concurrent() {
  static const bool is_concurrent = [] {
    if (openblas_get_parallel() != kOwnThreads) return false;
    openblas_set_num_threads(1);
    return true;
  }();
  return is_concurrent;
}

BlasTurn::BlasTurn() {
  if (!blas_is_concurrent()) lock_ = std::unique_lock(turn());
}

}  // namespace fovea::nn
