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
  void narrow(const KeyRange& kept, int keys) noexcept;
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

int rounded_down(int key) noexcept {
  return key / kRowStep * kRowStep;
}
int rounded_up(int key) noexcept {
  return (key + kRowStep - 1) / kRowStep * kRowStep;
}

void StepView::narrow(const KeyRange& kept, int keys) noexcept {
  some_first = std::max(some_first, rounded_down(static_cast<int>(kept.first)));
  some_last = std::min({some_last, rounded_up(static_cast<int>(kept.last)), keys});
  if (some_first >= some_last) *this = StepView{};
}

void set_lane_ranges(RowBlock& block, std::int64_t key, int keys) noexcept {
  const auto within = [key, keys](std::int64_t position) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(position - key, 0, keys));
  };
  for (std::size_t i = 0; i < kRows; ++i) {
    block.first[i] = within(block.rows.visible[i].first);
    block.last[i] = within(block.rows.visible[i].last);
  }
}

// Where what the steps see changes; and, rounded to steps, where all rows begin and cease to see
// everything, so that few keys are looked at one by one.
struct Cuts {
  std::array<int, 2 * kSteps + 4> at{};
  std::size_t count = 0;
  void add(int cut) noexcept { at[count++] = cut; }
};

Cuts find_cuts(std::span<const StepView> views, int keys) noexcept {
  Cuts cuts;
  cuts.add(0);
  cuts.add(keys);
  int all_first = 0;
  int all_last = keys;
  for (const StepView& view : views) {
    cuts.add(std::clamp(view.some_first, 0, keys));
    cuts.add(std::clamp(view.some_last, 0, keys));
    all_first = std::max(all_first, view.all_first);
    all_last = std::min(all_last, view.all_last);
  }
  if (rounded_up(all_first) < rounded_down(all_last)) {
    cuts.add(rounded_up(all_first));
    cuts.add(rounded_down(all_last));
  }
  std::sort(cuts.at.begin(), cuts.at.begin() + static_cast<std::ptrdiff_t>(cuts.count));
  return cuts;
}

}  // namespace

KeyRange Segments::keys_of_step(int step) const noexcept {
  KeyRange range{kBlockKeys, 0};
  for (const Segment& segment : all()) {
    if (step < segment.step_first || step >= segment.step_last) continue;
    range.first = std::min<std::int64_t>(range.first, segment.first);
    range.last = segment.last;
  }
  return range;
}

bool Segments::is_staircase(int steps) const noexcept {
  int key = items[0].first;
  int step = 0;
  for (const Segment& segment : all()) {
    if (segment.first != key || segment.step_first < step || segment.step_last != steps)
      return false;
    key = segment.last;
    step = segment.step_first;
  }
  return items[0].step_first == 0;
}

Segments cut_key_block(RowBlock& block, std::int64_t key, int keys, const KeepBits* keep) noexcept {
  Segments segments;
  const bool emptied = keep != nullptr && !keep->all;
  if (!emptied && block.most_first <= key && block.least_last >= key + keys) {
    segments.items[0] = {0, keys, 0, block.steps, 0};
    segments.count = 1;
    return segments;
  }
  set_lane_ranges(block, key, keys);
  std::array<StepView, kSteps> all_views;
  const std::span views(all_views.data(), static_cast<std::size_t>(block.steps));
  for (int u = 0; u < block.steps; ++u) {
    StepView& view = views[static_cast<std::size_t>(u)];
    view = view_of_step(block, u);
    if (emptied) view.narrow(keep->some[static_cast<std::size_t>(u)], keys);
  }
  const Cuts cuts = find_cuts(views, keys);
  for (std::size_t i = 0; i + 1 < cuts.count; ++i) {
    Segment segment{cuts.at[i], cuts.at[i + 1], block.steps, 0, 0};
    if (segment.first == segment.last) continue;
    for (int u = 0; u < block.steps; ++u) {
      if (!views[static_cast<std::size_t>(u)].sees(segment.first, segment.last)) continue;
      segment.step_first = std::min(segment.step_first, u);
      segment.step_last = u + 1;
    }
    if (segment.step_first >= segment.step_last) continue;
    for (int u = segment.step_first; u < segment.step_last; ++u) {
      const bool all = views[static_cast<std::size_t>(u)].sees_all(segment.first, segment.last);
      segment.hiding |= all ? 0U : 1U << u;
    }
    segments.items[static_cast<std::size_t>(segments.count++)] = segment;
  }
  return segments;
}

}  // namespace fovea::kernels
