// The rows of K and V that a key block needs, as the kernel reads them: in place where it can, else
// made plain f32 in scratch.
#if defined(FOVEA_KERNELS_BLOCK_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_BLOCK_ROWS_INL_H_
#undef FOVEA_KERNELS_BLOCK_ROWS_INL_H_
#else
#define FOVEA_KERNELS_BLOCK_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/key_block-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/prefill.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// Where the rows of K or V are made plain, if they are not read in place.
struct Copy {
  float* data;  // [128][stride], or null
  std::int64_t stride;
};

// Rows [first, last) of the key block at `key`, counted from its first key.
struct BlockRows {
  std::int64_t key;
  std::int64_t first;
  std::int64_t last;
};

inline PlainRows plain_rows(const TensorView& view, const TaskPlace& place, const BlockRows& rows,
                            const Copy& copy) {
  const std::int64_t offset =
      place.batch * view.stride(0) + place.key_head * view.stride(1) + rows.key * view.stride(2);
  const std::byte* const from =
      static_cast<const std::byte*>(view.data()) + offset * size_of(view.dtype());
  if (copy.data == nullptr) return {reinterpret_cast<const float*>(from), view.stride(2)};
  for (std::int64_t j = rows.first; j < rows.last; ++j) {
    widen({.data = from + j * view.stride(2) * size_of(view.dtype()),
           .type = view.dtype(),
           .stride = view.stride(3)},
          view.size(3), copy.data + j * copy.stride);
  }
  return {copy.data, copy.stride};
}

// The same of keys packed by blocks: [head_size][128] turned into rows.
inline PlainRows unpacked_rows(const TensorView& packed, const TaskPlace& place,
                               const BlockRows& rows, const Copy& copy) {
  const FloatTag tag;
  const std::int64_t offset = place.batch * packed.stride(0) + place.key_head * packed.stride(1) +
                              rows.key / kBlockKeys * packed.stride(2);
  const std::byte* const from =
      static_cast<const std::byte*>(packed.data()) + offset * size_of(packed.dtype());
  HWY_ALIGN float wide[kVectorRows][kBlockKeys] = {};
  for (std::int64_t d = 0; d < packed.size(3); d += kVectorRows) {
    const int count = static_cast<int>(std::min<std::int64_t>(kVectorRows, packed.size(3) - d));
    for (int i = 0; i < count; ++i) {
      widen({.data = from + (d + i) * kBlockKeys * size_of(packed.dtype()),
             .type = packed.dtype(),
             .stride = 1},
            rows.last, wide[i]);
    }
    for (std::int64_t j = rows.first / kVectorRows * kVectorRows; j < rows.last; j += kVectorRows) {
      Vectors<kVectorRows> t;
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) t[i] = hn::Load(tag, wide[i] + j);
      transpose(t);
      const std::int64_t last = std::min<std::int64_t>(rows.last, j + kVectorRows);
      for (std::int64_t k = j; k < last; ++k)
        hn::StoreU(t[k - j], tag, copy.data + k * copy.stride + d);
    }
  }
  return {copy.data, copy.stride};
}

// The key block's keys, of whichever form.
inline PlainRows key_rows(const ValidAttention& problem, const TaskPlace& place,
                          const BlockRows& rows, const Copy& copy) {
  return problem.packed_key.given() ? unpacked_rows(problem.packed_key, place, rows, copy)
                                    : plain_rows(problem.key, place, rows, copy);
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
