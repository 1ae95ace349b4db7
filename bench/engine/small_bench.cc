// Latency at the notebooks' sizes: what a call costs when there is next to nothing to compute, and
// what a reader waits for all lessons.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>

#include "fovea/attention/valid_attention.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

Tensor numbers(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  float angle = 0;
  for (float& number : tensor.values<float>()) number = std::sin(angle += 1);
  return tensor;
}

// Query, key and value of the same [tokens, size].
struct Inputs {
  Inputs(std::int64_t tokens, std::int64_t size)
      : query(numbers({tokens, size})),
        key(numbers({tokens, size})),
        value(numbers({tokens, size})),
        output(DType::f32, {tokens, size}) {}
  Attention attention() const { return {.query = query, .key = key, .value = value}; }

  Tensor query;
  Tensor key;
  Tensor value;
  Tensor output;
};

void attend_into_own_memory(benchmark::State& state) {
  Inputs inputs(state.range(0), state.range(1));
  const Attention attention = inputs.attention();
  const AttendInto into{.output = inputs.output.mutable_view()};
  for (auto _ : state) benchmark::DoNotOptimize(attend_into(attention, into));
}

void attend_allocating(benchmark::State& state) {
  const Inputs inputs(state.range(0), state.range(1));
  const Attention attention = inputs.attention();
  for (auto _ : state) benchmark::DoNotOptimize(attend(attention));
}

void attend_causal(benchmark::State& state) {
  const Inputs inputs(state.range(0), state.range(1));
  Attention attention = inputs.attention();
  attention.causal = true;
  for (auto _ : state) benchmark::DoNotOptimize(attend(attention));
}

void validate_only(benchmark::State& state) {
  const Inputs inputs(state.range(0), state.range(1));
  const Attention attention = inputs.attention();
  for (auto _ : state) benchmark::DoNotOptimize(validate(attention, {}).rows());
}

// [tokens, size]: the notebooks' six words of three numbers, and up to a chapter's example.
constexpr auto kSizes = [](benchmark::internal::Benchmark* bench) {
  bench->Args({6, 3})->Args({6, 2})->Args({16, 16})->Args({64, 32});
};
BENCHMARK(attend_into_own_memory)->Apply(kSizes);
BENCHMARK(attend_allocating)->Apply(kSizes);
BENCHMARK(attend_causal)->Apply(kSizes);
BENCHMARK(validate_only)->Args({6, 3});

// From the start of the program to its end.
void walk_all_lessons(benchmark::State& state) {
  for (auto _ : state) {
    if (std::system(FOVEA_BINARY " walk all > /dev/null") != 0) state.SkipWithError("walk failed");
  }
}
BENCHMARK(walk_all_lessons)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fovea
