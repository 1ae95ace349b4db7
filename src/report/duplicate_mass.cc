// Few keys bear a row's token, so each row has a cursor that runs along them as its tiles come by, in
// rising order of keys.
#include "report/duplicate_mass.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace fovea::report {
namespace {

constexpr std::int64_t kTileRows = 64;

}  // namespace

MatchingKeys::MatchingKeys(const TokenLabels& labels) {
  const std::span<const std::int32_t> keys = labels.key.values<std::int32_t>();
  const std::span<const std::int32_t> queries = labels.query.values<std::int32_t>();
  const auto label_of = [&](std::int32_t key) { return keys[static_cast<std::size_t>(key)]; };
  std::vector<std::int32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, label_of);
  next_.assign(keys.size(), kNone);
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (label_of(order[i - 1]) == label_of(order[i]))
      next_[static_cast<std::size_t>(order[i - 1])] = order[i];
  }
  for (const std::int32_t label : queries) {
    const auto found = std::ranges::lower_bound(order, label, {}, label_of);
    const bool matches = label >= 0 && found != order.end() && label_of(*found) == label;
    first_.push_back(matches ? *found : kNone);
  }
}

DuplicateMass::DuplicateMass(const MatchingKeys& keys, std::span<const std::int64_t> heads)
    : keys_(keys),
      heads_(heads.begin(), heads.end()),
      mass_(DType::f32, {1, std::ssize(heads), std::ssize(keys.first())}) {
  for (std::size_t head = 0; head < heads.size(); ++head)
    at_.insert(at_.end(), keys.first().begin(), keys.first().end());
}

void DuplicateMass::weights(const ObservedTile& tile) {
  const auto slot = std::ranges::lower_bound(heads_, tile.head) - heads_.begin();
  const auto row = static_cast<std::size_t>(slot * std::ssize(keys_.first()) + tile.first_query);
  const std::int64_t end = tile.first_key + tile.keys;
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    std::int32_t& key = at_[row + static_cast<std::size_t>(i)];
    float& mass = mass_.values<float>()[row + static_cast<std::size_t>(i)];
    for (; key < end; key = keys_.next()[static_cast<std::size_t>(key)]) {
      // A tile that nobody sees was left out.
      if (key >= tile.first_key) mass += tile.weights[i + kTileRows * (key - tile.first_key)];
    }
  }
}

}  // namespace fovea::report
