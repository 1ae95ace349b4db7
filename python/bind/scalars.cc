// Single numbers and names that Python gives, read with errors that name the argument.
#include "bind/scalars.h"

#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <string_view>

#include "fovea/core/printable.h"

namespace fovea::bind {
namespace {

// The exception that Python has set, said of this argument. What an __index__ of the caller's raised goes on as it is.
[[noreturn]] void fail(nb::handle object, const char* name, const char* wanted) {
  for (PyObject* kind : {PyExc_TypeError, PyExc_OverflowError}) {
    if (PyErr_ExceptionMatches(kind) == 0) continue;
    PyErr_Clear();
    const std::string text = fmt::format("{} is {}; wanted {}", name, shown(object), wanted);
    PyErr_SetString(kind, text.c_str());
    break;
  }
  throw nb::python_error();
}

}  // namespace

std::string shown(nb::handle object) {
  constexpr std::size_t kShort = 60;
  const auto text = nb::cast<std::string>(nb::repr(object));
  return text.size() <= kShort ? printable(text) : in_quotes(text);
}

std::int64_t integer_of(nb::handle object, const char* name) {
  const nb::object index = nb::steal(PyNumber_Index(object.ptr()));
  if (!index.is_valid()) fail(object, name, "a whole number");
  const long long number = PyLong_AsLongLong(index.ptr());
  if (number == -1 && PyErr_Occurred() != nullptr) fail(object, name, "a number of 64 bits");
  return number;
}

double number_of(nb::handle object, const char* name) {
  const double number = PyFloat_AsDouble(object.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) fail(object, name, "a number");
  return number;
}

bool truth_of(nb::handle object, const char* name) {
  if (object.ptr() == Py_True) return true;
  if (object.ptr() == Py_False) return false;
  if (!std::string_view(Py_TYPE(object.ptr())->tp_name).starts_with("numpy.bool")) {
    throw nb::type_error(
        fmt::format("{} is {}; wanted True or False", name, shown(object)).c_str());
  }
  const int truth = PyObject_IsTrue(object.ptr());
  if (truth < 0) throw nb::python_error();
  return truth == 1;
}

}  // namespace fovea::bind
