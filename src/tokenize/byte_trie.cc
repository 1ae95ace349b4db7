// The tree is built breadth first from the sorted strings, so that a node's children lie together.
#include "tokenize/byte_trie.h"

#include <algorithm>

namespace fovea::tokenize {

std::array<std::int32_t, 256> ByteTrie::no_roots() noexcept {
  std::array<std::int32_t, 256> roots;
  roots.fill(-1);
  return roots;
}

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::ranges::sort(entries);
  // The entries that go through a node, and how many bytes lead to it.
  struct Part {
    std::size_t first;
    std::size_t end;
    std::size_t depth;
  };
  std::vector<Part> parts;  // of each node
  const auto add_children = [&](Part part) {
    while (part.first < part.end) {
      const auto byte = static_cast<unsigned char>(entries[part.first].first[part.depth]);
      std::size_t end = part.first;
      while (end < part.end && static_cast<unsigned char>(entries[end].first[part.depth]) == byte) {
        ++end;
      }
      nodes_.push_back({.byte = byte});
      parts.push_back({part.first, end, part.depth + 1});
      part.first = end;
    }
  };
  add_children({0, entries.size(), 0});
  for (std::size_t root = 0; root < nodes_.size(); ++root) {
    roots_[nodes_[root].byte] = static_cast<std::int32_t>(root);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Part part = parts[i];
    if (entries[part.first].first.size() == part.depth) {
      nodes_[i].value = entries[part.first++].second;
    }
    nodes_[i].first_child = static_cast<std::int32_t>(nodes_.size());
    add_children(part);
    nodes_[i].children = static_cast<std::int32_t>(nodes_.size()) - nodes_[i].first_child;
  }
}

const ByteTrie::Node* ByteTrie::child(const Node& node, unsigned char byte) const noexcept {
  const Node* const first = nodes_.data() + node.first_child;
  const Node* const end = first + node.children;
  const Node* const found = std::lower_bound(
      first, end, byte, [](const Node& n, unsigned char wanted) { return n.byte < wanted; });
  return found != end && found->byte == byte ? found : nullptr;
}

ByteTrie::Match ByteTrie::longest(std::string_view text, std::size_t first) const noexcept {
  Match match;
  if (first >= text.size()) return match;
  const std::int32_t root = roots_[static_cast<unsigned char>(text[first])];
  if (root < 0) return match;
  const Node* node = nodes_.data() + root;
  for (std::size_t next = first + 1; node != nullptr; ++next) {
    if (node->value >= 0) match = {node->value, static_cast<std::uint32_t>(next - first)};
    if (next == text.size()) break;
    node = child(*node, static_cast<unsigned char>(text[next]));
  }
  return match;
}

}  // namespace fovea::tokenize
