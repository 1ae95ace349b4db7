// GGUF files composed by hand, in memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "formats/checkpoint_content.h"

namespace fovea::formats {

/// A number's bytes, little-endian.
template <typename T>
std::string raw_number(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::string gguf_string(std::string_view text) {
  return raw_number(std::uint64_t{text.size()}).append(text);
}

/// Numbers of value types.
inline constexpr std::uint32_t kGgufU32 = 4;
inline constexpr std::uint32_t kGgufF32 = 6;
inline constexpr std::uint32_t kGgufBool = 7;
inline constexpr std::uint32_t kGgufString = 8;
inline constexpr std::uint32_t kGgufArray = 9;

inline std::string gguf_key(std::string_view name, std::uint32_t type, std::string_view value) {
  return gguf_string(name) + raw_number(type) + std::string(value);
}

/// Magic, version 3, counts.
inline std::string gguf_start(std::uint64_t tensors, std::uint64_t keys) {
  return "GGUF" + raw_number(std::uint32_t{3}) + raw_number(tensors) + raw_number(keys);
}

/// An F32 tensor of `numbers` numbers in one axis.
inline std::string gguf_floats(std::string_view name, std::uint64_t numbers, std::uint64_t offset) {
  return gguf_string(name) + raw_number(std::uint32_t{1}) + raw_number(numbers) +
         raw_number(std::uint32_t{0}) + raw_number(offset);
}

inline CheckpointContent parse_gguf_text(std::string_view file) {
  return parse_gguf(std::as_bytes(std::span(file)), "a.gguf");
}

}  // namespace fovea::formats
