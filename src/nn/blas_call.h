// Calls of the BLAS library from several threads at once.
//
// A serial OpenBLAS (Debian's libopenblas0-serial 0.3.21) hands out its working memory without a
// lock: of products that run at once, now and then two share a buffer, and both come out wrong (1 of
// 1,000 on two busy cores). Its calls must therefore wait for each other. The libraries with threads
// have a lock of their own; they are kept to the calling thread, since ours are the threads.
#pragma once

#include <mutex>

namespace fovea::nn {

/// Stands while a BLAS function is called: `const BlasCall call;` before it, in the same block.
class BlasCall {
 public:
  BlasCall();

 private:
  std::unique_lock<std::mutex> lock_;  // held where calls must be alone
};

}  // namespace fovea::nn
