// Strings in a tree of their bytes: finds the longest that a text goes on with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::tokenize {

/// Immutable once made.
class ByteTrie {
 public:
  using Entry = std::pair<std::string_view, std::int32_t>;  ///< a string, not empty, and its value

  ByteTrie() = default;
  /// The strings are unlike and need live only during the call.
  explicit ByteTrie(std::vector<Entry> entries);

  struct Match {
    std::int32_t value = -1;
    std::uint32_t length = 0;  ///< 0: none
  };
  /// The longest string that text[first...] begins with.
  Match longest(std::string_view text, std::size_t first) const noexcept;

  /// True when a string begins with this byte.
  bool begins_with(char byte) const noexcept {
    return roots_[static_cast<unsigned char>(byte)] >= 0;
  }

 private:
  struct Node {
    std::int32_t value = -1;
    std::int32_t first_child = 0;
    std::int32_t children = 0;
    unsigned char byte = 0;
  };
  const Node* child(const Node& node, unsigned char byte) const noexcept;

  std::array<std::int32_t, 256> roots_ = no_roots();  // into nodes_
  std::vector<Node> nodes_;                           // children side by side, by byte

  static std::array<std::int32_t, 256> no_roots() noexcept;
};

}  // namespace fovea::tokenize
