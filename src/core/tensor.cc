// Allocation and copies of owned tensors.
#include "fovea/core/tensor.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "fovea/core/error.h"

namespace fovea {
namespace {

constexpr std::size_t kAlignment = 64;

// Copies the elements of `view` in row-major order to `target`.
void gather(const TensorView& view, std::byte* target) {
  const std::int64_t element = size_of(view.dtype());
  const std::byte* source = static_cast<const std::byte*>(view.data());
  const int rank = view.rank();
  std::array<std::int64_t, kMaxRank> index{};
  const std::int64_t count = view.element_count();
  for (std::int64_t done = 0; done < count; ++done) {
    std::int64_t offset = 0;
    for (int axis = 0; axis < rank; ++axis)
      offset += index[static_cast<std::size_t>(axis)] * view.stride(axis);
    std::memcpy(target + done * element, source + offset * element,
                static_cast<std::size_t>(element));
    for (int axis = rank - 1; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < view.size(axis)) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
}

}  // namespace

void Tensor::Free::operator()(std::byte* data) const noexcept {
  std::free(data);
}

Tensor Tensor::uninitialized(DType type, const Shape& sizes) {
  Tensor tensor;
  tensor.dtype_ = type;
  tensor.sizes_ = sizes;
  tensor.count_ = sizes.element_count();
  std::int64_t bytes = 0;
  std::byte* data = nullptr;
  if (!__builtin_mul_overflow(tensor.count_, size_of(type), &bytes) && bytes < INT64_MAX - 64) {
    const std::size_t rounded =
        (static_cast<std::size_t>(bytes) + kAlignment - 1) / kAlignment * kAlignment;
    data = static_cast<std::byte*>(std::aligned_alloc(kAlignment, std::max(rounded, kAlignment)));
  }
  if (data == nullptr) {
    throw Error(ErrorKind::out_of_memory,
                fmt::format("out of memory: a tensor {} of {} needs {} elements of {} bytes",
                            to_string(sizes), name_of(type), tensor.count_, size_of(type)));
  }
  tensor.data_.reset(data);
  return tensor;
}

Tensor::Tensor(DType type, const Shape& sizes) {
  *this = uninitialized(type, sizes);
  std::memset(data_.get(), 0, bytes().size());
}

Tensor Tensor::from_bytes(DType type, const Shape& sizes, std::span<const std::byte> bytes) {
  Tensor tensor = uninitialized(type, sizes);
  if (bytes.size() != tensor.bytes().size()) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("tensor: {} values given for {}, which takes {}",
                            bytes.size() / static_cast<std::size_t>(size_of(type)),
                            to_string(sizes), tensor.count_));
  }
  if (!bytes.empty()) std::memcpy(tensor.data_.get(), bytes.data(), bytes.size());
  return tensor;
}

Tensor Tensor::copy_of(const TensorView& view) {
  Tensor tensor = uninitialized(view.dtype(), view.shape());
  if (tensor.count_ == 0) return tensor;
  if (view.is_contiguous()) {
    std::memcpy(tensor.data_.get(), view.data(), tensor.bytes().size());
  } else {
    gather(view, tensor.data_.get());
  }
  return tensor;
}

std::span<const std::byte> Tensor::bytes() const noexcept {
  return {data_.get(), static_cast<std::size_t>(count_ * size_of(dtype_))};
}

std::span<std::byte> Tensor::bytes() noexcept {
  return {data_.get(), static_cast<std::size_t>(count_ * size_of(dtype_))};
}

}  // namespace fovea
