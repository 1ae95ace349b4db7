// How a decode call is cut into chunks of rows and ranges of keys, and the memory that this takes.
#include <algorithm>
#include <cstdint>

#include "kernels/decode.h"

namespace fovea::kernels {
namespace {

// A range of fewer blocks would spend more on its partial results and its start than on keys.
constexpr std::int64_t kLeastBlocks = 4;
// Tasks to a thread: enough that threads end together.
constexpr std::int64_t kTasksOfThread = 4;

std::int64_t in_lines(std::int64_t floats) noexcept {
  return (floats + 15) / 16 * 16;
}

// Elements side by side, and enough of them for a vector of any target.
Reading reading_of(const TensorView& view, std::int64_t least) noexcept {
  return (view.stride(3) == 1 || view.size(3) == 1) && view.size(3) >= least ? Reading::in_place
                                                                             : Reading::copied;
}

// Key blocks that the chunks of one batch entry see, at most.
std::int64_t most_blocks(const ValidAttention& problem) noexcept {
  std::int64_t most = 0;
  for (std::int64_t b = 0; b < problem.batch(); ++b) {
    const KeyRange first = problem.visible_keys(b, 0);
    const KeyRange last = problem.visible_keys(b, problem.queries() - 1);
    // Both ends of the range move with the query.
    const std::int64_t keys = std::max(first.last, last.last) -
                              std::max<std::int64_t>(0, std::min(first.first, last.first));
    most = std::max(most, keys / kKeyBlock + 2);
  }
  return std::min(most, (problem.keys() + kKeyBlock - 1) / kKeyBlock);
}

}  // namespace

DecodeShape::DecodeShape(const ValidAttention& problem, int threads) noexcept {
  rows = problem.queries() * problem.group_size;
  chunks = (rows + kDecodeRows - 1) / kDecodeRows;
  const std::int64_t all_chunks = problem.batch() * problem.key_heads() * chunks;
  const std::int64_t blocks = most_blocks(problem);
  if (threads > 1) {
    const std::int64_t wanted = (kTasksOfThread * threads + all_chunks - 1) / all_chunks;
    ranges = std::max<std::int64_t>(1, std::min(wanted, blocks / kLeastBlocks));
  }
  tasks = all_chunks * ranges;
  // Without any value the sums of weights still need a vector to run beside.
  value_stride = in_lines(std::max<std::int64_t>(1, problem.value_size()));
  state_floats =
      3 * kDecodeRows + std::min<std::int64_t>(kDecodeRows, (rows + 3) / 4 * 4) * value_stride;
  left_blocks = blocks - (blocks + ranges - 1) / ranges;
  keys = problem.packed_key.given() ? Reading::packed : reading_of(problem.key, 1);
  values = reading_of(problem.value, problem.value.dtype() == DType::bf16 ? 32 : 16);
  key_stride = in_lines(problem.head_size()) + 16;
  thread_floats = 2 * kDecodeRows * kKeyBlock + state_floats +
                  in_lines(3 * kDecodeRows * problem.head_size()) +
                  (keys == Reading::copied ? kKeyBlock * key_stride : 0) +
                  (values == Reading::copied ? kKeyBlock * value_stride : 0);
  shared_floats = all_chunks * (1 + left_blocks) * state_floats + in_lines(all_chunks);
}

DecodeCall::DecodeCall(const ValidAttention& asked, const Targets& results, int threads,
                       float* memory) noexcept
    : problem(asked), targets(results), shape(asked, threads), factors(asked), shared(memory) {
  for (std::int64_t chunk = 0; chunk < shape.tasks / shape.ranges; ++chunk) done(chunk) = 0;
}

std::int32_t& DecodeCall::done(std::int64_t chunk) const noexcept {
  const std::int64_t all_chunks = shape.tasks / shape.ranges;
  float* const counters = shared + all_chunks * (1 + shape.left_blocks) * shape.state_floats;
  return reinterpret_cast<std::int32_t*>(counters)[chunk];
}

DecodeRows::DecodeRows(const DecodeCall& call, std::int64_t chunk) noexcept {
  const ValidAttention& problem = call.problem;
  const std::int64_t head = chunk / call.shape.chunks;
  const std::int64_t first_row = chunk % call.shape.chunks * kDecodeRows;
  key_head = head % problem.key_heads();
  rows.batch = head / problem.key_heads();
  rows.count = static_cast<int>(std::min<std::int64_t>(kDecodeRows, call.shape.rows - first_row));
  std::int64_t first = INT64_MAX;
  std::int64_t last = 0;
  for (int i = 0; i < rows.count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t row = first_row + i;
    rows.query[at] = row / problem.group_size;
    rows.head[at] = key_head * problem.group_size + row % problem.group_size;
    rows.diagonal[at] = problem.diagonal_at(rows.batch, rows.query[at]);
    rows.visible[at] = problem.visible_keys(rows.batch, rows.query[at]);
    if (rows.visible[at].first >= rows.visible[at].last) continue;
    first = std::min(first, rows.visible[at].first);
    last = std::max(last, rows.visible[at].last);
  }
  if (first < last) visible = {first, last};
}

}  // namespace fovea::kernels
