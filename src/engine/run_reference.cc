// Runs the reference a row at a time and rounds its doubles into the targets.
#include "engine/run_reference.h"

#include "fovea/reference/attend.h"

namespace fovea::engine {
namespace {

// Leaves the walk over the rows.
struct Stopped {};

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

// Where row (b, h, i) begins.
std::int64_t offset_of(const MutableTensorView& target, const ValidAttention& problem,
                       std::int64_t row) noexcept {
  const std::int64_t i = row % problem.queries();
  const std::int64_t h = row / problem.queries() % problem.query_heads();
  const std::int64_t b = row / problem.queries() / problem.query_heads();
  return b * target.stride(0) + h * target.stride(1) + i * target.stride(2);
}

}  // namespace

std::string_view refuse_reference(const ValidAttention&) {
  return {};
}

kernels::Blocking block_reference(const ValidAttention& problem, int) {
  return {.threads = 1, .query_block = 1, .key_block = problem.keys(), .scratch_bytes = 0};
}

std::optional<std::int64_t> run_reference(const ValidAttention& problem, const kernels::Blocking&,
                                          const kernels::Resources& resources,
                                          const kernels::Targets& targets) {
  std::int64_t empty = 0;
  try {
    reference::attend_by_rows(problem, [&](const reference::RowSteps& row) {
      if (resources.stop.stop_requested()) throw Stopped();
      const auto store_statistic = [&](double number, const MutableTensorView& target) {
        if (target.given()) store(number, target, offset_of(target, problem, row.row));
      };
      const std::int64_t first = offset_of(targets.output, problem, row.row);
      for (std::int64_t c = 0; c < problem.value_size(); ++c)
        store(row.output[static_cast<std::size_t>(c)], targets.output,
              first + c * targets.output.stride(3));
      store_statistic(row.log_sum_exp, targets.log_sum_exp);
      store_statistic(row.row_max, targets.row_max);
      store_statistic(row.row_sum, targets.row_sum);
      empty += row.is_empty ? 1 : 0;
    });
  } catch (const Stopped&) {
    return {};
  }
  return empty;
}

}  // namespace fovea::engine
