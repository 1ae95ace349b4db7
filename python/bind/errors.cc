// fovea::Error as the exceptions that Python knows.
#include "bind/errors.h"

#include <nanobind/nanobind.h>

#include "fovea/core/error.h"

namespace fovea::bind {
namespace {

PyObject* exception_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid_argument:
    case ErrorKind::format:
      return PyExc_ValueError;
    case ErrorKind::unsupported:
      return PyExc_NotImplementedError;
    case ErrorKind::io:
      return PyExc_OSError;
    case ErrorKind::out_of_memory:
      return PyExc_MemoryError;
    case ErrorKind::cancelled:
      return PyExc_RuntimeError;
  }
  return PyExc_RuntimeError;
}

void translate(const std::exception_ptr& error, void*) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& found) {
    PyErr_SetString(exception_of(found.kind()), found.what());
  }
}

}  // namespace

void bind_errors() {
  nanobind::register_exception_translator(translate);
}

}  // namespace fovea::bind
