// Large products from several threads at once. A serial OpenBLAS gets some of them wrong unless its
// calls are kept apart: without BlasCall about 50 of these.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/nn/linear.h"

namespace fovea::nn {
namespace {

TEST(BlasCall, KeepsProductsOfSeveralThreadsApart) {
  constexpr int kThreads = 4;
  constexpr int kProducts = 15000;
  static_assert(20 * 64 * 64 >= Linear::kBlasProducts);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int seed = 0; seed < kThreads; ++seed) {
    threads.emplace_back([seed, &wrong] {
      Generator generator(static_cast<std::uint64_t>(seed));
      const Linear layer(64, 64, Bias::no, generator);
      const Tensor x = randn({20, 64}, generator);
      const Tensor first = layer.forward(x);
      for (int i = 0; i < kProducts; ++i) {
        const Tensor again = layer.forward(x);
        if (!std::ranges::equal(first.bytes(), again.bytes())) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace fovea::nn
