// The weight that rows give to keys of their own token, summed from the tiles of the pass that makes
// the output: Observe's own match mass is taken by the other kind of match.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fovea/attention/observe.h"
#include "fovea/insight/token_labels.h"

namespace fovea::report {

/// The keys that match each row of one sequence, as chains.
class MatchingKeys {
 public:
  static constexpr std::int32_t kNone = INT32_MAX;

  explicit MatchingKeys(const TokenLabels& labels);

  /// Of each query, the first key with its label; kNone for none.
  std::span<const std::int32_t> first() const noexcept { return first_; }
  /// Of each key, the next one with the same label; kNone for none.
  std::span<const std::int32_t> next() const noexcept { return next_; }

 private:
  std::vector<std::int32_t> first_;
  std::vector<std::int32_t> next_;
};

/// Observed::mass_match for query heads `heads` (rising). For Observe::own of one call.
class DuplicateMass final : public TileObserver {
 public:
  /// `keys` must outlive it.
  DuplicateMass(const MatchingKeys& keys, std::span<const std::int64_t> heads);

  void weights(const ObservedTile& tile) override;

  /// [1, heads, queries] f32; to be looked at when the call is over.
  TensorView mass() const { return mass_; }

 private:
  const MatchingKeys& keys_;
  std::vector<std::int64_t> heads_;
  std::vector<std::int32_t> at_;  // of each head and row, the first matching key not yet seen
  Tensor mass_;
};

}  // namespace fovea::report
