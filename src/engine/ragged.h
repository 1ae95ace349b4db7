// A ragged batch on all threads: long sequences one after the other, short ones side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/select.h"
#include "fovea/attention/ragged_batch.h"

namespace fovea::engine {

/// How a batch will run. A sequence with more than its share of the work has all threads to itself;
/// the others are tasks of one thread each. Neither changes a bit.
struct RaggedSelection {
  Selection largest;  // of the sequence with the most work
  int threads = 1;
  double share = 0;               // multiplications above which a sequence has all threads
  std::int64_t side_by_side = 0;  // sequences that are tasks
  std::int64_t task_bytes = 0;    // scratch of such a task
  std::int64_t scratch_bytes = 0;
};

/// Throws as select. Allocates only for refusals and errors.
RaggedSelection select_ragged(const RaggedBatch& batch, const Execution& execution,
                              std::vector<Refusal>* refusals);

/// Computes all sequences; as Implementation::run. Targets have 4 axes, the first of size 1.
std::optional<std::int64_t> run_ragged(const RaggedBatch& batch, const Execution& execution,
                                       const RaggedSelection& selection,
                                       const kernels::Resources& resources,
                                       const kernels::Targets& targets);

}  // namespace fovea::engine
