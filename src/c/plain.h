// The structs of the C interface, checked and turned into the engine's own.
#pragma once

#include <stop_token>
#include <string>

#include "fovea.h"
#include "fovea/attention/kv_cache.h"
#include "fovea/engine/attend.h"

struct fovea_kv_cache {
  fovea::KvCache cache;
};

struct fovea_stop {
  std::stop_source source;
};

namespace fovea::c {

/// Each throws Error{invalid_argument} that names the field, or Error{unsupported} for a struct of
/// a newer header that asks for what this library does not know. Views still belong to the caller.
Attention attention_of(const fovea_attention* plain);
Execution execution_of(const fovea_execution* plain);
AttendInto targets_of(const fovea_answer* plain);
Observe observe_of(const fovea_observe* plain);
ObserveInto observe_targets_of(const fovea_observed* plain);
KvCache cache_of(const fovea_kv_cache_options* plain);
TensorView tensor_of(const fovea_tensor* plain, const char* name);

}  // namespace fovea::c
