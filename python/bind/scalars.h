// Single numbers and names that Python gives, read with errors that name the argument.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <string>

namespace fovea::bind {

namespace nb = nanobind;

/// An object as a message shows it: its repr, escaped, and cut where it is long.
std::string shown(nb::handle object);

/// A whole number: an int or what has __index__, so no float. `name` ("attend: diagonal") begins the text of an error.
/// Throws TypeError, and OverflowError beyond 64 bits.
std::int64_t integer_of(nb::handle object, const char* name);
/// A number. Throws TypeError and OverflowError.
double number_of(nb::handle object, const char* name);
/// True or False, Python's or numpy's: "False" and 2 are slips. Throws TypeError.
bool truth_of(nb::handle object, const char* name);

}  // namespace fovea::bind
