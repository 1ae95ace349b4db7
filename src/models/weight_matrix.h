// A linear layer's weight as a file stores it, used where it lies: expanded by panels that stay in
// the cache, and multiplied by CBLAS.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/formats/checkpoint.h"
#include "kernels/quantized_rows.h"

namespace fovea::models {

/// Which axis of the stored matrix is the output's.
enum class WeightAxes : std::uint8_t {
  out_in,  ///< [out_features, in_features], as torch.nn.Linear
  in_out,  ///< [in_features, out_features], as GPT-2's Conv1D
};

/// x · Wᵀ + bias. Immutable; what the stored tensors lie in must outlive it.
class WeightMatrix {
 public:
  WeightMatrix() = default;
  /// `weight` is a matrix of a weight type (formats::is_weight_type), the bias [out_features] or
  /// nullptr: the caller has checked shapes. in_out must be F32, F16 or BF16.
  explicit WeightMatrix(const formats::StoredTensor& weight,
                        const formats::StoredTensor* bias = nullptr,
                        WeightAxes axes = WeightAxes::out_in);
  /// The same, of memory that outlives it; the bias may be not given. f32.
  explicit WeightMatrix(const TensorView& weight, const TensorView& bias = {});

  std::int64_t out_features() const noexcept { return out_; }
  std::int64_t in_features() const noexcept { return in_; }

  /// Returns [rows, out_features] f32 of x [rows, in_features] f32, contiguous. `threads` is
  /// resolved. The sums' order is the BLAS library's (of one row of quantised blocks our own), and
  /// depends on the number of rows alone.
  Tensor multiply(const TensorView& x, int threads) const;

  /// x · W[:, first .. first + count)ᵀ of one row, without the bias: what a part of the inputs adds.
  /// [out_features] f32 of x [count].
  Tensor multiply_part(std::span<const float> x, std::int64_t first) const;

  /// What makes outputs [first, first + count): [count, in_features] f32.
  Tensor outputs(std::int64_t first, std::int64_t count) const;
  /// Their biases; empty without any.
  std::vector<float> biases(std::int64_t first, std::int64_t count) const;

  /// Row `index` of an out_in matrix as float32: an embedding.
  void row(std::int64_t index, std::span<float> floats) const noexcept;

 private:
  struct Operands {
    const float* x;
    float* y;
    std::int64_t rows;
  };
  struct Panel {
    std::int64_t first;
    std::int64_t count;
  };
  bool is_in_place() const noexcept;
  const float* panel(std::int64_t first, std::int64_t count, float* memory) const noexcept;
  void multiply_blocks(kernels::QuantizedBlock block, const float* x, float* y, int threads) const;
  void multiply_panel(const Operands& operands, const Panel& at, float* memory) const noexcept;

  formats::StoredType type_ = formats::StoredType::f32;
  WeightAxes axes_ = WeightAxes::out_in;
  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
  std::span<const std::byte> stored_;
  std::span<const float> bias_;
  Tensor own_weight_;  // where an in_out matrix is not f32
  Tensor own_bias_;    // likewise
};

}  // namespace fovea::models
