// Somebody else's array, looked at: data, element type, sizes and strides. Passed by value.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include "fovea/core/dtype.h"
#include "fovea/core/shape.h"

namespace fovea {

/// A strided array that the view does not own: it must outlive the view. Strides are in elements; 0
/// (broadcast) and negative strides are allowed. A default-constructed view means "not given".
class TensorView {
 public:
  TensorView() = default;

  /// A row-major array without gaps. Throws Error{invalid_argument} when the sizes are negative or
  /// their product overflows. The data may be null: whoever reads it checks (attend does).
  template <typename T>
  TensorView(const T* data, const Shape& sizes)
      : TensorView(data, dtype_of<T>, sizes, contiguous_strides(sizes)) {}

  /// Any strides, in elements; `strides` has as many entries as `sizes`. `data` points at element
  /// [0, 0, ...].
  template <typename T>
  TensorView(const T* data, const Shape& sizes, const Shape& strides)
      : TensorView(data, dtype_of<T>, sizes, strides) {}

  /// The element type chosen at run time.
  TensorView(const void* data, DType type, const Shape& sizes, const Shape& strides);

  bool given() const noexcept { return given_; }
  const void* data() const noexcept { return data_; }
  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return sizes_; }
  const Shape& strides() const noexcept { return strides_; }
  int rank() const noexcept { return sizes_.rank(); }
  std::int64_t size(int axis) const noexcept { return sizes_[axis]; }
  std::int64_t stride(int axis) const noexcept { return strides_[axis]; }
  std::int64_t element_count() const { return sizes_.element_count(); }

  /// True when the elements lie row-major without gaps (axes of size 1 do not count), and when
  /// there are none.
  bool is_contiguous() const noexcept;

  /// True when all offsets of elements, in bytes, fit in 63 bits: memory can hold the view at all.
  bool is_within_addresses() const noexcept;

  /// The element at the given index, one number an axis. T must be the view's type.
  template <typename T, std::integral... Index>
  const T& at(Index... index) const noexcept {
    assert(dtype_ == dtype_of<T> && sizeof...(index) == static_cast<std::size_t>(rank()));
    std::int64_t offset = 0;
    int axis = 0;
    ((offset += static_cast<std::int64_t>(index) * strides_[axis++]), ...);
    return static_cast<const T*>(data_)[offset];
  }

  /// The number at the given index, whatever the view's floating type; exact.
  template <std::integral... Index>
  double number_at(Index... index) const noexcept {
    assert(sizeof...(index) == static_cast<std::size_t>(rank()));
    std::int64_t offset = 0;
    int axis = 0;
    ((offset += static_cast<std::int64_t>(index) * strides_[axis++]), ...);
    return number_at_offset(offset);
  }

  /// The same data with its axes in another order: `permuted({0, 2, 1, 3})` makes [batch, heads,
  /// tokens, size] of [batch, tokens, heads, size]. Throws when `order` is not a permutation of the
  /// axes.
  TensorView permuted(const Shape& order) const;

  /// `count` entries of `axis` from `first`. Throws when they are not all there.
  TensorView sliced(int axis, std::int64_t first, std::int64_t count) const;

  /// The same data with `count` more leading axes of size 1, stride 0. Throws when there is no room
  /// for them.
  TensorView with_leading_axes(int count) const;
  TensorView with_leading_axis() const { return with_leading_axes(1); }

  /// numpy's broadcast to `sizes`: missing leading axes and axes of size 1 get stride 0. Throws
  /// when it cannot be.
  TensorView broadcast_to(const Shape& sizes) const;

 private:
  double number_at_offset(std::int64_t offset) const noexcept;

  const void* data_ = nullptr;
  DType dtype_ = DType::f32;
  bool given_ = false;
  Shape sizes_;
  Shape strides_;
};

/// A view through which the elements may also be written.
class MutableTensorView : public TensorView {
 public:
  MutableTensorView() = default;
  // clang-format off: version 14 puts what follows `requires` on its line.
  template <typename T>
  requires(!std::is_const_v<T>) MutableTensorView(T* data, const Shape& sizes)
      : TensorView(data, sizes) {}
  template <typename T>
  requires(!std::is_const_v<T>) MutableTensorView(T* data, const Shape& sizes, const Shape& strides)
      : TensorView(data, sizes, strides) {}
  // clang-format on
  MutableTensorView(void* data, DType type, const Shape& sizes, const Shape& strides)
      : TensorView(data, type, sizes, strides) {}

  void* mutable_data() const noexcept { return const_cast<void*>(data()); }
};

}  // namespace fovea
