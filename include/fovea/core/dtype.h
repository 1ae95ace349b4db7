// Element types of tensors, and the two 16-bit floats that C++20 lacks.
#pragma once

#include <cstdint>
#include <string_view>

namespace fovea {

// clang-format off
enum class DType : std::uint8_t { f32, f64, f16, bf16, boolean, i8, i16, i32, i64, u8, u16, u32, u64 };
// clang-format on

/// IEEE binary16, as bits. Convert with to_float and to_float16.
struct Float16 {
  std::uint16_t bits = 0;
  friend bool operator==(Float16, Float16) = default;
};

/// bfloat16 (the upper half of a binary32), as bits. Convert with to_float and to_bfloat16.
struct BFloat16 {
  std::uint16_t bits = 0;
  friend bool operator==(BFloat16, BFloat16) = default;
};

/// Returns the exact value. NaN stays NaN (quiet, payload kept).
float to_float(Float16 value) noexcept;
float to_float(BFloat16 value) noexcept;

/// Returns the nearest value, ties to even; too large becomes infinity; NaN stays NaN.
Float16 to_float16(float value) noexcept;
BFloat16 to_bfloat16(float value) noexcept;

/// Bytes of one element.
constexpr std::int64_t size_of(DType type) noexcept {
  switch (type) {
    case DType::boolean:
    case DType::i8:
    case DType::u8:
      return 1;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16:
      return 2;
    case DType::f32:
    case DType::i32:
    case DType::u32:
      return 4;
    case DType::f64:
    case DType::i64:
    case DType::u64:
      return 8;
  }
  return 0;
}

/// Returns "f32", "bf16", "bool", "i64", ...
std::string_view name_of(DType type) noexcept;

/// True for f32, f64, f16 and bf16.
bool is_floating(DType type) noexcept;

/// The DType of a C++ element type: `dtype_of<float> == DType::f32`.
template <typename T>
struct DTypeOf;
// clang-format off
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<Float16> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<BFloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::boolean; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::i8; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::i16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<std::uint16_t> { static constexpr DType value = DType::u16; };
template <> struct DTypeOf<std::uint32_t> { static constexpr DType value = DType::u32; };
template <> struct DTypeOf<std::uint64_t> { static constexpr DType value = DType::u64; };
// clang-format on
template <typename T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace fovea
