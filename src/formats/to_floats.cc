// Blocks to float32: loops of fixed counts over whole blocks, which the compiler vectorises.
// Source: github.com/ggml-org/ggml, ggml-quants.c, dequantize_row_*.
#include <bit>
#include <cassert>
#include <cstring>

#include "fovea/formats/stored_type.h"

namespace fovea::formats {
namespace {

using Byte = unsigned char;

std::uint16_t bits16_at(const Byte* bytes) noexcept {
  std::uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// binary16 to binary32, the same bits as core's to_float, written so that the compiler vectorises it
// (with its branches it does not, and takes ten times as long).
float from_half(std::uint16_t half) noexcept {
  constexpr std::uint32_t kHidden = 1u << 23;
  const std::uint32_t exponent = half & 0x7C00u;
  const std::uint32_t is_small = exponent == 0 ? ~0u : 0u;
  const std::uint32_t is_special = exponent == 0x7C00u ? ~0u : 0u;
  // The exponent's bias becomes 127; that of infinity and NaN becomes 255.
  const std::uint32_t shifted =
      ((half & 0x7FFFu) << 13) + (112u << 23) + (is_special & (112u << 23));
  // A subnormal gets the leading 1 that it lacks, which is then subtracted: exact. Infinity and NaN
  // stay, but that a NaN becomes quiet.
  const float magnitude = std::bit_cast<float>(shifted + (is_small & kHidden)) -
                          std::bit_cast<float>(is_small & (113u << 23));
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(magnitude) & 0x7FFFFFFFu) | sign);
}

float half_at(const Byte* bytes) noexcept {
  return from_half(bits16_at(bytes));
}

void from_f16(const Byte* stored, float* floats, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) floats[i] = half_at(stored + 2 * i);
}

void from_bf16(const Byte* stored, float* floats, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    floats[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits16_at(stored + 2 * i)) << 16);
  }
}

// 32 numbers, 34 bytes: scale, 32 signed bytes.
void from_q8_0(const Byte* block, float* __restrict floats) noexcept {
  const float scale = half_at(block);
  for (int i = 0; i < 32; ++i) {
    floats[i] = static_cast<float>(static_cast<std::int8_t>(block[2 + i])) * scale;
  }
}

// 32 numbers, 18 bytes: scale, 16 bytes of two 4-bit numbers; the low halves come first.
void from_q4_0(const Byte* block, float* __restrict floats) noexcept {
  const float scale = half_at(block);
  for (int i = 0; i < 16; ++i) {
    floats[i] = static_cast<float>((block[2 + i] & 15) - 8) * scale;
  }
  for (int i = 0; i < 16; ++i) {
    floats[16 + i] = static_cast<float>((block[2 + i] >> 4) - 8) * scale;
  }
}

// 32 numbers, 20 bytes: scale, minimum, 16 bytes as in Q4_0.
void from_q4_1(const Byte* block, float* __restrict floats) noexcept {
  const float scale = half_at(block);
  const float minimum = half_at(block + 2);
  for (int i = 0; i < 16; ++i) {
    floats[i] = static_cast<float>(block[4 + i] & 15) * scale + minimum;
    floats[16 + i] = static_cast<float>(block[4 + i] >> 4) * scale + minimum;
  }
}

