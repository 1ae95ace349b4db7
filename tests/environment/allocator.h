// The allocator of this test program: it counts what is asked for, and can refuse.
#pragma once

#include <cstdint>

namespace fovea::environment {

/// Counts and, if asked, refuses this thread's and all other threads' allocations while it lives. One at a time.
class WatchAllocations {
 public:
  /// Refuses the allocation with this index, from 0, and none when it is negative.
  explicit WatchAllocations(std::int64_t refused = -1);
  WatchAllocations(const WatchAllocations&) = delete;
  WatchAllocations& operator=(const WatchAllocations&) = delete;
  ~WatchAllocations();

  std::int64_t count() const;       ///< allocations since it was made
  std::int64_t bytes() const;       ///< asked for by them together, whether released since or not
  std::int64_t unreleased() const;  ///< of them less releases, refused ones apart
};

}  // namespace fovea::environment
