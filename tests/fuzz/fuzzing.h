// What the fuzzers share: errors are welcome, broken promises end the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fovea/core/error.h"

namespace fovea::fuzz {

/// Ends the program, for libFuzzer to keep the input.
inline void require(bool promise) {
  if (!promise) __builtin_trap();
}

/// Calls `call`. An Error of a kind that a file may cause is as good as success; it must be one line.
template <typename Call>
void expect_success_or_error(Call call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string_view text = error.what();
    require(!text.empty() && text.find('\n') == text.npos);
    require(error.kind() != ErrorKind::cancelled);
  }
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return {static_cast<const std::byte*>(static_cast<const void*>(data)), size};
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {static_cast<const char*>(static_cast<const void*>(data)), size};
}

}  // namespace fovea::fuzz
