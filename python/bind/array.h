// Arrays of Python, looked at where they lie; and tensors of ours, given out as arrays of the same kind.
#pragma once

#include <nanobind/nanobind.h>

#include <initializer_list>
#include <memory>
#include <string>

#include "bind/dlpack.h"
#include "fovea/core/tensor.h"

namespace fovea::bind {

namespace nb = nanobind;

/// What an array is an array of, so that answers can be of the same kind.
struct ArrayKind {
  enum class Family : std::uint8_t {
    numpy,     ///< and whatever else has the buffer protocol
    exchange,  ///< has DLPack's exchange functions: torch
    dlpack,    ///< has `__dlpack__` alone
  };
  Family family = Family::numpy;
  const dlpack::ExchangeApi* api = nullptr;  ///< of `exchange`
  nb::object module = {};                    ///< of `dlpack`: what has its from_dlpack
  nb::object bfloat16 = {};  ///< numpy's dtype of the array, where it is ml_dtypes' bfloat16
};

/// An argument that is an array: its memory stays where it is and is kept alive. Made, used and destroyed with the GIL.
class ArrayArgument {
 public:
  ArrayArgument() = default;
  ~ArrayArgument();
  ArrayArgument(const ArrayArgument&) = delete;
  ArrayArgument& operator=(const ArrayArgument&) = delete;

  /// Looks at `object`; `name` ("attend: query") begins the text of an error. Copies it only where its memory is not aligned
  /// to its elements. Throws TypeError for what is no array, is not on the CPU, is masked or of a type that has no name here;
  /// ValueError for a torch tensor that needs a gradient.
  void look(nb::handle object, const char* name);
  /// The same for an array that will be written. Throws ValueError when it is read-only or not aligned.
  void look_to_write(nb::handle object, const char* name);

  bool given() const noexcept { return view_.given(); }
  const TensorView& view() const noexcept { return view_; }
  MutableTensorView mutable_view() const;
  const ArrayKind& kind() const noexcept { return kind_; }

 private:
  enum class Access : std::uint8_t { read, write };
  struct Where {
    const char* name;
    Access access;
  };

  bool look_by_exchange(nb::handle object, const Where& where);
  bool look_by_buffer(nb::handle object, const Where& where);
  void look_by_dlpack(nb::handle object, const Where& where);
  void look_at_copy(nb::handle object, const Where& where);
  void set_view(const dlpack::Tensor& tensor, nb::handle object, const Where& where);
  void release() noexcept;

  TensorView view_;
  ArrayKind kind_;
  Py_buffer buffer_ = {};
  dlpack::ManagedTensor* managed_ = nullptr;
  nb::object kept_;
};

/// Throws TypeError unless the argument, if given, is f32, bf16, f16 or f64.
void check_floating(const ArrayArgument& argument, const char* name);

/// Throws TypeError unless the argument, if given, is of one of these types.
void check_type(const ArrayArgument& argument, const char* name,
                std::initializer_list<DType> wanted);
/// The type's name in Python: "float32".
std::string python_name(DType type);

/// Gives out `tensor`, which `owner` keeps alive, as an array of that kind. No copy.
nb::object to_array(const Tensor& tensor, std::shared_ptr<const void> owner, const ArrayKind& kind);
/// The same for a tensor that nobody else keeps.
nb::object to_array(Tensor tensor, const ArrayKind& kind);

}  // namespace fovea::bind
