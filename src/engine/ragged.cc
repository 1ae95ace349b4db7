// Which sequences of a ragged batch share threads, and their run.
#include "engine/ragged.h"

#include <algorithm>
#include <atomic>

#include "fovea/core/parallel.h"

namespace fovea::engine {
namespace {

// A task is at most this part of what each thread has to do: threads then end together.
constexpr double kTasksOfThread = 4;
constexpr std::int64_t kTokenAxis = 2;

double multiplications(const ValidAttention& question) {
  return static_cast<double>(question.rows()) * static_cast<double>(question.keys()) *
         static_cast<double>(question.head_size() + question.value_size());
}

Execution on(int threads, Execution execution) {
  execution.threads = threads;
  return execution;
}

MutableTensorView tokens_of(const MutableTensorView& packed, const TokenRange& tokens) {
  if (!packed.given()) return packed;
  const TensorView part = packed.sliced(kTokenAxis, tokens.first, tokens.count);
  return {const_cast<void*>(part.data()), part.dtype(), part.shape(), part.strides()};
}

kernels::Targets targets_of(const kernels::Targets& packed, const TokenRange& tokens) {
  return {.output = tokens_of(packed.output, tokens),
          .log_sum_exp = tokens_of(packed.log_sum_exp, tokens),
          .row_max = tokens_of(packed.row_max, tokens),
          .row_sum = tokens_of(packed.row_sum, tokens),
          .state = {.output = tokens_of(packed.state.output, tokens),
                    .log2_max = tokens_of(packed.state.log2_max, tokens),
                    .sum = tokens_of(packed.state.sum, tokens),
                    .resume = packed.state.resume}};
}

std::optional<std::int64_t> run_one(const ValidAttention& question, const Execution& execution,
                                    const kernels::Resources& resources,
                                    const kernels::Targets& targets) {
  if (question.rows() == 0) return 0;
  const Selection selection = select(question, execution, nullptr);
  const auto bytes = static_cast<std::size_t>(selection.blocking.scratch_bytes);
  return selection.implementation->run(
      question, selection.blocking,
      {.scratch = resources.scratch.first(bytes), .stop = resources.stop}, targets);
}

}  // namespace

RaggedSelection select_ragged(const RaggedBatch& batch, const Execution& execution,
                              std::vector<Refusal>* refusals) {
  RaggedSelection chosen{.largest = {}, .threads = resolve_threads(execution.threads, "attend")};
  double all = 0;
  double most = -1;
  std::int64_t largest = -1;
  for (std::int64_t n = 0; n < batch.sequences(); ++n) {
    const double work = multiplications(batch.question(n));
    all += work;
    if (work <= most) continue;
    most = work;
    largest = n;
  }
  chosen.share = all / (kTasksOfThread * chosen.threads);
  for (std::int64_t n = 0; n < batch.sequences(); ++n) {
    const ValidAttention question = batch.question(n);
    const bool is_task = multiplications(question) <= chosen.share;
    const Selection selection =
        select(question, on(is_task ? 1 : chosen.threads, execution), nullptr);
    const std::int64_t bytes = selection.blocking.scratch_bytes;
    chosen.side_by_side += is_task ? 1 : 0;
    if (is_task) {
      chosen.task_bytes = std::max(chosen.task_bytes, (bytes + 63) / 64 * 64);
    } else {
      chosen.scratch_bytes = std::max(chosen.scratch_bytes, bytes);
    }
  }
  chosen.scratch_bytes = std::max(chosen.scratch_bytes, chosen.threads * chosen.task_bytes);
  const bool alone = most > chosen.share;
  chosen.largest = select(largest < 0 ? batch.packed() : batch.question(largest),
                          on(alone ? chosen.threads : 1, execution), refusals);
  return chosen;
}

std::optional<std::int64_t> run_ragged(const RaggedBatch& batch, const Execution& execution,
                                       const RaggedSelection& selection,
                                       const kernels::Resources& resources,
                                       const kernels::Targets& targets) {
  const auto is_task = [&](const ValidAttention& question) {
    return multiplications(question) <= selection.share;
  };
  std::int64_t empty = 0;
  for (std::int64_t n = 0; n < batch.sequences(); ++n) {
    const ValidAttention question = batch.question(n);
    if (is_task(question)) continue;
    const std::optional<std::int64_t> found =
        run_one(question, on(selection.threads, execution), resources,
                targets_of(targets, batch.queries(n)));
    if (!found.has_value()) return {};
    empty += *found;
  }
  std::atomic<std::int64_t> empty_of_tasks{0};
  std::atomic<bool> stopped{false};
  const bool done =
      parallel_for(batch.sequences(), selection.threads, resources.stop,
                   [&](std::int64_t n, int worker) noexcept {
                     const ValidAttention question = batch.question(n);
                     if (!is_task(question)) return;
                     const auto bytes = static_cast<std::size_t>(selection.task_bytes);
                     const std::span<std::byte> scratch =
                         resources.scratch.subspan(static_cast<std::size_t>(worker) * bytes, bytes);
                     const std::optional<std::int64_t> found =
                         run_one(question, on(1, execution), {scratch, resources.stop},
                                 targets_of(targets, batch.queries(n)));
                     if (!found.has_value()) stopped = true;
                     empty_of_tasks += found.value_or(0);
                   });
  if (!done || stopped) return {};
  return empty + empty_of_tasks;
}

}  // namespace fovea::engine
