// A call that has been checked and planned: one question, or a ragged batch of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/ragged.h"
#include "engine/select.h"

namespace fovea::engine {

class Call {
 public:
  /// Throws as fovea::plan; notes the refusals in `refusals` unless it is null. Allocates only for
  /// refusals and errors.
  Call(const Attention& attention, const Execution& execution, std::vector<Refusal>* refusals,
       Purpose purpose = Purpose::compute);

  /// A question with the sizes and the type of the results: the call's own, or of a batch the
  /// packed tensors as if they were one sequence.
  const ValidAttention& results() const noexcept { return results_; }
  /// The implementation; of a batch, that of the largest sequence.
  const kernels::Implementation& implementation() const noexcept {
    return *selection_.implementation;
  }
  std::int64_t scratch_bytes() const noexcept;
  int threads() const noexcept { return selection_.blocking.threads; }
  Plan plan(std::vector<Refusal> refusals) const;

  /// As Implementation::run.
  std::optional<std::int64_t> run(const kernels::Resources& resources,
                                  const kernels::Targets& targets) const;

 private:
  Execution execution_;
  std::optional<RaggedBatch> batch_;
  ValidAttention results_;
  RaggedSelection ragged_;
  Selection selection_;
};

}  // namespace fovea::engine
