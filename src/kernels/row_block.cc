// Cuts a key block where the set of rows that see something changes.
#include "kernels/row_block.h"

#include <algorithm>

namespace fovea::kernels {
namespace {

// What the rows of one step see of a key block: keys [some_first, some_last) by at least one row,
// keys [all_first, all_last) by every row.
struct StepView {
  int some_first = kBlockKeys;
  int some_last = 0;
  int all_first = 0;
  int all_last = kBlockKeys;
  bool sees(int first, int last) const noexcept { return some_first <= first && last <= some_last; }
  bool sees_all(int first, int last) const noexcept {
    return all_first <= first && last <= all_last;
  }
};

StepView view_of_step(const RowBlock& block, int step) noexcept {
  StepView view;
  for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; ++lane) {
    const auto i = static_cast<std::size_t>(lane);
    const int first = block.first[i];
    const int last = block.last[i];
    view.all_first = std::max(view.all_first, first);
    view.all_last = std::min(view.all_last, last);
    if (first >= last) continue;
    view.some_first = std::min(view.some_first, first);
    view.some_last = std::max(view.some_last, last);
  }
  return view;
}

}  // namespace

Segments cut_key_block(RowBlock& block, std::int64_t key, int keys) noexcept {
  Segments segments;
  if (block.most_first <= key && block.least_last >= key + keys) {
    segments.items[0] = {0, keys, 0, block.steps, false};
    segments.count = 1;
    return segments;
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    block.first[i] = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(block.rows.visible[i].first - key, 0, keys));
    block.last[i] = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(block.rows.visible[i].last - key, 0, keys));
  }
  std::array<StepView, kSteps> views;
  std::array<int, 4 * kSteps + 2> cuts{0, keys};
  std::size_t cut_count = 2;
  const auto steps = static_cast<std::size_t>(block.steps);
  for (std::size_t u = 0; u < steps; ++u) {
    views[u] = view_of_step(block, static_cast<int>(u));
    for (const int cut :
         {views[u].some_first, views[u].some_last, views[u].all_first, views[u].all_last})
      cuts[cut_count++] = std::clamp(cut, 0, keys);
  }
  std::sort(cuts.begin(), cuts.begin() + static_cast<std::ptrdiff_t>(cut_count));
  for (std::size_t i = 0; i + 1 < cut_count; ++i) {
    Segment segment{cuts[i], cuts[i + 1], block.steps, 0, false};
    if (segment.first == segment.last) continue;
    for (std::size_t u = 0; u < steps; ++u) {
      if (!views[u].sees(segment.first, segment.last)) continue;
      segment.step_first = std::min(segment.step_first, static_cast<int>(u));
      segment.step_last = static_cast<int>(u) + 1;
    }
    if (segment.step_first >= segment.step_last) continue;
    for (int u = segment.step_first; u < segment.step_last; ++u)
      segment.hides |= !views[static_cast<std::size_t>(u)].sees_all(segment.first, segment.last);
    segments.items[static_cast<std::size_t>(segments.count++)] = segment;
  }
  return segments;
}

}  // namespace fovea::kernels
