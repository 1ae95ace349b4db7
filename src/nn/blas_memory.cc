// OpenBLAS (0.3.21, driver/others/memory.c) maps a buffer a thread and keeps it; when it gets none,
// it begins again without end. Seen under `ulimit -v`.
#include "nn/blas_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>

#include "fovea/core/error.h"

namespace fovea::nn {

void require_blas_memory(int threads) {
  constexpr std::size_t kBuffer = std::size_t{128} << 20;  // its BUFFER_SIZE on x86-64
  static std::atomic<int> found{0};
  const int before = found.load(std::memory_order_relaxed);
  if (threads <= before) return;
  const std::size_t bytes = static_cast<std::size_t>(threads - before) * kBuffer;
  void* const trial = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (trial == MAP_FAILED) {
    throw Error(ErrorKind::out_of_memory,
                fmt::format("out of memory: the BLAS library needs {} bytes of addresses for {} "
                            "more thread{}",
                            bytes, threads - before, threads - before == 1 ? "" : "s"));
  }
  ::munmap(trial, bytes);
  found.store(threads, std::memory_order_relaxed);
}

}  // namespace fovea::nn
