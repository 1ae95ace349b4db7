// CBLAS from several threads at once.
#include "nn/blas.h"

#include <cblas.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/nn/linear.h"

namespace fovea::nn {
namespace {

// Without the turn, Debian's serial OpenBLAS fails this in nearly every run.
TEST(Blas, GivesTheSameNumbersWhenSeveralThreadsMultiply) {
  constexpr int kIn = 576;
  constexpr int kOut = 128;
  std::vector<float> x(kIn);
  std::vector<float> weight(std::size_t{kIn} * kOut);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8;
  for (std::size_t i = 0; i < weight.size(); ++i)
    weight[i] = static_cast<float>(i % 1009) / 512 - 1;
  const auto multiplied = [&] {
    std::vector<float> y(kOut);
    const BlasTurn turn;
    cblas_sgemv(CblasRowMajor, CblasNoTrans, kOut, kIn, 1, weight.data(), kIn, x.data(), 1, 0,
                y.data(), 1);
    return y;
  };
  const std::vector<float> alone = multiplied();
  std::atomic<int> others = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) others += multiplied() == alone ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(others, 0);
}

// Each thread with its own numbers: a buffer that two share is then wrong for both.
TEST(Blas, KeepsLinearLayersOfSeveralThreadsApart) {
  static_assert(20 * 64 * 64 >= Linear::kBlasProducts);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed, &wrong] {
      Generator generator(seed);
      const Linear layer(64, 64, Bias::no, generator);
      const Tensor x = randn({20, 64}, generator);
      const Tensor alone = layer.forward(x);
      for (int i = 0; i < 15000; ++i) {
        const Tensor again = layer.forward(x);
        wrong += std::ranges::equal(alone.bytes(), again.bytes()) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace fovea::nn
