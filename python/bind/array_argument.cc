// Arrays of Python, looked at where they lie.
#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "bind/array.h"
#include "bind/python_names.h"
#include "fovea/core/printable.h"

namespace fovea::bind {
namespace {

[[noreturn]] void raise_type(const char* name, const std::string& text) {
  throw nb::type_error(fmt::format("{} {}", name, text).c_str());
}

[[noreturn]] void raise_value(const char* name, const std::string& text) {
  throw nb::value_error(fmt::format("{} {}", name, text).c_str());
}

std::string type_of_object(nb::handle object) {
  return printable(nb::cast<std::string>(nb::inst_name(object)));
}

// "dtype('>f4')": what the array itself calls its elements.
std::string element_name(nb::handle object) {
  const nb::object dtype = nb::getattr(object, "dtype", nb::none());
  if (dtype.is_none()) return "of no type that is known here";
  return "of type " + printable(nb::cast<std::string>(nb::str(dtype)));
}

[[noreturn]] void raise_element(nb::handle object, const char* name) {
  raise_type(
      name, fmt::format(
                "is {}; wanted float32, bfloat16, float16 or float64, in this machine's byte order",
                element_name(object)));
}

std::optional<DType> of_size(std::int64_t bytes, std::initializer_list<DType> types) {
  const auto* const found =
      std::ranges::find(types, bytes, [](DType type) { return size_of(type); });
  return found == types.end() ? std::nullopt : std::optional(*found);
}

std::optional<DType> signed_of(std::int64_t bytes) {
  return of_size(bytes, {DType::i8, DType::i16, DType::i32, DType::i64});
}

std::optional<DType> unsigned_of(std::int64_t bytes) {
  return of_size(bytes, {DType::u8, DType::u16, DType::u32, DType::u64});
}

std::optional<DType> floating_of(std::int64_t bytes) {
  return of_size(bytes, {DType::f16, DType::f32, DType::f64});
}

std::optional<DType> type_of(const dlpack::DataType& type) {
  if (type.lanes != 1 || type.bits % 8 != 0) return std::nullopt;
  switch (type.code) {
    case dlpack::kInt:
      return signed_of(type.bits / 8);
    case dlpack::kUnsigned:
      return unsigned_of(type.bits / 8);
    case dlpack::kFloat:
      return floating_of(type.bits / 8);
    case dlpack::kBfloat:
      return type.bits == 16 ? std::optional(DType::bf16) : std::nullopt;
    case dlpack::kBool:
      return type.bits == 8 ? std::optional(DType::boolean) : std::nullopt;
    default:
      return std::nullopt;
  }
}

// A format of the struct module, of one number in this machine's byte order.
std::optional<DType> type_of(const char* format, std::int64_t bytes) {
  std::string_view text = format == nullptr ? "B" : format;
  if (text.starts_with('@') || text.starts_with('=') || text.starts_with('<'))
    text.remove_prefix(1);
  if (text.size() != 1) return std::nullopt;
  if (text == "?") return DType::boolean;
  if (text == "e" || text == "f" || text == "d") return floating_of(bytes);
  if (std::strchr("bhilqn", text[0]) != nullptr) return signed_of(bytes);
  if (std::strchr("BHILQN", text[0]) != nullptr) return unsigned_of(bytes);
  return std::nullopt;
}

void check_rank(int rank, const char* name) {
  if (rank > kMaxRank) raise_value(name, fmt::format("has {} axes; wanted 4 at most", rank));
}

// The exchange functions of an array's type. Looking them up costs more than a small call, so the last type is kept.
const dlpack::ExchangeApi* exchange_of(nb::handle object) {
  static PyTypeObject* last_type = nullptr;
  static const dlpack::ExchangeApi* last_api = nullptr;
  PyTypeObject* type = Py_TYPE(object.ptr());
  if (type == names().numpy_array) return nullptr;
  if (type == last_type) return last_api;
  PyObject* capsule = PyObject_GetAttr(reinterpret_cast<PyObject*>(type), names().exchange_api);
  if (capsule == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  const nb::object owner = nb::steal(capsule);
  if (PyCapsule_IsValid(capsule, "dlpack_exchange_api") == 0) return nullptr;
  auto* api =
      static_cast<const dlpack::ExchangeApi*>(PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
  while (api != nullptr && api->version.major != dlpack::kMajorVersion) api = api->previous;
  if (api == nullptr) return nullptr;
  Py_INCREF(reinterpret_cast<PyObject*>(type));  // kept: another type may not get its address
  Py_XDECREF(reinterpret_cast<PyObject*>(last_type));
  last_type = type;
  last_api = api;
  return api;
}

bool is_true(nb::handle object, PyObject* attribute) {
  PyObject* found = PyObject_GetAttr(object.ptr(), attribute);
  if (found == nullptr) {
    PyErr_Clear();
    return false;
  }
  const nb::object owner = nb::steal(found);
  return found == Py_True;
}

bool is_negated(nb::handle tensor) {
  PyObject* arguments[] = {tensor.ptr()};
  PyObject* answer = PyObject_VectorcallMethod(names().is_neg, arguments, 1, nullptr);
  if (answer == nullptr) {
    PyErr_Clear();
    return false;
  }
  const nb::object owner = nb::steal(answer);
  return answer == Py_True;
}

void check_gradient(nb::handle tensor, const char* name) {
  if (!is_true(tensor, names().requires_grad)) return;
  if (!nb::cast<bool>(nb::module_::import_("torch").attr("is_grad_enabled")())) return;
  raise_value(name,
              "needs a gradient, which fovea does not compute; pass it detached "
              "(tensor.detach()), or call under torch.no_grad()");
}

// A masked array hides numbers that its memory holds: to read that memory would be wrong.
void check_plain(nb::handle object, const char* name) {
  if (Py_TYPE(object.ptr()) == names().numpy_array) return;
  static PyObject* masked = nb::module_::import_("numpy.ma").attr("MaskedArray").inc_ref().ptr();
  if (PyObject_IsInstance(object.ptr(), masked) == 1) {
    raise_type(name,
               "is a masked array; pass its numbers as a plain array, and the mask as keep or "
               "key_lengths");
  }
}

}  // namespace

ArrayArgument::~ArrayArgument() {
  release();
}

void ArrayArgument::release() noexcept {
  if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  if (managed_ != nullptr && managed_->deleter != nullptr) managed_->deleter(managed_);
  managed_ = nullptr;
}

MutableTensorView ArrayArgument::mutable_view() const {
  if (!view_.given()) return {};
  return {const_cast<void*>(view_.data()), view_.dtype(), view_.shape(), view_.strides()};
}

void ArrayArgument::look(nb::handle object, const char* name) {
  const Where where{name, Access::read};
  if (look_by_exchange(object, where) || look_by_buffer(object, where)) return;
  look_by_dlpack(object, where);
}

void ArrayArgument::look_to_write(nb::handle object, const char* name) {
  const Where where{name, Access::write};
  if (look_by_exchange(object, where) || look_by_buffer(object, where)) return;
  look_by_dlpack(object, where);
}

bool ArrayArgument::look_by_exchange(nb::handle object, const Where& where) {
  const dlpack::ExchangeApi* api = exchange_of(object);
  if (api == nullptr) return false;
  check_gradient(object, where.name);
  kind_ = {.family = ArrayKind::Family::exchange, .api = api};
  if (is_negated(object)) {  // its memory holds the numbers with the other sign
    if (where.access == Access::write)
      raise_value(where.name, "is a negated view; wanted plain memory");
    look_at_copy(object, where);
    return true;
  }
  if (api->managed_from_object(object.ptr(), &managed_) != 0) {
    managed_ = nullptr;
    nb::python_error cause;
    raise_type(
        where.name,
        fmt::format("is a {} without memory of its own on the CPU ({})", type_of_object(object),
                    printable(std::string_view(cause.what())
                                  .substr(0, std::string_view(cause.what()).find('\n')))));
  }
  if (where.access == Access::write && (managed_->flags & dlpack::kReadOnly) != 0)
    raise_value(where.name, "is read-only");
  set_view(managed_->tensor, object, where);
  return true;
}

bool ArrayArgument::look_by_buffer(nb::handle object, const Where& where) {
  if (PyObject_CheckBuffer(object.ptr()) == 0) return false;
  check_plain(object, where.name);
  kind_ = {.family = ArrayKind::Family::numpy};
  nb::object source = nb::borrow(object);
  if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_RECORDS_RO) != 0) {
    PyErr_Clear();
    const nb::object dtype = nb::getattr(object, "dtype", nb::none());
    if (nb::cast<std::string>(nb::str(nb::getattr(dtype, "name", nb::none()))) != "bfloat16")
      raise_element(object, where.name);
    kind_.bfloat16 = dtype;  // numpy gives no buffer of a type that is not its own, but of the bits
    source = object.attr("view")("uint16");
    if (PyObject_GetBuffer(source.ptr(), &buffer_, PyBUF_RECORDS_RO) != 0) throw nb::python_error();
  }
  if (where.access == Access::write && buffer_.readonly != 0)
    raise_value(where.name, "is read-only");
  const auto type = kind_.bfloat16.is_valid() ? std::optional(DType::bf16)
                                              : type_of(buffer_.format, buffer_.itemsize);
  if (!type) raise_element(object, where.name);

