// The page's arrays, one after the other, as base64.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "fovea/core/tensor.h"

namespace fovea::report {

/// Appends arrays and says where they lie: web/src/data.ts, Block.
class PageNumbers {
 public:
  /// f32, i32, i16 or u8, little-endian as the machine is.
  nlohmann::ordered_json add(const Tensor& tensor);
  nlohmann::ordered_json add(std::span<const std::uint8_t> values, const Shape& shape);

  std::int64_t bytes() const noexcept { return bytes_; }
  /// The base64 of all. Ends it.
  std::string finish();

 private:
  nlohmann::ordered_json add(std::span<const std::byte> bytes, const char* type,
                             const Shape& shape);
  void append(std::span<const std::byte> bytes);

  std::int64_t bytes_ = 0;
  std::string text_;
  std::array<std::byte, 3> rest_ = {};  // bytes that make no whole group yet
  std::size_t rest_count_ = 0;
};

/// Letters of the base64 of so many bytes.
constexpr std::int64_t base64_size(std::int64_t bytes) noexcept {
  return (bytes + 2) / 3 * 4;
}

}  // namespace fovea::report
