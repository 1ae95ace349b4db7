// Single elements of tensors as floats, and back.
#pragma once

#include <bit>
#include <cstdint>

#include "fovea/core/dtype.h"

namespace fovea::kernels {

/// The exact value.
inline float as_float(float value) noexcept {
  return value;
}
inline float as_float(BFloat16 value) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
inline float as_float(Float16 value) noexcept {
  return to_float(value);
}

/// Writes the nearest number of `type` (f32, bf16 or f16) to element `at` of `data`. Every zero
/// becomes +0.
inline void store_number(float number, DType type, void* data, std::int64_t at) noexcept {
  if (type == DType::f32) {
    static_cast<float*>(data)[at] = number + 0.0F;
    return;
  }
  const std::uint16_t bits =
      type == DType::bf16 ? to_bfloat16(number).bits : to_float16(number).bits;
  static_cast<std::uint16_t*>(data)[at] = bits == 0x8000 ? std::uint16_t{0} : bits;
}

}  // namespace fovea::kernels
