// Panels of outputs are expanded to float32 into memory that stays in the second-level cache, and
// CBLAS multiplies them while they are there: a quantised model is read once a call, at its own
// size. A single row is multiplied by the blocks as they are, where there is a kernel for them. Panels
// are dealt to the library's threads; CBLAS itself runs on one.
#include "models/weight_matrix.h"

#include <cblas.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "fovea/core/parallel.h"
#include "kernels/quantized_rows.h"
#include "nn/blas.h"

namespace fovea::models {
namespace {

// Outputs of a panel. CBLAS packs the whole x anew for each panel, so of many rows panels are wide;
// for a single row, and to expand, they are what stays in the nearer caches.
constexpr std::int64_t kNarrowPanel = 128;
constexpr std::int64_t kWidePanel = 512;
// Of blocks that are not expanded: so few that two threads end at nearly the same time.
constexpr std::int64_t kBlockPanel = 64;
// Rows of a task.
constexpr std::int64_t kRows = 512;

// The blocks that need not be expanded to be multiplied by one row.
std::optional<kernels::QuantizedBlock> block_of(formats::StoredType type) noexcept {
  switch (type) {
    case formats::StoredType::q4_0:
      return kernels::QuantizedBlock::q4_0;
    case formats::StoredType::q4_1:
      return kernels::QuantizedBlock::q4_1;
    case formats::StoredType::q8_0:
      return kernels::QuantizedBlock::q8_0;
    default:
      return std::nullopt;
  }
}

// A quarter of the outputs, so that a few threads have work, in whole vectors.
std::int64_t panel_of(std::int64_t rows, std::int64_t out) noexcept {
  if (rows < 16) return kNarrowPanel;
  return std::clamp<std::int64_t>((out / 4 + 15) / 16 * 16, kNarrowPanel / 2, kWidePanel);
}

bool is_aligned(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0;
}

std::span<const float> as_floats(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

Tensor expanded(const formats::StoredTensor& stored) {
  Tensor floats = Tensor::uninitialized(DType::f32, stored.shape);
  formats::to_floats(stored.type, stored.bytes, floats.values<float>());
  return floats;
}

std::int64_t row_bytes(formats::StoredType type, std::int64_t numbers) noexcept {
  const formats::BlockSize block = formats::block_size(type);
  return numbers / block.numbers * block.bytes;
}

}  // namespace

WeightMatrix::WeightMatrix(const formats::StoredTensor& weight, const formats::StoredTensor* bias,
                           WeightAxes axes)
    : type_(weight.type), axes_(axes), stored_(weight.bytes) {
  const bool is_out_in = axes == WeightAxes::out_in;
  out_ = weight.shape[is_out_in ? 0 : 1];
  in_ = weight.shape[is_out_in ? 1 : 0];
  if (!is_out_in && (type_ != formats::StoredType::f32 || !is_aligned(stored_))) {
    own_weight_ = expanded(weight);
    stored_ = own_weight_.bytes();
    type_ = formats::StoredType::f32;
  }
  if (bias == nullptr) return;
  if (bias->type == formats::StoredType::f32 && is_aligned(bias->bytes)) {
    bias_ = as_floats(bias->bytes);
  } else {
    own_bias_ = expanded(*bias);
    bias_ = own_bias_.values<float>();
  }
}

WeightMatrix::WeightMatrix(const TensorView& weight, const TensorView& bias)
    : out_(weight.size(0)),
      in_(weight.size(1)),
      stored_(static_cast<const std::byte*>(weight.data()),
              static_cast<std::size_t>(weight.element_count()) * sizeof(float)) {
  if (bias.given()) {
    bias_ = {static_cast<const float*>(bias.data()), static_cast<std::size_t>(bias.size(0))};
  }
}

bool WeightMatrix::is_in_place() const noexcept {
  return type_ == formats::StoredType::f32 && is_aligned(stored_);
}

const float* WeightMatrix::panel(std::int64_t first, std::int64_t count,
                                 float* memory) const noexcept {
  const std::int64_t bytes = row_bytes(type_, in_);
  const auto stored = stored_.subspan(static_cast<std::size_t>(first * bytes),
                                      static_cast<std::size_t>(count * bytes));
  if (is_in_place()) return as_floats(stored).data();
  formats::to_floats(type_, stored, {memory, static_cast<std::size_t>(count * in_)});
  return memory;
}

// y[:, first .. first + count) of the rows. [rows, out] is the whole y.
void WeightMatrix::multiply_panel(const Operands& operands, const Panel& at,
                                  float* memory) const noexcept {
  const auto [first, count] = at;
  float* const y = operands.y + first;
  for (std::int64_t row = 0; row < operands.rows && !bias_.empty(); ++row)
    std::copy_n(bias_.data() + first, count, y + row * out_);
  const float beta = bias_.empty() ? 0 : 1;
  const auto rows = static_cast<int>(operands.rows);
  const auto columns = static_cast<int>(count);
  const auto in = static_cast<int>(in_);
  const auto out = static_cast<int>(out_);
  if (axes_ == WeightAxes::in_out) {
    const nn::BlasTurn turn;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, in, 1, operands.x, in,
                as_floats(stored_).data() + first, out, beta, y, out);
    return;
  }
  const float* const weight = panel(first, count, memory);
  const nn::BlasTurn turn;
  if (rows == 1) {
    cblas_sgemv(CblasRowMajor, CblasNoTrans, columns, in, 1, weight, in, operands.x, 1, beta, y, 1);
  } else {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, in, 1, operands.x, in,
                weight, in, beta, y, out);
  }
}

