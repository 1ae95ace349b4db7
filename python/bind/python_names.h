// Python objects that every call needs, looked up once.
#pragma once

#include <nanobind/nanobind.h>

namespace fovea::bind {

/// Interned names and types; they live as long as the process.
struct PythonNames {
  PyObject* exchange_api;   ///< "__dlpack_c_exchange_api__"
  PyObject* requires_grad;  ///< "requires_grad"
  PyObject* is_neg;         ///< "is_neg"
  PyTypeObject* numpy_array;
};

/// Throws ImportError without numpy. With the GIL.
const PythonNames& names();

}  // namespace fovea::bind
