// What observing takes beyond inputs and output: results and scratch in O(queries + keys), at any
// number of threads. With FOVEA_LONG at the size that the limits are stated for, 131,072 tokens.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "fovea/engine/attend.h"

namespace fovea {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kStatedTokens = 131072;

bool is_long() {
  return std::getenv("FOVEA_LONG") != nullptr;
}

// A number of kB in /proc/self/status, in bytes.
std::int64_t status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1)) * 1024;
  return 0;
}

struct Measured {
  std::int64_t results = 0;
  std::int64_t scratch = 0;
  std::int64_t peak = 0;  // of the process, beyond what it had before the call
};

Measured observe_everything(std::int64_t tokens, int threads) {
  Tensor q(DType::f32, {tokens, 64});
  Tensor k(DType::f32, {tokens, 64});
  for (std::int64_t i = 0; i < tokens; ++i) {
    q.values<float>()[static_cast<std::size_t>(i * 64 + i % 64)] = 1;
    k.values<float>()[static_cast<std::size_t>(i * 64 + i * 7 % 64)] = 3;
  }
  Tensor labels(DType::i32, {tokens});
  Observe all{.top_weights = 8,
              .entropy = true,
              .received = true,
              .pooled_map = true,
              .distance = true,
              .mass_first = 1,
              .mass_self = true,
              .mass_previous = true,
              .row_statistics = true};
  all.query_labels = labels;
  all.key_labels = labels;
  const std::int64_t before = status_bytes("VmRSS");
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew
  const Attended answer = attend({.query = q, .key = k, .value = k, .causal = true}, all,
                                 Execution{.threads = threads});
  Measured measured{.scratch = answer.observed.scratch_bytes + answer.plan.scratch_bytes,
                    .peak = status_bytes("VmHWM") - before};
  const auto bytes = [](const Tensor& t) { return static_cast<std::int64_t>(t.bytes().size()); };
  const Observed& seen = answer.observed;
  measured.results = bytes(answer.log_sum_exp) + bytes(answer.row_max) + bytes(answer.row_sum);
  for (const Tensor* const tensor :
       {&seen.top_weights, &seen.top_indices, &seen.entropy, &seen.received, &seen.pooled_map,
        &seen.distance, &seen.mass_first, &seen.mass_self, &seen.mass_previous, &seen.mass_match,
        &seen.log2_max, &seen.row_sum})
    measured.results += bytes(*tensor);
  measured.peak -= bytes(answer.output);
  return measured;
}

class ObservingTakes : public ::testing::TestWithParam<int> {};

TEST_P(ObservingTakes, MemoryThatGrowsWithTokensNotPairs) {
  const int threads = GetParam();
  const std::int64_t tokens = is_long() ? kStatedTokens : 4096;
  const Measured half = observe_everything(tokens / 2, threads);
  const Measured whole = observe_everything(tokens, threads);
  EXPECT_LE(whole.results, 16 * kMiB * tokens / kStatedTokens + 64 * 1024);
  EXPECT_LE(whole.scratch, 8 * kMiB * threads);
  EXPECT_LE(static_cast<double>(whole.results + whole.scratch),
            2.2 * static_cast<double>(half.results + half.scratch));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Stacks of threads and what the allocator rounds up to come on top.
  EXPECT_LE(whole.peak, whole.results + whole.scratch + 2 * kMiB);
#endif
}

INSTANTIATE_TEST_SUITE_P(Threads, ObservingTakes, ::testing::Values(1, 2, 8));

}  // namespace
}  // namespace fovea
