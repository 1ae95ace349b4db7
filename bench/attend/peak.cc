// The machine's limits, measured beside the rivals: fused multiply-adds a second, and the time to
// read given memory.
// A library of its own that bench/attend loads by ctypes; no part of libfovea.
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs `work(thread)` on all threads at once, the caller being thread 0; returns the seconds from the common start to
/// the last one's end.
template <typename Work>
double on_threads(int threads, const Work& work) {
  std::atomic<int> waiting{threads};
  std::vector<double> ends(static_cast<std::size_t>(threads));
  std::atomic<Clock::time_point> start{Clock::time_point{}};
  const auto run = [&](int thread) {
    if (waiting.fetch_sub(1) == 1) start.store(Clock::now());
    while (waiting.load() > 0 || start.load() == Clock::time_point{}) {
    }
    work(thread);
    ends[static_cast<std::size_t>(thread)] = seconds_since(start.load());
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  others.clear();  // joins
  return *std::max_element(ends.begin(), ends.end());
}

// Twelve chains: four cycles of latency on two ports want eight, and a few more hide what else happens.
constexpr int kChains = 12;
constexpr int kStepsABatch = 2048;

// Opaque to the compiler, which would otherwise see that the sums are never read.
template <typename Vector>
void keep(Vector& vector) {
  asm volatile("" : "+v"(vector));
}

__attribute__((target("avx512f"))) void multiply_add_512() {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  __m512 factor = _mm512_set1_ps(0.5F);
  keep(factor);
  for (int step = 0; step < kStepsABatch; ++step) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  }
  for (__m512& sum : sums) keep(sum);
}

__attribute__((target("avx2,fma"))) void multiply_add_256() {
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  __m256 factor = _mm256_set1_ps(0.5F);
  keep(factor);
  for (int step = 0; step < kStepsABatch; ++step) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  }
  for (__m256& sum : sums) keep(sum);
}

__attribute__((target("avx2"))) void read_lines(const char* from, const char* to) {
  __m256i sum = _mm256_setzero_si256();
  for (; from < to; from += 64) {
    sum = _mm256_xor_si256(sum, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    sum = _mm256_xor_si256(sum, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32)));
  }
  keep(sum);
}

}  // namespace

extern "C" {

/// 512 or 256: the widest vectors of floats that this CPU can multiply and add; 0 = neither.
int32_t fovea_bench_widest() {
  if (__builtin_cpu_supports("avx512f")) return 512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 256 : 0;
}

/// GFLOP/s of float32 multiply-adds in registers, with vectors of `bits` bits, on all threads together for about
/// `milliseconds`.
double fovea_bench_peak(int32_t bits, int32_t threads, double milliseconds) {
  const auto batch = bits == 512 ? multiply_add_512 : multiply_add_256;
  std::vector<int64_t> batches(static_cast<std::size_t>(threads));
  const double seconds = on_threads(threads, [&](int thread) {
    const Clock::time_point start = Clock::now();
    int64_t done = 0;
    for (; seconds_since(start) * 1e3 < milliseconds; ++done) batch();
    batches[static_cast<std::size_t>(thread)] = done;
  });
  double flops = 0;
  for (const int64_t done : batches)
    flops += static_cast<double>(done) * kStepsABatch * kChains * 2 * bits / 32;
  return flops / seconds * 1e-9;
}

/// Seconds that reading all of the given arrays takes, each thread an equal part of each array. Sizes are in bytes.
double fovea_bench_read(const void* const* arrays, const int64_t* sizes, int32_t count,
                        int32_t threads) {
  return on_threads(threads, [&](int thread) {
    for (int32_t i = 0; i < count; ++i) {
      const int64_t lines = sizes[i] / 64;
      const auto* const data = static_cast<const char*>(arrays[i]);
      read_lines(data + lines * thread / threads * 64, data + lines * (thread + 1) / threads * 64);
    }
  });
}
}
