// Python objects that every call needs, looked up once.
#include "bind/python_names.h"

namespace fovea::bind {

const PythonNames& names() {
  static const PythonNames found{
      .exchange_api = PyUnicode_InternFromString("__dlpack_c_exchange_api__"),
      .requires_grad = PyUnicode_InternFromString("requires_grad"),
      .is_neg = PyUnicode_InternFromString("is_neg"),
      .numpy_array = reinterpret_cast<PyTypeObject*>(
          nanobind::module_::import_("numpy").attr("ndarray").inc_ref().ptr())};
  return found;
}

}  // namespace fovea::bind
