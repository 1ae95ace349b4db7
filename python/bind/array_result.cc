// Tensors of ours, given out as arrays.
#include <nanobind/ndarray.h>

#include <array>
#include <utility>

#include "bind/array.h"

namespace fovea::bind {
namespace {

using Owner = std::shared_ptr<const void>;

dlpack::DataType dlpack_type(DType type) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(type));
  switch (type) {
    case DType::f32:
    case DType::f64:
    case DType::f16:
      return {dlpack::kFloat, bits, 1};
    case DType::bf16:
      return {dlpack::kBfloat, bits, 1};
    case DType::boolean:
      return {dlpack::kBool, bits, 1};
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
      return {dlpack::kInt, bits, 1};
    default:
      return {dlpack::kUnsigned, bits, 1};
  }
}

// A tensor on its way to another library. Whoever has it calls the deleter, with or without the GIL.
struct Exported {
  dlpack::ManagedTensor managed;
  Owner owner;
  Shape sizes;
  Shape strides;
};

dlpack::ManagedTensor* exported(const Tensor& tensor, Owner owner) {
  auto* out = new Exported{.managed = {},
                           .owner = std::move(owner),
                           .sizes = tensor.shape(),
                           .strides = contiguous_strides(tensor.shape())};
  out->managed = {
      .version = {dlpack::kMajorVersion, 0},
      .context = out,
      .deleter = [](dlpack::ManagedTensor* self) { delete static_cast<Exported*>(self->context); },
      .flags = 0,
      .tensor = {.data = const_cast<std::byte*>(tensor.bytes().data()),
                 .device = {dlpack::kCpu, 0},
                 .rank = tensor.rank(),
                 .type = dlpack_type(tensor.dtype()),
                 .sizes = &out->sizes[0],
                 .strides = &out->strides[0],
                 .byte_offset = 0}};
  return &out->managed;
}

nb::object to_exchange(const Tensor& tensor, Owner owner, const dlpack::ExchangeApi& api) {
  void* object = nullptr;
  if (api.managed_to_object(exported(tensor, std::move(owner)), &object) != 0)
    throw nb::python_error();
  return nb::steal(static_cast<PyObject*>(object));
}

// The tensor as nanobind's array of some framework, whose numbers are said to be of type `as`.
template <typename Framework>
nb::object to_framework(const Tensor& tensor, Owner owner, DType as) {
  auto* kept = new Owner(std::move(owner));
  const nb::capsule capsule(kept,
                            [](void* pointer) noexcept { delete static_cast<Owner*>(pointer); });
  std::array<std::size_t, kMaxRank> sizes{};
  for (int axis = 0; axis < tensor.rank(); ++axis)
    sizes[static_cast<std::size_t>(axis)] = static_cast<std::size_t>(tensor.size(axis));
  const dlpack::DataType type = dlpack_type(as);
  const nb::ndarray<Framework> array(const_cast<std::byte*>(tensor.bytes().data()),
                                     static_cast<std::size_t>(tensor.rank()), sizes.data(), capsule,
                                     nullptr, nb::dlpack::dtype{type.code, type.bits, type.lanes});
  return nb::cast(array);
}

nb::object to_numpy(const Tensor& tensor, Owner owner, const nb::object& bfloat16) {
  if (tensor.dtype() != DType::bf16)
    return to_framework<nb::numpy>(tensor, std::move(owner), tensor.dtype());
  const nb::object bits = to_framework<nb::numpy>(tensor, std::move(owner), DType::u16);
  return bfloat16.is_valid() ? nb::object(bits.attr("view")(bfloat16)) : bits;
}

// Through the array library's own from_dlpack.
nb::object to_dlpack(const Tensor& tensor, Owner owner, const ArrayKind& kind) {
  if (!kind.module.is_valid() || !nb::hasattr(kind.module, "from_dlpack"))
    return to_numpy(tensor, std::move(owner), kind.bfloat16);
  return kind.module.attr("from_dlpack")(
      to_framework<nb::array_api>(tensor, std::move(owner), tensor.dtype()));
}

}  // namespace

nb::object to_array(const Tensor& tensor, Owner owner, const ArrayKind& kind) {
  switch (kind.family) {
    case ArrayKind::Family::exchange:
      return to_exchange(tensor, std::move(owner), *kind.api);
    case ArrayKind::Family::dlpack:
      return to_dlpack(tensor, std::move(owner), kind);
    case ArrayKind::Family::numpy:
      break;
  }
  return to_numpy(tensor, std::move(owner), kind.bfloat16);
}

nb::object to_array(Tensor tensor, const ArrayKind& kind) {
  auto kept = std::make_shared<Tensor>(std::move(tensor));
  const Tensor& held = *kept;
  return to_array(held, std::move(kept), kind);
}

}  // namespace fovea::bind
