// An array that owns its memory: row-major, without gaps, aligned to 64 bytes.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>

#include "fovea/core/tensor_view.h"

namespace fovea {

/// Move-only; `copy_of` copies. Views of it die with it.
class Tensor {
 public:
  Tensor() = default;

  /// Zeros. Throws Error{out_of_memory} with the size asked for, Error{invalid_argument} for
  /// impossible sizes.
  Tensor(DType type, const Shape& sizes);

  /// Memory as it comes: for results that are about to be written whole. Throws as the constructor.
  static Tensor uninitialized(DType type, const Shape& sizes);

  /// A copy of `values` in row-major order: `Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})`. Throws
  /// when their number is not the product of the sizes.
  template <typename T>
  static Tensor of(const Shape& sizes, std::initializer_list<T> values) {
    return of(sizes, std::span<const T>(values.begin(), values.size()));
  }
  template <typename T>
  static Tensor of(const Shape& sizes, std::span<const T> values) {
    return from_bytes(dtype_of<T>, sizes, std::as_bytes(values));
  }

  /// A row-major copy of any view, of the same type.
  static Tensor copy_of(const TensorView& view);

  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return sizes_; }
  int rank() const noexcept { return sizes_.rank(); }
  std::int64_t size(int axis) const noexcept { return sizes_[axis]; }
  std::int64_t element_count() const noexcept { return count_; }
  std::span<const std::byte> bytes() const noexcept;
  std::span<std::byte> bytes() noexcept;

  /// The elements in row-major order. T must be the tensor's type.
  template <typename T>
  std::span<T> values() noexcept {
    assert(dtype_ == dtype_of<T>);
    return {static_cast<T*>(static_cast<void*>(data_.get())), static_cast<std::size_t>(count_)};
  }
  template <typename T>
  std::span<const T> values() const noexcept {
    assert(dtype_ == dtype_of<T>);
    return {static_cast<const T*>(static_cast<const void*>(data_.get())),
            static_cast<std::size_t>(count_)};
  }

  TensorView view() const { return {data_.get(), dtype_, sizes_, contiguous_strides(sizes_)}; }
  MutableTensorView mutable_view() {
    return {data_.get(), dtype_, sizes_, contiguous_strides(sizes_)};
  }
  // A tensor is looked at freely.
  operator TensorView() const& { return view(); }  // NOLINT(google-explicit-constructor)
  operator TensorView() const&& = delete;          // the view would outlive it

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  static Tensor from_bytes(DType type, const Shape& sizes, std::span<const std::byte> bytes);

  std::unique_ptr<std::byte[], Free> data_;
  DType dtype_ = DType::f32;
  std::int64_t count_ = 0;
  Shape sizes_{0};
};

}  // namespace fovea
