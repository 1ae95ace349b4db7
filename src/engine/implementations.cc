// A new implementation is its own file in kernels/ and one line here.
#include "engine/implementations.h"

#include "engine/run_reference.h"
#include "kernels/decode.h"
#include "kernels/prefill.h"
#include "kernels/small.h"

namespace fovea::engine {
namespace {

// clang-format off
constexpr kernels::Implementation kImplementations[] = {
    {"decode", "for few queries: each key and value is read once for its head's rows; keys are split over threads", kernels::refuse_decode, kernels::yield_decode, kernels::block_decode, kernels::run_decode},
    {"prefill", "fused: scores, softmax and values of 64 rows and 128 keys at a time, on all threads", kernels::refuse_prefill, kernels::yield_prefill, kernels::block_prefill, kernels::run_prefill, true, kernels::block_observed},
    {"small", "SIMD across query rows on the calling thread, no memory beyond the stack", kernels::refuse_small, nullptr, kernels::block_small, kernels::run_small},
    {"reference", "the textbook in double, O(keys) memory a row; by name, and for every f64 query", refuse_reference, nullptr, block_reference, run_reference, false, block_reference},
};
// clang-format on

}  // namespace

std::span<const kernels::Implementation> implementations() noexcept {
  return kImplementations;
}

}  // namespace fovea::engine
