// How much memory a file's header may ask for: a small file must not fill the machine.
#pragma once

#include <cstdint>

namespace fovea::formats {

/// Counted down as a reader makes objects of what a header claims. The prices take in the
/// allocator's own use.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t bytes) noexcept : bytes_(bytes), left_(bytes) {}

  /// False when more is asked for than is left.
  bool take(std::int64_t bytes) noexcept {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  /// What there was at first.
  std::int64_t bytes() const noexcept { return bytes_; }

  /// Bytes that a std::string of this length takes, the object included.
  static constexpr std::int64_t of_text(std::int64_t length) noexcept {
    return length < 16 ? 32 : 32 + 32 + length;
  }

 private:
  std::int64_t bytes_;
  std::int64_t left_;
};

}  // namespace fovea::formats
