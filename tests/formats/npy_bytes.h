// .npy files composed by hand, right and wrong ones, in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fovea/core/tensor.h"
#include "fovea/formats/npy.h"

namespace fovea::formats {

/// The elements' bytes as text, to be appended to a header.
template <typename T>
std::string raw(std::initializer_list<T> values) {
  return {static_cast<const char*>(static_cast<const void*>(values.begin())),
          values.size() * sizeof(T)};
}

/// Magic, version, the length of `dict`, `dict`.
inline std::string npy_start(std::string_view dict, char major = 1) {
  std::string text = "\x93NUMPY";
  text += major;
  text += '\0';
  for (int byte = 0; byte < (major == 1 ? 2 : 4); ++byte) {
    text += static_cast<char>(dict.size() >> (8 * byte) & 0xFF);
  }
  return text += dict;
}

/// A dict as numpy writes it: `dict_of("<f4", "(2, 3)")`.
inline std::string dict_of(std::string_view descr, std::string_view shape,
                           std::string_view fortran_order = "False") {
  std::string text = "{'descr': '";
  text += descr;
  text += "', 'fortran_order': ";
  text += fortran_order;
  text += ", 'shape': ";
  text += shape;
  return text += ", }\n";
}

inline Tensor parse(std::string_view file) {
  return parse_npy(std::as_bytes(std::span(file)), "a.npy");
}

}  // namespace fovea::formats