// One row, blocks as they are.
void WeightMatrix::multiply_blocks(kernels::QuantizedBlock block, const float* x, float* y,
                                   int threads) const {
  const std::int64_t tasks = (out_ + kBlockPanel - 1) / kBlockPanel;
  const std::int64_t bytes = row_bytes(type_, in_);
  parallel_for(tasks, threads, {}, [&](std::int64_t task, int) noexcept {
    const std::int64_t first = task * kBlockPanel;
    const std::int64_t count = std::min(kBlockPanel, out_ - first);
    kernels::multiply_quantized({block, stored_.data() + first * bytes, count, in_}, x, y + first);
    for (std::int64_t i = first; i < first + count && !bias_.empty(); ++i)
      y[i] += bias_[static_cast<std::size_t>(i)];
  });
}

Tensor WeightMatrix::multiply(const TensorView& x, int threads) const {
  const std::int64_t rows = x.size(0);
  Tensor y = Tensor::uninitialized(DType::f32, {rows, out_});
  if (const auto block = block_of(type_); rows == 1 && block) {
    multiply_blocks(*block, static_cast<const float*>(x.data()), y.values<float>().data(), threads);
    return y;
  }
  const std::int64_t panel = panel_of(rows, out_);
  const std::int64_t chunks = (rows + kRows - 1) / kRows;
  const std::int64_t tasks = (out_ + panel - 1) / panel * chunks;
  const auto workers = static_cast<int>(std::min<std::int64_t>(threads, tasks));
  nn::require_blas_memory(workers);
  const std::int64_t floats =
      is_in_place() || axes_ == WeightAxes::in_out ? 0 : std::min(panel, out_) * in_;
  Tensor memory = Tensor::uninitialized(DType::f32, {std::max(workers, 1), floats});
  const auto* const from = static_cast<const float*>(x.data());
  float* const to = y.values<float>().data();
  float* const scratch = memory.values<float>().data();
  parallel_for(tasks, workers, {}, [&](std::int64_t task, int worker) noexcept {
    const std::int64_t first = task / chunks * panel;
    const std::int64_t row = task % chunks * kRows;
    multiply_panel({from + row * in_, to + row * out_, std::min(kRows, rows - row)},
                   {first, std::min(panel, out_ - first)}, scratch + worker * floats);
  });
  return y;
}

Tensor WeightMatrix::multiply_part(std::span<const float> x, std::int64_t first) const {
  nn::require_blas_memory(1);
  Tensor y = Tensor::uninitialized(DType::f32, {out_});
  const auto count = static_cast<int>(x.size());
  const nn::BlasTurn turn;
  if (axes_ == WeightAxes::in_out) {
    cblas_sgemv(CblasRowMajor, CblasTrans, count, static_cast<int>(out_), 1,
                as_floats(stored_).data() + first * out_, static_cast<int>(out_), x.data(), 1, 0,
                y.values<float>().data(), 1);
    return y;
  }
  Tensor memory = Tensor::uninitialized(DType::f32, {is_in_place() ? 0 : kNarrowPanel, in_});
  for (std::int64_t row = 0; row < out_; row += kNarrowPanel) {
    const std::int64_t rows = std::min(kNarrowPanel, out_ - row);
    const float* const weight = panel(row, rows, memory.values<float>().data());
    cblas_sgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(rows), count, 1, weight + first,
                static_cast<int>(in_), x.data(), 1, 0, y.values<float>().data() + row, 1);
  }
  return y;
}

Tensor WeightMatrix::outputs(std::int64_t first, std::int64_t count) const {
  Tensor rows = Tensor::uninitialized(DType::f32, {count, in_});
  const std::span<float> to = rows.values<float>();
  const auto size = static_cast<std::size_t>(in_);
  if (axes_ == WeightAxes::out_in) {
    for (std::int64_t i = 0; i < count; ++i)
      row(first + i, to.subspan(static_cast<std::size_t>(i) * size, size));
    return rows;
  }
  const std::span<const float> from = as_floats(stored_);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < in_; ++j) {
      to[static_cast<std::size_t>(i * in_ + j)] =
          from[static_cast<std::size_t>(j * out_ + first + i)];
    }
  }
  return rows;
}

std::vector<float> WeightMatrix::biases(std::int64_t first, std::int64_t count) const {
  if (bias_.empty()) return {};
  const auto part = bias_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  return {part.begin(), part.end()};
}

void WeightMatrix::row(std::int64_t index, std::span<float> floats) const noexcept {
  const std::int64_t bytes = row_bytes(type_, in_);
  formats::to_floats(
      type_,
      stored_.subspan(static_cast<std::size_t>(index * bytes), static_cast<std::size_t>(bytes)),
      floats);
}

}  // namespace fovea::models
