// Are two answers the same, bit for bit, with every NaN equal to every other? And a number that tells answers apart.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "fovea/engine/attend.h"

namespace fovea::same_bits {

/// The bits of element `at` (in elements from `data`); one pattern for every NaN.
inline std::uint32_t bits_at(const TensorView& view, std::int64_t at) {
  constexpr std::uint32_t kNaN = 0x7FC00000;
  switch (view.dtype()) {
    case DType::f16: {
      const Float16 number = static_cast<const Float16*>(view.data())[at];
      return std::isnan(to_float(number)) ? kNaN : number.bits;
    }
    case DType::bf16: {
      const BFloat16 number = static_cast<const BFloat16*>(view.data())[at];
      return std::isnan(to_float(number)) ? kNaN : number.bits;
    }
    default: {
      const float number = static_cast<const float*>(view.data())[at];
      return std::isnan(number) ? kNaN : std::bit_cast<std::uint32_t>(number);
    }
  }
}

/// Both contiguous.
inline bool same(const TensorView& a, const TensorView& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  for (std::int64_t i = 0; i < a.element_count(); ++i)
    if (bits_at(a, i) != bits_at(b, i)) return false;
  return true;
}

/// The part of two answers that differs, "" when none does.
inline const char* difference(const Attended& a, const Attended& b) {
  if (!same(a.output, b.output)) return "output";
  if (!same(a.log_sum_exp, b.log_sum_exp)) return "log_sum_exp";
  if (!same(a.row_max, b.row_max)) return "row_max";
  if (!same(a.row_sum, b.row_sum)) return "row_sum";
  return a.empty_rows == b.empty_rows ? "" : "empty_rows";
}

/// FNV-1a over the bytes of all elements, lowest first; contiguous.
class Hash {
 public:
  void add(const TensorView& view) {
    for (std::int64_t i = 0; i < view.element_count(); ++i) add(bits_at(view, i));
  }
  void add(std::uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) {
      value_ ^= word >> shift & 0xFFU;
      value_ *= 0x100000001B3;
    }
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325;
};

}  // namespace fovea::same_bits
