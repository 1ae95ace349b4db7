// Which OpenBLAS it is, found once.
#include "nn/blas.h"

#include <cblas.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>

#include "fovea/core/error.h"

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

// OpenBLAS (0.3.21, driver/others/memory.c) maps a buffer for each call that runs at once and keeps
// it; when it gets none, it begins again without end. Seen under `ulimit -v`.
void require_blas_memory(int threads) {
  constexpr std::size_t kBuffer = std::size_t{128} << 20;  // its BUFFER_SIZE on x86-64
  static std::atomic<int> found{0};
  const int wanted = blas_is_concurrent() ? threads : 1;
  const int before = found.load(std::memory_order_relaxed);
  if (wanted <= before) return;
  const std::size_t bytes = static_cast<std::size_t>(wanted - before) * kBuffer;
  void* const trial = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (trial == MAP_FAILED) {
    throw Error(ErrorKind::out_of_memory,
                fmt::format("out of memory: the BLAS library needs {} bytes of addresses for {} "
                            "more thread{}",
                            bytes, wanted - before, wanted - before == 1 ? "" : "s"));
  }
  ::munmap(trial, bytes);
  found.store(wanted, std::memory_order_relaxed);
}

BlasTurn::BlasTurn() {
  if (!blas_is_concurrent()) lock_ = std::unique_lock(turn());
}

}  // namespace fovea::nn
