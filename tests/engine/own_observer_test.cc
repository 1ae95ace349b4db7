// A caller's own observer: what it is shown, and what becomes of what it throws.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <set>
#include <vector>

#include "engine/observed_question.h"
#include "fovea/core/error.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class OwnObserver : public ObserveTest {};

/// What a caller sees of each pair: how often, its score, its weight.
class Pairs : public TileObserver {
 public:
  Pairs(std::int64_t heads, std::int64_t queries, std::int64_t keys)
      : queries_(queries), keys_(keys), pairs_(static_cast<std::size_t>(heads * queries * keys)) {}
  struct Pair {
    int scored = 0;
    int weighed = 0;
    float score = -kInfinity;
    float share_of_tile = 0;
    float weight = 0;
  };

  void tile(const ObservedTile& tile) override {
    for_pairs(tile, [&](Pair& pair, std::int64_t at) {
      ++pair.scored;
      pair.score = tile.scores[at];
      pair.share_of_tile = tile.weights[at];
    });
    for (std::int64_t i = 0; i < tile.queries; ++i) check_own_maximum(tile, i);
  }
  void weights(const ObservedTile& tile) override {
    EXPECT_EQ(tile.scores, nullptr);
    for_pairs(tile, [&](Pair& pair, std::int64_t at) {
      ++pair.weighed;
      pair.weight = tile.weights[at];
    });
  }

  const Pair& at(std::int64_t head, std::int64_t query, std::int64_t key) const {
    return pairs_[static_cast<std::size_t>((head * queries_ + query) * keys_ + key)];
  }
  std::set<std::int64_t> heads() const { return heads_; }
  float largest_fault() const { return largest_fault_; }

 private:
  template <typename Visit>
  void for_pairs(const ObservedTile& tile, const Visit& visit) {
    EXPECT_LE(tile.queries, 64);
    EXPECT_LE(tile.keys, 128);
    {
      const std::lock_guard lock(mutex_);
      heads_.insert(tile.head);
    }
    for (std::int64_t j = 0; j < tile.keys; ++j) {
      for (std::int64_t i = 0; i < tile.queries; ++i) {
        const std::int64_t row = tile.head * queries_ + tile.first_query + i;
        visit(pairs_[static_cast<std::size_t>(row * keys_ + tile.first_key + j)], i + 64 * j);
      }
    }
  }
  void check_own_maximum(const ObservedTile& tile, std::int64_t i) {
    float max = -kInfinity;
    for (std::int64_t j = 0; j < tile.keys; ++j) max = std::max(max, tile.scores[i + 64 * j]);
    float fault = 0;
    for (std::int64_t j = 0; j < tile.keys; ++j) {
      const float score = tile.scores[i + 64 * j];
      const float wanted = score == -kInfinity ? 0 : std::exp(score - max);
      fault = std::max(fault, std::abs(tile.weights[i + 64 * j] - wanted));
    }
    const std::lock_guard lock(mutex_);
    largest_fault_ = std::max(largest_fault_, fault);
  }

  std::int64_t queries_;
  std::int64_t keys_;
  std::vector<Pair> pairs_;
  std::mutex mutex_;
  std::set<std::int64_t> heads_;
  float largest_fault_ = 0;
};

TEST_F(OwnObserver, AnOwnObserverSeesEachVisiblePairOnce) {
  attention_.window = {.left = 130, .right = 3};
  for (const int threads : {1, 3}) {
    Pairs pairs(kHeads, kQueries, kKeys);
    attend(attention_, {.own = &pairs}, {.threads = threads});
    // exp of a difference of scores below 8 that are off by half an ulp of 8, and exp2's 2 ulp.
    EXPECT_LT(pairs.largest_fault(), 2e-6F);
    for (std::int64_t row = 0; row < kHeads * kQueries; ++row) {
      const std::int64_t head = row / kQueries;
      const std::int64_t query = row % kQueries;
      const std::int64_t diagonal = query + kKeys - kQueries;
      double sum = 0;
      for (std::int64_t key = 0; key < kKeys; ++key) {
        const Pairs::Pair& pair = pairs.at(head, query, key);
        const bool visible = diagonal - 130 <= key && key <= diagonal + 3;
        ASSERT_EQ(pair.score > -kInfinity, visible) << row << ", " << key;
        ASSERT_EQ(pair.weight > 0, visible) << row << ", " << key;
        ASSERT_EQ(pair.share_of_tile > 0, visible) << row << ", " << key;
        ASSERT_EQ(pair.scored, pair.weighed) << row << ", " << key;
        ASSERT_LE(pair.scored, 1) << row << ", " << key;
        sum += static_cast<double>(pair.weight);
      }
      // Some 30 roundings: of the row sum, and of each weight.
      EXPECT_NEAR(sum, 1, 2e-6) << row;
    }
  }
}

