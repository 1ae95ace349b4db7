// Which heads tell most: of each kind in turn the strongest.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "fovea/insight/portrait.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// Kinds as they are shown: as the enumeration has them.
inline constexpr std::array kShownKinds{
    HeadKind::previous_token,  HeadKind::self,      HeadKind::first_token, HeadKind::sink,
    HeadKind::duplicate_token, HeadKind::induction, HeadKind::local,       HeadKind::broad};
/// Kinds as their heads are kept where there is room for few: what looks somewhere for a reason first, where attention
/// merely rests later.
inline constexpr std::array kKeptKinds{
    HeadKind::induction,   HeadKind::previous_token, HeadKind::duplicate_token, HeadKind::self,
    HeadKind::first_token, HeadKind::sink,           HeadKind::local,           HeadKind::broad};

/// Heads by how much they tell, as indices: the strongest of each of `kinds`, then the second of each, and so on; last those
/// without a label.
struct HeadOrder {
  std::vector<std::size_t> all;
  std::size_t strongest = 0;  ///< so many of them are the first of a kind
};
HeadOrder head_order(std::span<const ExplainedHead> heads, std::span<const HeadKind> kinds);

}  // namespace fovea::report
