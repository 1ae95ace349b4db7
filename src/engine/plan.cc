// Walks the list of implementations, best first, and says what it found.
#include "fovea/engine/plan.h"

#include <fmt/format.h>

#include "engine/call.h"
#include "engine/select.h"
#include "fovea/core/error.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"
#include "kernels/watch.h"

namespace fovea {
namespace engine {
namespace {

// Why an implementation cannot run the call; empty = it can.
std::string_view refusal_of(const kernels::Implementation& candidate, const ValidAttention& problem,
                            Purpose purpose) {
  if (purpose == Purpose::observe && candidate.block_observed == nullptr)
    return "it does not observe";
  return candidate.refuse(problem);
}

const kernels::Implementation& named(std::string_view name, const ValidAttention& problem,
                                     Purpose purpose) {
  std::string known;
  for (const kernels::Implementation& candidate : implementations()) {
    if (candidate.name == name) {
      const std::string_view reason = refusal_of(candidate, problem, purpose);
      if (reason.empty()) return candidate;
      throw Error(ErrorKind::unsupported,
                  fmt::format("attend: implementation {} cannot run this call: {}", name, reason));
    }
    known += known.empty() ? candidate.name : fmt::format(", {}", candidate.name);
  }
  throw Error(ErrorKind::invalid_argument,
              fmt::format("attend: no implementation is named \"{}\"; there are {}", name, known));
}

const kernels::Implementation& first_willing(const ValidAttention& problem, Purpose purpose,
                                             std::vector<Refusal>* refusals) {
  std::string_view told;  // the reason of the one that was nearest
  for (const kernels::Implementation& candidate : implementations()) {
    std::string_view reason = refusal_of(candidate, problem, purpose);
    // One that observes has no better one to yield to.
    const bool may_yield = purpose == Purpose::compute && candidate.yield != nullptr;
    if (reason.empty() && may_yield) reason = candidate.yield(problem);
    // Observing must not change a bit of the output: not into double unasked.
    const bool is_unasked = purpose == Purpose::observe && candidate.name == "reference" &&
                            problem.query.dtype() != DType::f64;
    if (reason.empty() && is_unasked) reason = "it observes in double; by name only";
    if (reason.empty()) return candidate;
    const bool is_near = purpose == Purpose::compute || candidate.block_observed != nullptr;
    if (is_near && !is_unasked) told = reason;
    if (refusals != nullptr) {
      refusals->push_back({std::string(candidate.name), std::string(reason)});
    }
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("attend: no implementation can {} this call: {}",
                          purpose == Purpose::observe ? "observe" : "run", told));
}

}  // namespace

Selection select(const ValidAttention& problem, const Execution& execution,
                 std::vector<Refusal>* refusals, Purpose purpose) {
  kernels::target_in_use();
  const kernels::Implementation& implementation =
      execution.implementation.empty() ? first_willing(problem, purpose, refusals)
                                       : named(execution.implementation, problem, purpose);
  Selection selection{.implementation = &implementation, .blocking = {}};
  const auto block =
      purpose == Purpose::observe ? implementation.block_observed : implementation.block;
  if (problem.rows() > 0) selection.blocking = block(problem, execution.threads);
  return selection;
}

Plan plan_of(const Selection& selection, std::vector<Refusal> refusals) {
  const bool is_reference = selection.implementation->name == "reference";
  return {.implementation = std::string(selection.implementation->name),
          .target = std::string(is_reference ? "scalar" : kernels::target_in_use()),
          .threads = selection.blocking.threads,
          .query_block = selection.blocking.query_block,
          .key_block = selection.blocking.key_block,
          .scratch_bytes = selection.blocking.scratch_bytes,
          .refusals = std::move(refusals)};
}

}  // namespace engine

std::string Plan::explain() const {
  std::string text;
  if (sequences > 0) {
    text = fmt::format(
        "a ragged batch of {} sequence{}, {} of them side by side on one thread each; for the "
        "largest:\n",
        sequences, sequences == 1 ? "" : "s", side_by_side);
  }
  text += fmt::format("{} runs on {} with {} thread{}", implementation, target, threads,
                      threads == 1 ? "" : "s");
  if (query_block > 0) {
    text += fmt::format(": {} row{} a task, keys {} at a time, {} bytes of scratch", query_block,
                        query_block == 1 ? "" : "s", key_block, scratch_bytes);
  }
  text += "\n";
  for (const Refusal& refusal : refusals) {
    text += fmt::format("{} refused: {}\n", refusal.implementation, refusal.reason);
  }
  return text;
}

Plan plan(const Attention& attention, const Execution& execution) {
  std::vector<Refusal> refusals;
  const engine::Call call(attention, execution, &refusals);
  return call.plan(std::move(refusals));
}

std::vector<ImplementationInfo> list_implementations() {
  std::vector<ImplementationInfo> list;
  for (const kernels::Implementation& implementation : engine::implementations()) {
    list.push_back({std::string(implementation.name), std::string(implementation.summary)});
  }
  return list;
}

std::vector<ObserverInfo> list_observers() {
  std::vector<ObserverInfo> list;
  for (const kernels::ObserverEntry& entry : kernels::observers())
    list.push_back({std::string(entry.name), std::string(entry.summary)});
  return list;
}

}  // namespace fovea