TEST_F(OwnObserver, HeadsThatAreNotObservedAreNotVisited) {
  Pairs pairs(kHeads, kQueries, kKeys);
  const Attended answer = attend(attention_, {.heads = {1, 2}, .own = &pairs});
  EXPECT_THAT(pairs.heads(), ElementsAre(1, 2));
  EXPECT_THAT(answer.observed.heads, ElementsAre(1, 2));
  EXPECT_EQ(pairs.at(0, 0, 0).scored + pairs.at(3, 0, 0).weighed, 0);
  EXPECT_TRUE(std::ranges::equal(answer.output.bytes(), attend(attention_).output.bytes()));
}

TEST_F(OwnObserver, TheReferenceSaysThatItAsksNone) {
  Pairs pairs(kHeads, kQueries, kKeys);
  try {
    attend(attention_, {.own = &pairs}, {.implementation = "reference"});
    EXPECT_EQ(pairs.at(0, 0, 0).weighed, 1);
  } catch (const Error& refused) {
    EXPECT_EQ(refused.kind(), ErrorKind::unsupported) << refused.what();
  }
}

struct Thrown {
  std::int64_t head = 0;
};

/// Throws at one tile of scores or of weights.
class Throwing : public TileObserver {
 public:
  explicit Throwing(bool at_weights) : at_weights_(at_weights) {}
  void tile(const ObservedTile& tile) override { look(tile, !at_weights_); }
  void weights(const ObservedTile& tile) override { look(tile, at_weights_); }
  int thrown() const { return thrown_; }

 private:
  void look(const ObservedTile& tile, bool throws) {
    if (!throws || tile.head != 2 || tile.first_query > 100 || tile.first_query + 64 <= 100) return;
    if (tile.first_key > 0) return;
    ++thrown_;
    throw Thrown{tile.head};
  }
  bool at_weights_;
  std::atomic<int> thrown_{0};
};

TEST_F(OwnObserver, WhatAnOwnObserverThrowsReachesTheCallerOnce) {
  const Attended expected = attend(attention_, {.entropy = true, .received = true});
  for (const bool at_weights : {false, true}) {
    for (const int threads : {1, 8}) {
      Throwing own(at_weights);
      int caught = 0;
      try {
        attend(attention_, {.own = &own}, {.threads = threads});
      } catch (const Thrown& thrown) {
        ++caught;
        EXPECT_EQ(thrown.head, 2);
      }
      EXPECT_EQ(caught, 1);
      EXPECT_EQ(own.thrown(), 1);
      const Attended next =
          attend(attention_, {.entropy = true, .received = true}, {.threads = threads});
      EXPECT_TRUE(std::ranges::equal(next.output.bytes(), expected.output.bytes()));
      EXPECT_TRUE(
          std::ranges::equal(next.observed.received.bytes(), expected.observed.received.bytes()));
    }
  }
}

/// Throws wherever it is asked.
class AlwaysThrowing : public TileObserver {
 public:
  void tile(const ObservedTile& tile) override { throw Thrown{tile.head}; }
};

TEST_F(OwnObserver, OfManyThatThrowAtOnceTheCallerGetsOne) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    AlwaysThrowing own;
    EXPECT_THROW(attend(attention_, {.own = &own}, {.threads = 8}), Thrown);
  }
}

/// Asks attend about something else from within.
class Asking : public TileObserver {
 public:
  explicit Asking(const Attention& attention) : attention_(attention) {}
  void tile(const ObservedTile&) override { ask(); }
  void weights(const ObservedTile&) override { ask(); }
  std::vector<float> answers() const { return answers_; }

 private:
  void ask() {
    const Attended answer = attend(attention_, {.entropy = true}, {.threads = 2});
    const std::lock_guard lock(mutex_);
    answers_.push_back(answer.output.values<float>()[0] +
                       answer.observed.entropy.values<float>()[0]);
  }
  Attention attention_;
  std::mutex mutex_;
  std::vector<float> answers_;
};

TEST_F(OwnObserver, AnOwnObserverMayAskItself) {
  const Attended inner = attend(attention_, {.entropy = true});
  const float answer = inner.output.values<float>()[0] + inner.observed.entropy.values<float>()[0];
  const Attended expected = attend(attention_, {.received = true});
  for (const int threads : {1, 4}) {
    Asking own(attention_);
    const Attended outer =
        attend(attention_, {.received = true, .own = &own}, {.threads = threads});
    // 4 heads of at least 3 blocks of rows and 2 of keys, twice each.
    EXPECT_GE(own.answers().size(), 48U);
    EXPECT_THAT(own.answers(), Each(answer));
    EXPECT_TRUE(
        std::ranges::equal(outer.observed.received.bytes(), expected.observed.received.bytes()));
    EXPECT_TRUE(std::ranges::equal(outer.output.bytes(), expected.output.bytes()));
  }
}

}  // namespace
}  // namespace fovea
