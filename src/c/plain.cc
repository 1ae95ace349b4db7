// The only place that reads the caller's structs: sizes of structs, enumerators, byte strides.
#include "c/plain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "fovea/core/error.h"

namespace fovea::c {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "fovea: " + fmt::format(text, std::forward<Args>(args)...));
}

/// Sizes of the structs in the first version of the interface: the least that any caller has.
constexpr std::uint64_t kFirstAttention = 320;
constexpr std::uint64_t kFirstExecution = 24;
constexpr std::uint64_t kFirstAnswer = 144;
constexpr std::uint64_t kFirstKvCacheOptions = 56;
constexpr std::uint64_t kFirstObserve = 184;
constexpr std::uint64_t kFirstObserved = 496;
static_assert(sizeof(fovea_attention) ==
                  kFirstAttention + sizeof(void*) + 2 * sizeof(fovea_tensor) &&
              sizeof(fovea_execution) == kFirstExecution + sizeof(void*) &&
              sizeof(fovea_answer) == kFirstAnswer + 120 &&
              sizeof(fovea_kv_cache_options) == kFirstKvCacheOptions &&
              sizeof(fovea_observe) == kFirstObserve && sizeof(fovea_observed) == kFirstObserved);
static_assert(FOVEA_DISTANCE_BUCKETS == kDistanceBuckets);

/// No struct of ours will ever be this large: a larger struct_size was never set.
constexpr std::uint64_t kLargestStruct = 4096;

/// Returns the caller's struct in today's form. What an older caller lacks is 0; what a newer one
/// has beyond it must be 0. This is how Linux extends the structs of its system calls.
template <typename Plain>
Plain in_todays_form(const Plain* given, const char* name, std::uint64_t size_of_first_version) {
  if (given == nullptr) fail("{} is a null pointer", name);
  const std::uint64_t size = given->struct_size;
  if (size < size_of_first_version || size > kLargestStruct) {
    fail("{}.struct_size is {}; it must be sizeof(fovea_{}), which is {} in this version", name,
         size, name, sizeof(Plain));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size > sizeof(Plain) && std::any_of(bytes + sizeof(Plain), bytes + size,
                                          [](unsigned char byte) { return byte != 0; })) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format(
            "fovea: {} sets a field beyond the {} bytes that version {} knows; use a newer library",
            name, sizeof(Plain), fovea_version()));
  }
  Plain plain{};
  std::memcpy(&plain, bytes, std::min<std::size_t>(size, sizeof(Plain)));
  return plain;
}

DType type_of(std::int32_t type, const char* name) {
  switch (type) {
    case FOVEA_F32:
      return DType::f32;
    case FOVEA_F64:
      return DType::f64;
    case FOVEA_F16:
      return DType::f16;
    case FOVEA_BF16:
      return DType::bf16;
    case FOVEA_BOOL:
      return DType::boolean;
    case FOVEA_I32:
      return DType::i32;
    case FOVEA_I64:
      return DType::i64;
    default:
      break;
  }
  fail("{} is {}, which is no fovea_type", name, type);
}

bool claim_of(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) fail("{} is {}; it must be 0 or 1", name, value);
  return value == 1;
}

Shape element_strides(const std::int64_t* bytes, const Shape& sizes, std::int64_t element,
                      const std::string& name) {
  if (bytes == nullptr) return contiguous_strides(sizes);
  Shape strides = sizes;
  for (int axis = 0; axis < sizes.rank(); ++axis) {
    if (bytes[axis] % element != 0) {
      fail("{}.strides[{}] is {} bytes; it must be a multiple of the element's size, {}", name,
           axis, bytes[axis], element);
    }
    strides[axis] = bytes[axis] / element;
  }
  return strides;
}