// The 6-bit scale and minimum of one of a Q4_K block's eight groups, packed in 12 bytes.
struct ScaleAndMinimum {
  int scale;
  int minimum;
};
ScaleAndMinimum unpack(const Byte* packed, int group) noexcept {
  if (group < 4) return {packed[group] & 63, packed[group + 4] & 63};
  return {(packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4,
          (packed[group + 4] >> 4) | (packed[group] >> 6) << 4};
}

// 256 numbers, 144 bytes: scale, scale of the minima, 12 bytes of scales and minima, 128 bytes of
// two 4-bit numbers: each 32 bytes hold two groups, the first in the low halves.
void from_q4_k(const Byte* block, float* __restrict floats) noexcept {
  const float scale = half_at(block);
  const float minimum = half_at(block + 2);
  for (int pair = 0; pair < 4; ++pair) {
    const Byte* const numbers = block + 16 + 32 * pair;
    const ScaleAndMinimum low = unpack(block + 4, 2 * pair);
    const ScaleAndMinimum high = unpack(block + 4, 2 * pair + 1);
    const float low_scale = scale * static_cast<float>(low.scale);
    const float low_minimum = minimum * static_cast<float>(low.minimum);
    const float high_scale = scale * static_cast<float>(high.scale);
    const float high_minimum = minimum * static_cast<float>(high.minimum);
    float* __restrict const target = floats + 64 * pair;
    for (int i = 0; i < 32; ++i) {
      target[i] = low_scale * static_cast<float>(numbers[i] & 15) - low_minimum;
      target[32 + i] = high_scale * static_cast<float>(numbers[i] >> 4) - high_minimum;
    }
  }
}

// 256 numbers, 210 bytes: 128 bytes of low halves, 64 bytes of upper two bits, 16 signed scales,
// one for 16 numbers each, the scale of the scales.
void from_q6_k(const Byte* block, float* __restrict floats) noexcept {
  const float scale = half_at(block + 208);
  for (int part = 0; part < 4; ++part) {  // 64 numbers: 32 and, 64 further on, 32
    const int half = part / 2;
    const int column = part % 2;  // which 32 bytes of the half's 64
    const Byte* const low = block + 64 * half + 32 * column;
    const Byte* const upper = block + 128 + 32 * half;
    const Byte* const scales = block + 192 + 8 * half + 2 * column;
    float* __restrict const target = floats + 128 * half + 32 * column;
    for (int group = 0; group < 2; ++group) {
      const float first = scale * static_cast<float>(static_cast<std::int8_t>(scales[group]));
      const float second = scale * static_cast<float>(static_cast<std::int8_t>(scales[group + 4]));
      for (int i = 16 * group; i < 16 * group + 16; ++i) {
        const int bits = upper[i] >> (2 * column);
        target[i] = first * static_cast<float>(((low[i] & 15) | (bits & 3) << 4) - 32);
        target[64 + i] = second * static_cast<float>(((low[i] >> 4) | (bits & 0x30)) - 32);
      }
    }
  }
}

using BlockToFloats = void (*)(const Byte* block, float* floats) noexcept;

template <BlockToFloats to_floats_of_block>
void from_blocks(BlockSize size, const Byte* stored, std::span<float> floats) noexcept {
  const auto numbers = static_cast<std::size_t>(size.numbers);
  for (std::size_t at = 0; at < floats.size(); at += numbers) {
    to_floats_of_block(stored, floats.data() + at);
    stored += size.bytes;
  }
}

}  // namespace

void to_floats(StoredType type, std::span<const std::byte> stored,
               std::span<float> floats) noexcept {
  const BlockSize size = block_size(type);
  assert(is_weight_type(type));
  assert(static_cast<std::int64_t>(floats.size()) % size.numbers == 0);
  assert(static_cast<std::int64_t>(stored.size()) ==
         static_cast<std::int64_t>(floats.size()) / size.numbers * size.bytes);
  const auto* const bytes = static_cast<const Byte*>(static_cast<const void*>(stored.data()));
  switch (type) {
    case StoredType::f32:
      if (!floats.empty()) std::memcpy(floats.data(), bytes, stored.size());
      return;
    case StoredType::f16:
      return from_f16(bytes, floats.data(), floats.size());
    case StoredType::bf16:
      return from_bf16(bytes, floats.data(), floats.size());
    case StoredType::q8_0:
      return from_blocks<from_q8_0>(size, bytes, floats);
    case StoredType::q4_0:
      return from_blocks<from_q4_0>(size, bytes, floats);
    case StoredType::q4_1:
      return from_blocks<from_q4_1>(size, bytes, floats);
    case StoredType::q4_k:
      return from_blocks<from_q4_k>(size, bytes, floats);
    case StoredType::q6_k:
      return from_blocks<from_q6_k>(size, bytes, floats);
    default:
      return;
  }
}

}  // namespace fovea::formats
