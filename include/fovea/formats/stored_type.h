// How a file stores the numbers of a tensor, block-quantised types among them, and how they become
// float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fovea::formats {

/// Plain numbers, and ggml's blocks: numbers that share a scale (and a minimum).
// clang-format off
enum class StoredType : std::uint8_t {
  f32, f64, f16, bf16, boolean, i8, i16, i32, i64, u8, u16, u32, u64, f8_e4m3, f8_e5m2,
  q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, q8_k,
};
// clang-format on

/// "F32", "Q4_K", as files and people write them.
std::string_view name_of(StoredType type) noexcept;

/// Numbers that are stored together and the bytes that they take: 1 and 4 for F32, 32 and 20 for
/// Q4_1. A row of a tensor holds whole blocks.
struct BlockSize {
  std::int64_t numbers = 1;
  std::int64_t bytes = 0;
};
BlockSize block_size(StoredType type) noexcept;

/// True for the types that `to_floats` reads: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K.
bool is_weight_type(StoredType type) noexcept;

/// Writes the numbers of whole blocks as float32, each as ggml's reference computes it, to the bit
/// (a product and a sum, rounded separately). `stored` may lie at any address; it has
/// floats.size() / block_size(type).numbers blocks, and `type` is a weight type: both the caller's
/// duty. Thread-safe, allocates nothing; about a nanosecond for five numbers (F16: two).
/// Source: github.com/ggml-org/ggml, ggml-quants.c, dequantize_row_*; Python's gguf.quants.
void to_floats(StoredType type, std::span<const std::byte> stored,
               std::span<float> floats) noexcept;

}  // namespace fovea::formats