/// A fovea_tensor as a TensorView, a fovea_target as a MutableTensorView.
template <typename View, typename Plain>
View view_of(const Plain& plain, const std::string& name) {
  if (plain.type == FOVEA_NOT_GIVEN) return {};
  const DType type = type_of(plain.type, (name + ".type").c_str());
  if (plain.rank < 0 || plain.rank > kMaxRank) {
    fail("{}.rank is {}; it must be from 0 to {}", name, plain.rank, kMaxRank);
  }
  if (plain.rank > 0 && plain.sizes == nullptr) fail("{}.sizes is a null pointer", name);
  const Shape sizes(std::span(plain.sizes, static_cast<std::size_t>(plain.rank)));
  for (int axis = 0; axis < sizes.rank(); ++axis) {
    if (sizes[axis] < 0)
      fail("{}.sizes[{}] is {}; it must not be negative", name, axis, sizes[axis]);
  }
  const std::int64_t element = size_of(type);
  if (reinterpret_cast<std::uintptr_t>(plain.data) % static_cast<std::uintptr_t>(element) != 0) {
    fail("{}.data is not aligned to its elements of {} bytes", name, element);
  }
  return View(plain.data, type, sizes, element_strides(plain.strides, sizes, element, name));
}

/// Numbers of heads, queries or keys. There are never more tokens than an i32 counts, so a larger
/// count was never set.
std::vector<std::int64_t> indices_of(const std::int64_t* data, std::int64_t count, const char* name,
                                     const char* count_name) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (count < 0 || count > kMost) {
    fail("observe.{} is {}; it must be from 0 to {}", count_name, count, kMost);
  }
  if (count == 0) return {};
  if (data == nullptr) fail("observe.{} is a null pointer with {} {}", name, count_name, count);
  return {data, data + count};
}

Diagonal diagonal_of(const fovea_attention& plain) {
  switch (plain.diagonal) {
    case FOVEA_BOTTOM_RIGHT:
      return Diagonal::bottom_right();
    case FOVEA_TOP_LEFT:
      return Diagonal::top_left();
    case FOVEA_AT_OFFSET:
      return Diagonal::at(plain.diagonal_offset);
    default:
      break;
  }
  fail("attention.diagonal is {}, which is no fovea_diagonal", plain.diagonal);
}

}  // namespace

Attention attention_of(const fovea_attention* given) {
  const auto plain = in_todays_form(given, "attention", kFirstAttention);
  Attention attention{.query = view_of<TensorView>(plain.query, "query"),
                      .key = view_of<TensorView>(plain.key, "key"),
                      .value = view_of<TensorView>(plain.value, "value")};
  if (claim_of(plain.has_scale, "attention.has_scale")) attention.scale = plain.scale;
  attention.softcap = plain.softcap;
  attention.bias = view_of<TensorView>(plain.bias, "bias");
  attention.keep = view_of<TensorView>(plain.keep, "keep");
  attention.causal = claim_of(plain.causal, "attention.causal");
  if (claim_of(plain.has_window, "attention.has_window")) {
    attention.window = {.left = plain.window_left, .right = plain.window_right};
  }
  attention.diagonal = diagonal_of(plain);
  attention.alibi_slopes = view_of<TensorView>(plain.alibi_slopes, "alibi_slopes");
  attention.sinks = view_of<TensorView>(plain.sinks, "sinks");
  attention.key_lengths = view_of<TensorView>(plain.key_lengths, "key_lengths");
  attention.query_offsets = view_of<TensorView>(plain.query_offsets, "query_offsets");
  attention.key_offsets = view_of<TensorView>(plain.key_offsets, "key_offsets");
  if (plain.cache != nullptr) {
    if (attention.key.given() || attention.value.given())
      fail("cache is given, and so is key or value; the cache stands in their place");
    attention.packed_key = plain.cache->cache.packed_key();
    attention.value = plain.cache->cache.value();
  }
  return attention;
}

Execution execution_of(const fovea_execution* given) {
  if (given == nullptr) return {};
  const auto plain = in_todays_form(given, "execution", kFirstExecution);
  Execution execution{.threads = plain.threads};
  if (plain.implementation != nullptr) execution.implementation = plain.implementation;
  if (plain.output_type != FOVEA_NOT_GIVEN) {
    execution.output_type = type_of(plain.output_type, "execution.output_type");
  }
  if (plain.stop != nullptr) execution.stop = plain.stop->source.get_token();
  return execution;
}

