// Merging a long word by a heap gives what the plain rule gives.
#include "tokenize/bpe_merges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace fovea::tokenize {
namespace {

using Ids = std::vector<std::int32_t>;

// The lowest rank, of equal ones the leftmost, until there is none: in n² time.
Ids merged_by_rule(const BpeMerges& merges, Ids ids) {
  while (true) {
    const BpeMerge* best = nullptr;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const BpeMerge* const merge = merges.find(ids[i], ids[i + 1]);
      if (merge != nullptr && (best == nullptr || merge->rank < best->rank)) {
        best = merge;
        place = i;
      }
    }
    if (best == nullptr) return ids;
    ids[place] = best->merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

// Merges of random pairs, of letters and of what earlier merges made.
BpeMerges random_merges(std::mt19937& random, std::int32_t letters, std::int32_t count) {
  std::map<std::pair<std::int32_t, std::int32_t>, bool> known;
  std::vector<BpeMerge> merges;
  std::int32_t ids = letters;
  while (static_cast<std::int32_t>(merges.size()) < count) {
    const auto draw = [&] {
      return static_cast<std::int32_t>(random() % static_cast<unsigned>(ids));
    };
    const std::pair pair{draw(), draw()};
    if (!known.emplace(pair, true).second) continue;
    merges.push_back({pair.first, pair.second, ids++, static_cast<std::int32_t>(merges.size())});
  }
  std::ranges::shuffle(merges, random);  // ranks no longer follow the order of making
  for (std::size_t i = 0; i < merges.size(); ++i) merges[i].rank = static_cast<std::int32_t>(i);
  return {merges, ids};
}

TEST(BpeWord, MergesWordsOfEveryLengthByTheRule) {
  std::mt19937 random(1);
  BpeWord word;
  for (int round = 0; round < 200; ++round) {
    const std::int32_t letters = 1 + round % 4;
    const BpeMerges merges = random_merges(random, letters, 1 + round % 20);
    for (const std::size_t length : {0U, 1U, 2U, 3U, 7U, 31U, 32U, 33U, 34U, 64U, 200U}) {
      Ids ids(length);
      for (auto& id : ids)
        id = static_cast<std::int32_t>(random() % static_cast<unsigned>(letters));
      const Ids wanted = merged_by_rule(merges, ids);
      word.merge(merges, ids);
      ASSERT_EQ(ids, wanted) << "round " << round << ", length " << length;
    }
  }
}

}  // namespace
}  // namespace fovea::tokenize
