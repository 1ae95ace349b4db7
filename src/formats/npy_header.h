// The text in front of a .npy array: a Python dict of three entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fovea/core/dtype.h"
#include "fovea/core/shape.h"

namespace fovea::formats {

/// The three entries: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyEntries {
  DType dtype = DType::f32;
  bool is_big_endian = false;
  bool is_fortran_order = false;
  Shape shape;
};

/// Where the text came from, for messages.
struct NpyOrigin {
  const std::string& name;
  std::int64_t offset;  ///< byte of the text's first character in the file
};

/// Returns what the dict says. Throws Error{format} with the file's name and the byte.
NpyEntries parse_npy_header(std::string_view text, const NpyOrigin& origin);

/// Returns the dict for an array of `dtype`: row-major, little-endian, bf16 as u16.
std::string format_npy_header(DType dtype, const Shape& shape);

}  // namespace fovea::formats
