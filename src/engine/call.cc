// The one place that tells a question from a ragged batch.
#include "engine/call.h"

#include <utility>

namespace fovea::engine {

namespace {

// Sets `batch` where the question is ragged.
ValidAttention checked(const Attention& attention, const Execution& execution,
                       std::optional<RaggedBatch>& batch) {
  if (!is_ragged(attention)) return validate(attention, execution);
  return batch.emplace(attention, execution).packed();
}

}  // namespace

Call::Call(const Attention& attention, const Execution& execution, std::vector<Refusal>* refusals,
           Purpose purpose)
    : execution_(execution), results_(checked(attention, execution, batch_)) {
  if (batch_) {
    ragged_ = select_ragged(*batch_, execution, refusals);
    selection_ = ragged_.largest;
  } else {
    selection_ = select(results_, execution, refusals, purpose);
  }
}

std::int64_t Call::scratch_bytes() const noexcept {
  return batch_ ? ragged_.scratch_bytes : selection_.blocking.scratch_bytes;
}

Plan Call::plan(std::vector<Refusal> refusals) const {
  Plan plan = plan_of(selection_, std::move(refusals));
  if (!batch_) return plan;
  plan.sequences = batch_->sequences();
  plan.side_by_side = ragged_.side_by_side;
  plan.threads = ragged_.threads;
  plan.scratch_bytes = ragged_.scratch_bytes;
  return plan;
}

std::optional<std::int64_t> Call::run(const kernels::Resources& resources,
                                      const kernels::Targets& targets) const {
  if (batch_) return run_ragged(*batch_, execution_, ragged_, resources, targets);
  return selection_.implementation->run(results_, selection_.blocking, resources, targets);
}

}  // namespace fovea::engine
