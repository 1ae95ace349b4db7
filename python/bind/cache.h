// A KvCache that threads share, and that knows when a view of it has ended.
#pragma once

#include <memory>
#include <shared_mutex>

#include "fovea/attention/kv_cache.h"

namespace fovea::bind {

struct CacheState {
  explicit CacheState(KvCache made) : cache(std::move(made)) {}
  KvCache cache;
  std::shared_mutex mutex;   ///< locked without the GIL, shared by those who ask
  std::int64_t version = 0;  ///< counts the changes that end views
};

struct SharedCache {
  std::shared_ptr<CacheState> state;
};

}  // namespace fovea::bind