  check_rank(buffer_.ndim, where.name);
  const std::size_t rank = static_cast<std::size_t>(buffer_.ndim);
  Shape sizes(std::span<const std::int64_t>(buffer_.shape, rank));
  Shape strides(std::span<const std::int64_t>(buffer_.strides, rank));
  const std::int64_t bytes = buffer_.itemsize;
  bool aligned =
      reinterpret_cast<std::uintptr_t>(buffer_.buf) % static_cast<std::uintptr_t>(bytes) == 0;
  for (int axis = 0; axis < sizes.rank(); ++axis) {
    if (strides[axis] % bytes == 0 || sizes[axis] <= 1) {
      strides[axis] /= bytes;
    } else {
      aligned = false;
    }
  }
  if (!aligned && sizes.element_count() > 0) {
    if (where.access == Access::write) raise_value(where.name, "is not aligned to its elements");
    PyBuffer_Release(&buffer_);
    look_at_copy(source, where);
    return true;
  }
  view_ = TensorView(buffer_.buf, *type, sizes, strides);
  return true;
}

void ArrayArgument::look_by_dlpack(nb::handle object, const Where& where) {
  if (!nb::hasattr(object, "__dlpack__") || !nb::hasattr(object, "__dlpack_device__"))
    raise_type(where.name,
               fmt::format("is of type {}; wanted an array (numpy, torch, or any with DLPack)",
                           type_of_object(object)));
  const auto device = nb::cast<nb::tuple>(object.attr("__dlpack_device__")());
  if (nb::cast<int>(nb::int_(device[0])) != dlpack::kCpu)
    raise_type(where.name, fmt::format("is on device {}; wanted the CPU (1, 0)",
                                       nb::cast<std::string>(nb::str(device))));
  kind_ = {.family = ArrayKind::Family::dlpack};
  if (nb::hasattr(object, "__array_namespace__"))
    kind_.module = object.attr("__array_namespace__")();
  nb::object capsule;
  try {
    capsule = object.attr("__dlpack__")(nb::arg("max_version") = nb::make_tuple(1, 0));
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    capsule = object.attr("__dlpack__")();  // from before version 1
  }
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned") != 0) {
    managed_ = static_cast<dlpack::ManagedTensor*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    if (managed_->version.major != dlpack::kMajorVersion)
      raise_type(where.name,
                 fmt::format("is of DLPack version {}; wanted 1", managed_->version.major));
    if (where.access == Access::write && (managed_->flags & dlpack::kReadOnly) != 0)
      raise_value(where.name, "is read-only");
    set_view(managed_->tensor, object, where);
    return;
  }
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor") == 0)
    raise_type(where.name, fmt::format("is a {} whose __dlpack__ gave no DLPack capsule",
                                       type_of_object(object)));
  // Its capsule keeps the memory until it is destroyed: it is not taken over, only kept.
  auto* old =
      static_cast<dlpack::OldManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  kept_ = capsule;
  set_view(old->tensor, object, where);
}

