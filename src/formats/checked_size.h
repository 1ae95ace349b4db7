// Sizes that a file claims, multiplied without overflow: the one place where such products are
// made.
#pragma once

#include <cstdint>
#include <optional>

#include "fovea/core/shape.h"

namespace fovea::formats {

/// Bytes of an array of `shape`; nothing when a size is negative or the product exceeds 63 bits. A
/// size of 0 anywhere makes it 0.
inline std::optional<std::int64_t> checked_byte_count(const Shape& shape,
                                                      std::int64_t element_bytes) noexcept {
  std::int64_t bytes = element_bytes;
  bool is_empty = false;
  bool overflows = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    is_empty = is_empty || size == 0;
    overflows = overflows || __builtin_mul_overflow(bytes, size, &bytes);
  }
  if (is_empty) return 0;
  if (overflows) return std::nullopt;
  return bytes;
}

}  // namespace fovea::formats
