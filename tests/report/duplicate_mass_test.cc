// Duplicate mass from the caller's own tiles is what Observe's match mass says.
#include "report/duplicate_mass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/insight/portrait.h"

namespace fovea::report {
namespace {

// Five kinds of token in no order, so that every tile of several has matches.
Tensor token_ids(std::int64_t count) {
  Tensor ids(DType::i32, {count});
  std::uint32_t state = 1;
  for (std::int32_t& id : ids.values<std::int32_t>()) {
    state = state * 1664525 + 1013904223;
    id = static_cast<std::int32_t>((state >> 16) % 5);
  }
  return ids;
}

// The largest difference over heads 0 and 3 of four.
float largest_difference(std::int64_t tokens, bool causal) {
  Generator generator(1);
  const Tensor query = randn({1, 4, tokens, 16}, generator);
  const Tensor key = randn({1, 2, tokens, 16}, generator);
  const Attention question{.query = query, .key = key, .value = key, .causal = causal};
  const Tensor ids = token_ids(tokens);
  const TokenLabels labels = duplicate_labels(question, ids);
  const std::vector<std::int64_t> heads = {0, 3};
  const MatchingKeys keys(labels);
  DuplicateMass mass(keys, heads);
  attend(question, Observe{.heads = heads, .own = &mass});
  Observe match = match_observe(labels);
  match.heads = heads;
  const Attended expected = attend(question, match);
  float largest = 0;
  for (std::int64_t head = 0; head < 2; ++head) {
    for (std::int64_t i = 0; i < tokens; ++i) {
      const float wanted = expected.observed.mass_match.view().at<float>(0, head, i);
      EXPECT_GT(wanted, 0);
      largest = std::max(largest, std::abs(mass.mass().at<float>(0, head, i) - wanted));
    }
  }
  return largest;
}

// Weights are right to 4 ulp and up to 300 of them add up to at most 1: some 300 roundings of at
// most half an ulp of 1.
constexpr float kTolerance = 304 * 0x1p-24F;

TEST(DuplicateMass, IsTheMatchMassOfADecoder) {
  EXPECT_LE(largest_difference(300, true), kTolerance);
}

TEST(DuplicateMass, IsTheMatchMassOfAnEncoder) {
  EXPECT_LE(largest_difference(300, false), kTolerance);
}

TEST(DuplicateMass, IsTheMatchMassOfFewTokens) {
  for (std::int64_t tokens = 1; tokens <= 6; ++tokens)
    EXPECT_LE(largest_difference(tokens, true), kTolerance) << tokens;
}

}  // namespace
}  // namespace fovea::report