void ArrayArgument::look_at_copy(nb::handle object, const Where& where) {
  if (kind_.family == ArrayKind::Family::exchange) {
    const nb::object copy = object.attr("resolve_neg")().attr("clone")();
    if (kind_.api->managed_from_object(copy.ptr(), &managed_) != 0) throw nb::python_error();
    set_view(managed_->tensor, copy, where);
    return;
  }
  const nb::object dtype = kind_.bfloat16;
  const nb::object copy = nb::module_::import_("numpy").attr("array")(object);
  look_by_buffer(copy, where);
  if (!dtype.is_valid()) return;
  kind_.bfloat16 = dtype;
  view_ = TensorView(view_.data(), DType::bf16, view_.shape(), view_.strides());
}

void ArrayArgument::set_view(const dlpack::Tensor& tensor, nb::handle object, const Where& where) {
  if (tensor.device.type != dlpack::kCpu)
    raise_type(where.name,
               fmt::format("is on DLPack device {}; wanted the CPU", tensor.device.type));
  const std::optional<DType> type = type_of(tensor.type);
  if (!type) raise_element(object, where.name);
  check_rank(tensor.rank, where.name);
  const Shape sizes(
      std::span<const std::int64_t>(tensor.sizes, static_cast<std::size_t>(tensor.rank)));
  const Shape strides = tensor.strides == nullptr
                            ? contiguous_strides(sizes)
                            : Shape(std::span<const std::int64_t>(
                                  tensor.strides, static_cast<std::size_t>(tensor.rank)));
  const auto* data = static_cast<const std::byte*>(tensor.data);
  if (sizes.element_count() > 0) {
    if (data == nullptr)
      raise_type(where.name, fmt::format("is a {} without memory", type_of_object(object)));
    data += tensor.byte_offset;
    if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(size_of(*type)) != 0) {
      if (where.access == Access::write || kind_.family != ArrayKind::Family::exchange)
        raise_value(where.name, "is not aligned to its elements");
      release();
      look_at_copy(object, where);
      return;
    }
  }
  view_ = TensorView(data, *type, sizes, strides);
}

void check_type(const ArrayArgument& argument, const char* name,
                std::initializer_list<DType> wanted) {
  if (!argument.given() || std::ranges::find(wanted, argument.view().dtype()) != wanted.end())
    return;
  std::string names;
  for (const DType type : wanted)
    names += (names.empty() ? "" : type == *(wanted.end() - 1) ? " or " : ", ") + python_name(type);
  raise_type(name, fmt::format("is {}; wanted {}", python_name(argument.view().dtype()), names));
}

void check_floating(const ArrayArgument& argument, const char* name) {
  check_type(argument, name, {DType::f32, DType::bf16, DType::f16, DType::f64});
}

std::string python_name(DType type) {
  const std::string name(name_of(type));
  if (type == DType::boolean) return name;
  if (type == DType::bf16) return "bfloat16";
  const std::string_view kind = name[0] == 'f' ? "float" : name[0] == 'i' ? "int" : "uint";
  return fmt::format("{}{}", kind, name.substr(1));
}

}  // namespace fovea::bind
