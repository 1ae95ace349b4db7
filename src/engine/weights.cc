// Checks, then the kernel that makes weights of scores.
#include "fovea/engine/weights.h"

#include <fmt/format.h>

#include <utility>

#include "core/float_mode.h"
#include "engine/memory_overlap.h"
#include "engine/targets.h"
#include "fovea/attention/ragged_batch.h"
#include "fovea/core/error.h"
#include "kernels/target.h"
#include "kernels/weights.h"

namespace fovea {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "weights: " + fmt::format(text, std::forward<Args>(args)...));
}

void check_range(const char* name, std::int64_t first, std::int64_t count, std::int64_t end) {
  if (first >= 0 && count >= 0 && first <= end && count <= end - first) return;
  fail("{} {} of them from {}; there are {}", name, count, first, end);
}

void check_view(const char* name, const TensorView& view, const Shape& wanted) {
  if (!view.given()) fail("{} is not given", name);
  if (view.dtype() != DType::f32) fail("{} is {}; f32 is wanted", name, name_of(view.dtype()));
  if (view.shape() != wanted)
    fail("{} is {}; {} is wanted", name, to_string(view.shape()), to_string(wanted));
  if (view.element_count() > 0 && view.data() == nullptr) fail("{} is a null pointer", name);
}

}  // namespace

void weights_into(const Attention& attention, const RowStatistics& rows, const WeightBlock& block,
                  const MutableTensorView& out) {
  if (is_ragged(attention))
    throw Error(ErrorKind::unsupported, "weights: a ragged batch; ask about its sequences alone");
  const ValidAttention valid = validate(attention, {});
  const Shape statistic = engine::result_shape(valid, true);
  check_view("log2_max", rows.log2_max, statistic);
  check_view("row_sum", rows.row_sum, statistic);
  if (block.batch < 0 || block.batch >= valid.batch())
    fail("batch is {}; there are {}", block.batch, valid.batch());
  if (block.head < 0 || block.head >= valid.query_heads())
    fail("head is {}; there are {}", block.head, valid.query_heads());
  check_range("queries:", block.first_query, block.queries, valid.queries());
  check_range("keys:", block.first_key, block.keys, valid.keys());
  check_view("out", out, Shape{block.queries, block.keys});
  const std::string_view reason = kernels::refuse_weights(valid);
  if (!reason.empty()) throw Error(ErrorKind::unsupported, fmt::format("weights: {}", reason));
  if (out.element_count() == 0) return;
  if (!engine::elements_are_distinct(out)) fail("elements of out share memory");
  kernels::target_in_use();
  Tensor scratch = Tensor::uninitialized(DType::u8, {kernels::weights_scratch(valid)});
  const DefaultFloatMode mode;
  const int added = 4 - valid.given_rank;
  kernels::run_weights(valid,
                       {.batch = block.batch,
                        .head = block.head,
                        .first_query = block.first_query,
                        .queries = block.queries,
                        .first_key = block.first_key,
                        .keys = block.keys,
                        .log2_max = rows.log2_max.with_leading_axes(added),
                        .row_sum = rows.row_sum.with_leading_axes(added),
                        .out = out},
                       scratch.bytes());
}

}  // namespace fovea
