// The merges of a byte-pair encoding, and their application to a word.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fovea::tokenize {

/// One merge: the pair of pieces and what they become.
struct BpeMerge {
  std::int32_t left = 0;
  std::int32_t right = 0;
  std::int32_t merged = 0;
  std::int32_t rank = 0;  ///< 0 is merged first
};

/// Immutable once made.
class BpeMerges {
 public:
  BpeMerges() = default;
  /// `pieces`: how many ids there are. The merges' pairs are unlike.
  BpeMerges(std::vector<BpeMerge> merges, std::int64_t pieces);

  /// nullptr when the pair is not merged.
  const BpeMerge* find(std::int32_t left, std::int32_t right) const noexcept;

 private:
  std::vector<BpeMerge> merges_;      // by left, then right
  std::vector<std::int32_t> begins_;  // of each left's merges; one more at the end
};

/// What merging needs besides the ids, kept from word to word.
class BpeWord {
 public:
  /// Merges the ids of a word's bytes in place and shortens `ids` to what is left.
  void merge(const BpeMerges& merges, std::vector<std::int32_t>& ids);

 private:
  struct Symbol {
    std::int32_t id;
    std::int32_t previous;
    std::int32_t next;
  };
  struct Candidate {
    std::uint64_t order;  // rank, then position
    const BpeMerge* merge;
  };
  void merge_short(const BpeMerges& merges, std::vector<std::int32_t>& ids);
  void merge_long(const BpeMerges& merges, std::vector<std::int32_t>& ids);
  Symbol& symbol(std::int32_t position) noexcept {
    return symbols_[static_cast<std::size_t>(position)];
  }
  bool offer(const BpeMerges& merges, std::int32_t position);
  bool apply(const Candidate& candidate) noexcept;

  std::vector<const BpeMerge*> pairs_;  // of a short word
  std::vector<Symbol> symbols_;         // of a long one
  std::vector<Candidate> heap_;
};

}  // namespace fovea::tokenize
