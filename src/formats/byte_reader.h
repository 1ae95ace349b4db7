// Takes a file's bytes one field after another and never goes past their end.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "fovea/core/error.h"

namespace fovea::formats {

class ByteReader {
 public:
  /// Both must outlive it; `name` begins the messages.
  ByteReader(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  std::int64_t offset() const noexcept { return offset_; }
  std::int64_t left() const noexcept { return static_cast<std::int64_t>(bytes_.size()) - offset_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  const std::string& name() const noexcept { return name_; }

  /// Returns the next `count` bytes, which are part of `what`. Throws Error{format} when there are
  /// fewer.
  std::span<const std::byte> take_bytes(std::int64_t count, std::string_view what) {
    if (count > left()) {
      fail(offset_, fmt::format("{} takes {} bytes; the file ends after {}", what, count, left()));
    }
    const auto taken =
        bytes_.subspan(static_cast<std::size_t>(offset_), static_cast<std::size_t>(count));
    offset_ += count;
    return taken;
  }

  /// Returns the next number, little-endian.
  template <typename T>
  T take(std::string_view what) {
    T value;
    std::memcpy(&value, take_bytes(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  /// Returns the next `count` bytes as text, which the file's own bytes are.
  std::string_view take_text(std::int64_t count, std::string_view what) {
    const std::span<const std::byte> taken = take_bytes(count, what);
    return {static_cast<const char*>(static_cast<const void*>(taken.data())), taken.size()};
  }

  [[noreturn]] void fail(std::int64_t at, std::string_view what,
                         ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, fmt::format("{}: byte {}: {}", name_, at, what));
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
  std::int64_t offset_ = 0;
};

}  // namespace fovea::formats
