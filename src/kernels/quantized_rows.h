// One row of numbers times many rows of quantised weights, read as they are stored: what each token
// of a text that is being generated waits for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fovea::kernels {

/// How 32 numbers are stored: GGUF's blocks of the same names.
/// Source: github.com/ggml-org/ggml, ggml-common.h.
enum class QuantizedBlock : std::uint8_t { q4_0, q4_1, q8_0 };

/// [rows, columns], row after row; columns are a multiple of 32.
struct QuantizedRows {
  QuantizedBlock block;
  const std::byte* data;
  std::int64_t rows;
  std::int64_t columns;
};

/// y[i] = sum over j of weights[i][j] · x[j]. The weights are those that formats::to_floats gives, to
/// the bit; the sums' order depends on the instruction set.
void multiply_quantized(const QuantizedRows& weights, const float* x, float* y) noexcept;

}  // namespace fovea::kernels
