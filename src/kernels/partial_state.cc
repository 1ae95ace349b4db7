// The state of rows between two calls, copied number by number: calls in parts are rare and long.
#include "kernels/partial_state.h"

namespace fovea::kernels {
namespace {

float* numbers_of(const MutableTensorView& view) noexcept {
  return static_cast<float*>(view.mutable_data());
}

}  // namespace

void take_state(const StateTargets& from, const TileRows& rows, int lanes,
                const StateRows& to) noexcept {
  for (int lane = 0; lane < lanes; ++lane) {
    to.m[lane] = numbers_of(from.log2_max)[row_offset(from.log2_max, rows, lane)];
    to.l[lane] = numbers_of(from.sum)[row_offset(from.sum, rows, lane)];
    const std::int64_t stride = from.output.stride(3);
    const float* const o =
        numbers_of(from.output) + row_offset(from.output, rows, lane) + to.first_column * stride;
    for (std::int64_t c = 0; c < to.columns; ++c)
      to.o[lane * to.lane_stride + c * to.column_stride] = o[c * stride];
  }
}

void give_output(const StateRows& from, const TileRows& rows, const StateTargets& to) noexcept {
  const std::int64_t stride = to.output.stride(3);
  for (int lane = 0; lane < rows.count; ++lane) {
    float* const o =
        numbers_of(to.output) + row_offset(to.output, rows, lane) + from.first_column * stride;
    for (std::int64_t c = 0; c < from.columns; ++c)
      o[c * stride] = from.o[lane * from.lane_stride + c * from.column_stride];
  }
}

void give_sums(const StateRows& from, const TileRows& rows, const StateTargets& to) noexcept {
  for (int lane = 0; lane < rows.count; ++lane) {
    numbers_of(to.log2_max)[row_offset(to.log2_max, rows, lane)] = from.m[lane];
    numbers_of(to.sum)[row_offset(to.sum, rows, lane)] = from.l[lane];
  }
}

}  // namespace fovea::kernels
