// Runs reference::attend and rounds its doubles into the targets.
#include "engine/run_reference.h"

#include "fovea/reference/attend.h"

namespace fovea::engine {
namespace {

void store(double number, const MutableTensorView& target, std::int64_t offset) noexcept {
  void* data = target.mutable_data();
  // Adding 0 makes a number that rounds to -0 a plain 0.
  const float rounded = static_cast<float>(number) + 0.0F;
  switch (target.dtype()) {
    case DType::f64:
      static_cast<double*>(data)[offset] = number;
      break;
    case DType::bf16:
      static_cast<BFloat16*>(data)[offset] = to_bfloat16(rounded);
      break;
    case DType::f16:
      static_cast<Float16*>(data)[offset] = to_float16(rounded);
      break;
    default:
      static_cast<float*>(data)[offset] = rounded;
      break;
  }
}

void store_rows(const Tensor& numbers, const MutableTensorView& target) noexcept {
  if (!target.given()) return;
  const double* next = numbers.values<double>().data();
  for (std::int64_t b = 0; b < numbers.size(0); ++b) {
    for (std::int64_t h = 0; h < numbers.size(1); ++h) {
      for (std::int64_t i = 0; i < numbers.size(2); ++i) {
        const std::int64_t row = b * target.stride(0) + h * target.stride(1) + i * target.stride(2);
        const std::int64_t size = numbers.rank() == 4 ? numbers.size(3) : 1;
        const std::int64_t stride = numbers.rank() == 4 ? target.stride(3) : 1;
        for (std::int64_t c = 0; c < size; ++c) store(*next++, target, row + c * stride);
      }
    }
  }
}

}  // namespace

std::string_view refuse_reference(const ValidAttention&) {
  return {};
}

kernels::Blocking block_reference(const ValidAttention& problem, int) {
  return {.threads = 1, .query_block = 1, .key_block = problem.keys(), .scratch_bytes = 0};
}

std::int64_t run_reference(const ValidAttention& problem, const kernels::Blocking&,
                           std::span<std::byte>, const kernels::Targets& targets) {
  const reference::Steps steps = reference::attend(problem);
  store_rows(steps.output, targets.output);
  store_rows(steps.log_sum_exp, targets.log_sum_exp);
  store_rows(steps.row_max, targets.row_max);
  store_rows(steps.row_sum, targets.row_sum);
  return steps.empty_rows;
}

}  // namespace fovea::engine