AttendInto targets_of(const fovea_answer* given) {
  const auto plain = in_todays_form(given, "answer", kFirstAnswer);
  if (plain.unused != 0) fail("answer.unused is {}; it must be 0", plain.unused);
  if (plain.workspace_size < 0 || (plain.workspace == nullptr && plain.workspace_size > 0)) {
    fail("answer.workspace is {} with workspace_size {}",
         plain.workspace == nullptr ? "a null pointer" : "given", plain.workspace_size);
  }
  return {.output = view_of<MutableTensorView>(plain.output, "output"),
          .log_sum_exp = view_of<MutableTensorView>(plain.log_sum_exp, "log_sum_exp"),
          .row_max = view_of<MutableTensorView>(plain.row_max, "row_max"),
          .row_sum = view_of<MutableTensorView>(plain.row_sum, "row_sum"),
          .state = {.output = view_of<MutableTensorView>(plain.state_output, "state_output"),
                    .log2_max = view_of<MutableTensorView>(plain.state_log2_max, "state_log2_max"),
                    .sum = view_of<MutableTensorView>(plain.state_sum, "state_sum")},
          .resume = claim_of(plain.resume, "answer.resume"),
          .workspace = {static_cast<std::byte*>(plain.workspace),
                        static_cast<std::size_t>(plain.workspace_size)}};
}

Observe observe_of(const fovea_observe* given) {
  const auto plain = in_todays_form(given, "observe", kFirstObserve);
  if (plain.unused != 0) fail("observe.unused is {}; it must be 0", plain.unused);
  Observe observe;
  observe.heads = indices_of(plain.heads, plain.head_count, "heads", "head_count");
  observe.rows = indices_of(plain.rows, plain.row_count, "rows", "row_count");
  observe.columns = indices_of(plain.columns, plain.column_count, "columns", "column_count");
  observe.top_weights = plain.top_weights;
  observe.pool_cells = {.queries = plain.pool_queries, .keys = plain.pool_keys};
  observe.mass_first = plain.mass_first;
  observe.query_labels = view_of<TensorView>(plain.query_labels, "query_labels");
  observe.key_labels = view_of<TensorView>(plain.key_labels, "key_labels");
  observe.entropy = claim_of(plain.entropy, "observe.entropy");
  observe.received = claim_of(plain.received, "observe.received");
  observe.pooled_map = claim_of(plain.pooled_map, "observe.pooled_map");
  observe.distance = claim_of(plain.distance, "observe.distance");
  observe.mass_self = claim_of(plain.mass_self, "observe.mass_self");
  observe.mass_previous = claim_of(plain.mass_previous, "observe.mass_previous");
  observe.row_statistics = claim_of(plain.row_statistics, "observe.row_statistics");
  return observe;
}

ObserveInto observe_targets_of(const fovea_observed* given) {
  const auto plain = in_todays_form(given, "observed", kFirstObserved);
  const auto target = [](const fovea_target& of, const char* name) {
    return view_of<MutableTensorView>(of, std::string("observed.") + name);
  };
  return {.top_weights = target(plain.top_weights, "top_weights"),
          .top_indices = target(plain.top_indices, "top_indices"),
          .entropy = target(plain.entropy, "entropy"),
          .received = target(plain.received, "received"),
          .pooled_map = target(plain.pooled_map, "pooled_map"),
          .distance = target(plain.distance, "distance"),
          .rows = target(plain.rows, "rows"),
          .columns = target(plain.columns, "columns"),
          .mass_first = target(plain.mass_first, "mass_first"),
          .mass_self = target(plain.mass_self, "mass_self"),
          .mass_previous = target(plain.mass_previous, "mass_previous"),
          .mass_match = target(plain.mass_match, "mass_match"),
          .mass_sink = target(plain.mass_sink, "mass_sink"),
          .log2_max = target(plain.log2_max, "log2_max"),
          .row_sum = target(plain.row_sum, "row_sum")};
}

KvCache cache_of(const fovea_kv_cache_options* given) {
  const auto plain = in_todays_form(given, "kv_cache_options", kFirstKvCacheOptions);
  if (plain.unused != 0) fail("kv_cache_options.unused is {}; it must be 0", plain.unused);
  const DType type =
      plain.type == FOVEA_NOT_GIVEN ? DType::f32 : type_of(plain.type, "kv_cache_options.type");
  return KvCache({.batch = plain.batch == 0 ? 1 : plain.batch,
                  .key_heads = plain.key_heads == 0 ? 1 : plain.key_heads,
                  .head_size = plain.head_size,
                  .value_size = plain.value_size},
                 type, plain.capacity);
}

TensorView tensor_of(const fovea_tensor* plain, const char* name) {
  if (plain == nullptr) fail("{} is a null pointer", name);
  return view_of<TensorView>(*plain, name);
}

}  // namespace fovea::c
