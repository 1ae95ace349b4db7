// Byte-pair merging: always the pair of the lowest rank, and of equal ones the leftmost.
//
// A short word is scanned for its best pair after each merge: at 32 bytes that is less work than a
// heap. A long one is a linked list of symbols with a heap of candidates. A merge makes at most two
// new candidates and leaves those that it spoils in the heap; they are known when they come up by
// their symbols' ids, which only grow together and so never come back. n bytes then take n log n.
#include "tokenize/bpe_merges.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace fovea::tokenize {
namespace {

constexpr std::size_t kShortWord = 32;
constexpr std::int32_t kNone = -1;

std::int32_t rank_of(const BpeMerge* merge) noexcept {
  return merge == nullptr ? std::numeric_limits<std::int32_t>::max() : merge->rank;
}

std::int32_t position_of(std::uint64_t order) noexcept {
  return static_cast<std::int32_t>(order & 0xFFFFFFFF);
}

}  // namespace

BpeMerges::BpeMerges(std::vector<BpeMerge> merges, std::int64_t pieces)
    : merges_(std::move(merges)), begins_(static_cast<std::size_t>(pieces) + 1) {
  std::ranges::sort(merges_, [](const BpeMerge& a, const BpeMerge& b) {
    return a.left != b.left ? a.left < b.left : a.right < b.right;
  });
  std::size_t next = 0;
  for (std::size_t left = 0; left < begins_.size(); ++left) {
    while (next < merges_.size() && static_cast<std::size_t>(merges_[next].left) < left) ++next;
    begins_[left] = static_cast<std::int32_t>(next);
  }
}

const BpeMerge* BpeMerges::find(std::int32_t left, std::int32_t right) const noexcept {
  const BpeMerge* first = merges_.data() + begins_[static_cast<std::size_t>(left)];
  const BpeMerge* const end = merges_.data() + begins_[static_cast<std::size_t>(left) + 1];
  first = std::lower_bound(first, end, right,
                           [](const BpeMerge& m, std::int32_t id) { return m.right < id; });
  return first != end && first->right == right ? first : nullptr;
}

void BpeWord::merge(const BpeMerges& merges, std::vector<std::int32_t>& ids) {
  if (ids.size() < 2) return;
  if (ids.size() <= kShortWord) {
    merge_short(merges, ids);
  } else {
    merge_long(merges, ids);
  }
}

void BpeWord::merge_short(const BpeMerges& merges, std::vector<std::int32_t>& ids) {
  pairs_.clear();
  for (std::size_t i = 0; i + 1 < ids.size(); ++i)
    pairs_.push_back(merges.find(ids[i], ids[i + 1]));
  while (!pairs_.empty()) {
    const auto best = std::ranges::min_element(pairs_, {}, rank_of);  // the first of equal ones
    if (*best == nullptr) return;
    const auto i = static_cast<std::size_t>(best - pairs_.begin());
    ids[i] = (*best)->merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    pairs_.erase(best);
    if (i > 0) pairs_[i - 1] = merges.find(ids[i - 1], ids[i]);
    if (i < pairs_.size()) pairs_[i] = merges.find(ids[i], ids[i + 1]);
  }
}

// Puts the pair that begins at `position` at the end of heap_; false where it is not merged.
bool BpeWord::offer(const BpeMerges& merges, std::int32_t position) {
  const Symbol& left = symbol(position);
  if (left.next == kNone) return false;
  const BpeMerge* const merge = merges.find(left.id, symbol(left.next).id);
  if (merge == nullptr) return false;
  heap_.push_back(
      {static_cast<std::uint64_t>(merge->rank) << 32 | static_cast<std::uint32_t>(position),
       merge});
  return true;
}

// Merges the candidate's pair; false where it is spoilt.
bool BpeWord::apply(const Candidate& candidate) noexcept {
  const std::int32_t position = position_of(candidate.order);
  Symbol& left = symbol(position);
  if (left.id != candidate.merge->left || left.next == kNone) return false;
  Symbol& right = symbol(left.next);
  if (right.id != candidate.merge->right) return false;
  left.id = candidate.merge->merged;
  left.next = right.next;
  right.id = kNone;
  if (left.next != kNone) symbol(left.next).previous = position;
  return true;
}

void BpeWord::merge_long(const BpeMerges& merges, std::vector<std::int32_t>& ids) {
  symbols_.clear();
  heap_.clear();
  const auto count = static_cast<std::int32_t>(ids.size());
  for (std::int32_t i = 0; i < count; ++i) {
    symbols_.push_back({ids[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : kNone});
  }
  for (std::int32_t i = 0; i < count; ++i) offer(merges, i);
  const auto later = [](const Candidate& a, const Candidate& b) { return a.order > b.order; };
  std::ranges::make_heap(heap_, later);
  while (!heap_.empty()) {
    std::ranges::pop_heap(heap_, later);
    const Candidate best = heap_.back();
    heap_.pop_back();
    if (!apply(best)) continue;
    const std::int32_t position = position_of(best.order);
    for (const std::int32_t changed : {symbol(position).previous, position}) {
      if (changed != kNone && offer(merges, changed)) std::ranges::push_heap(heap_, later);
    }
  }
  ids.clear();
  for (std::int32_t i = 0; i != kNone; i = symbol(i).next) ids.push_back(symbol(i).id);
}

}  // namespace fovea::tokenize
