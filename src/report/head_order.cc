// Which heads tell most.
#include "report/head_order.h"

#include <algorithm>
#include <map>

namespace fovea::report {
namespace {

struct Ranked {
  std::size_t index;
  double number;
};

// Heads of each kind, the strongest first.
std::map<HeadKind, std::vector<Ranked>> by_kind(std::span<const ExplainedHead> heads) {
  std::map<HeadKind, std::vector<Ranked>> kinds;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    for (const HeadLabel& label : heads[i].portrait.labels) {
      // Of a local head the narrowest tells most.
      const double number = label.kind == HeadKind::local ? -label.number : label.number;
      kinds[label.kind].push_back({i, number});
    }
  }
  for (auto& [kind, ranked] : kinds) {
    std::ranges::stable_sort(ranked, std::ranges::greater{}, &Ranked::number);
  }
  return kinds;
}

}  // namespace

HeadOrder head_order(std::span<const ExplainedHead> heads, std::span<const HeadKind> kinds) {
  const auto ranked = by_kind(heads);
  std::size_t rounds = 0;
  for (const auto& [kind, one] : ranked) rounds = std::max(rounds, one.size());
  HeadOrder order;
  std::vector<bool> is_taken(heads.size());
  const auto take = [&](std::size_t index) {
    if (!is_taken[index]) order.all.push_back(index);
    is_taken[index] = true;
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const HeadKind kind : kinds) {
      const auto found = ranked.find(kind);
      if (found != ranked.end() && round < found->second.size()) take(found->second[round].index);
    }
    if (round == 0) order.strongest = order.all.size();
  }
  for (std::size_t i = 0; i < heads.size(); ++i) take(i);
  return order;
}

}  // namespace fovea::report
