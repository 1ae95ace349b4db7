// Every check of a question, and the one form that it is brought to.
#include "fovea/attention/valid_attention.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "fovea/core/error.h"

namespace fovea {
namespace {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "attend: " + fmt::format(text, std::forward<Args>(args)...));
}

// a + b, or the nearest end of the range: positions far outside of all keys need no exact value.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<std::int64_t>::min()
               : std::numeric_limits<std::int64_t>::max();
}

void check_given(const Attention& a) {
  if (!a.query.given()) fail("query is not given");
  if (!a.key.given() && !a.packed_key.given()) fail("key is not given");
  if (a.key.given() && a.packed_key.given()) {
    fail("key and packed_key are both given; they are two forms of the same thing");
  }
  if (!a.value.given()) fail("value is not given");
  const int rank = a.query.rank();
  if (rank < 2 || rank > 4) {
    fail("query is {}; it must be [batch, heads, tokens, size] or the last 3 or 2 of these axes",
         to_string(a.query.shape()));
  }
  if (a.packed_key.given() && (a.packed_key.rank() != rank + 1 || a.value.rank() != rank)) {
    fail(
        "query {}, packed_key {} and value {}: value must have the query's axes, packed_key one "
        "more",
        to_string(a.query.shape()), to_string(a.packed_key.shape()), to_string(a.value.shape()));
  }
  if (a.key.given() && (a.key.rank() != rank || a.value.rank() != rank)) {
    fail("query {}, key {} and value {} must have the same number of axes",
         to_string(a.query.shape()), to_string(a.key.shape()), to_string(a.value.shape()));
  }
}

// The shape and type of packed keys as if they were plain, without data. Of 4 axes.
TensorView shape_of_packed(const TensorView& packed, const TensorView& value) {
  const std::int64_t keys = value.size(2);
  const std::int64_t blocks = keys / kPackedKeys + (keys % kPackedKeys > 0 ? 1 : 0);
  if (packed.size(4) != kPackedKeys || packed.size(2) != blocks) {
    fail(
        "packed_key is {} and value has {} tokens; {} blocks [head_size, {}] of each key head are "
        "wanted",
        to_string(packed.shape()), keys, blocks, kPackedKeys);
  }
  if (packed.element_count() > 0 &&
      (packed.stride(4) != 1 || (packed.size(3) > 1 && packed.stride(3) != kPackedKeys))) {
    fail("packed_key {} has strides {}; its blocks must lie without gaps",
         to_string(packed.shape()), to_string(packed.strides()));
  }
  return {nullptr,
          packed.dtype(),
          {packed.size(0), packed.size(1), keys, packed.size(3)},
          {0, 0, 0, 0}};
}

void check_types(const Attention& a) {
  const DType query = a.query.dtype();
  const DType key = a.packed_key.given() ? a.packed_key.dtype() : a.key.dtype();
  if (!is_floating(query)) {
    fail("query is {}; it must be f32, bf16, f16 or f64", name_of(query));
  }
  if (a.value.dtype() != key) {
    fail("key is {}, value is {}; they must be of one type", name_of(key),
         name_of(a.value.dtype()));
  }
  const bool half_keys = query == DType::f32 && (key == DType::bf16 || key == DType::f16);
  if (key != query && !half_keys) {
    fail(
        "query is {}, key is {}; key must be of the query's type, or bf16 or f16 with an f32 "
        "query",
        name_of(query), name_of(key));
  }
}

DType checked_output_type(const Attention& a, const Execution& execution) {
  const DType query = a.query.dtype();
  const DType type = execution.output_type.value_or(query);
  if (type != query && type != DType::f32) {
    fail("output type {} asked for; it must be the query's, {}, or f32", name_of(type),
         name_of(query));
  }
  return type;
}

void check_shapes(const ValidAttention& v) {
  if (v.key.size(0) != v.batch() || v.value.size(0) != v.batch()) {
    fail("query {}, key {} and value {} differ in batch", to_string(v.query.shape()),
         to_string(v.key.shape()), to_string(v.value.shape()));
  }
  if (v.key.size(3) != v.head_size()) {
    fail("query has head size {}, key has {}; they must be equal", v.head_size(), v.key.size(3));
  }
  if (v.value.size(1) != v.key_heads()) {
    fail("key {} has {} heads, value {} has {}; they must be equal", to_string(v.key.shape()),
         v.key_heads(), to_string(v.value.shape()), v.value.size(1));
  }
  if (v.value.size(2) != v.keys()) {
    fail("key {} has {} tokens, value {} has {}; they must be equal", to_string(v.key.shape()),
         v.keys(), to_string(v.value.shape()), v.value.size(2));
  }
  if (v.query_heads() != 0 && (v.key_heads() == 0 || v.query_heads() % v.key_heads() != 0)) {
    fail("key has {} heads, query has {}; query heads must be a multiple of key heads",
         v.key_heads(), v.query_heads());
  }
  // The results must be countable, even where a size of 0 makes query, key and value empty.
  Shape{v.batch(), v.query_heads(), v.queries()}.element_count();
  Shape{v.batch(), v.query_heads(), v.queries(), v.value_size()}.element_count();
}

double checked_scale(const Attention& a, const ValidAttention& v) {
  if (!a.scale) {
    if (v.head_size() == 0) {
      fail("head size is 0 and no scale is given; 1/sqrt(0) is not a number: give a scale");
    }
    return 1 / std::sqrt(static_cast<double>(v.head_size()));
  }
  if (!std::isfinite(*a.scale)) fail("scale is {}; it must be finite", *a.scale);
  // In float32 the scale is kept times log2(e), and must stay finite there.
  constexpr double kLimit = 2.2e38;
  if (v.query.dtype() != DType::f64 && std::abs(*a.scale) > kLimit) {
    fail("scale is {}; for a query of {} it must be at most {} in size", *a.scale,
         name_of(v.query.dtype()), kLimit);
  }
  return *a.scale;
}

void check_numbers(const Attention& a, const Execution& execution) {
  if (!(a.softcap >= 0)) fail("softcap is {}; it must be 0 (off) or positive", a.softcap);
  if (a.window.left < 0 || a.window.right < 0) {
    fail("window is {}, {}; both bounds must be 0 or more", a.window.left, a.window.right);
  }
  if (execution.threads < 0) {
    fail("{} threads asked for; it must be 0 (the default) or more", execution.threads);
  }
}

enum class MaskKind { keep, bias };

TensorView checked_mask(const TensorView& mask, const ValidAttention& v, MaskKind kind) {
  if (!mask.given()) return mask;
  const char* name = kind == MaskKind::keep ? "keep" : "bias";
  if (kind == MaskKind::keep && mask.dtype() != DType::boolean) {
    fail("keep is {}; it must be bool, true = may attend", name_of(mask.dtype()));
  }
  if (kind == MaskKind::bias && !is_floating(mask.dtype())) {
    fail("bias is {}; it must be f32, f64, bf16 or f16", name_of(mask.dtype()));
  }
  const Shape scores{v.batch(), v.query_heads(), v.queries(), v.keys()};
  bool fits = mask.rank() <= 4;
  for (int axis = 0; fits && axis < mask.rank(); ++axis) {
    const std::int64_t wanted = scores[axis + 4 - mask.rank()];
    fits = mask.size(axis) == wanted || mask.size(axis) == 1;
  }
  if (!fits) {
    fail("{} {} cannot be broadcast to {} [batch, query heads, queries, keys]", name,
         to_string(mask.shape()), to_string(scores));
  }
  return mask.broadcast_to(scores);
}

TensorView checked_per_head(const TensorView& numbers, const ValidAttention& v, const char* name) {
  if (!numbers.given()) return numbers;
  if (!is_floating(numbers.dtype())) {
    fail("{} are {}; they must be f32, f64, bf16 or f16", name, name_of(numbers.dtype()));
  }
  if (numbers.rank() != 1 || numbers.size(0) != v.query_heads()) {
    fail("{} have shape {}; wanted is one number for each of the {} query heads", name,
         to_string(numbers.shape()), v.query_heads());
  }
  return numbers;
}

TensorView checked_key_lengths(const TensorView& lengths, const ValidAttention& v) {
  if (!lengths.given()) return lengths;
  if (lengths.dtype() != DType::i32 && lengths.dtype() != DType::i64) {
    fail("key_lengths are {}; they must be i32 or i64", name_of(lengths.dtype()));
  }
  if (lengths.rank() != 1 || lengths.size(0) != v.batch()) {
    fail("key_lengths have shape {}; wanted is one length for each of the {} batch entries",
         to_string(lengths.shape()), v.batch());
  }
  return lengths;
}

// A view that will be read: it has an address, and all of it lies within 63 bits of bytes.
void check_readable(const TensorView& view, const char* name) {
  if (!view.given() || view.element_count() == 0) return;
  if (view.data() == nullptr) {
    fail("{} {} is a null pointer; it must point at {} elements", name, to_string(view.shape()),
         view.element_count());
  }
  if (!view.is_within_addresses()) {
    fail("{} {} with strides {} reaches beyond all addresses", name, to_string(view.shape()),
         to_string(view.strides()));
  }
}

void check_key_lengths(const ValidAttention& v) {
  if (!v.key_lengths.given()) return;
  for (std::int64_t entry = 0; entry < v.batch(); ++entry) {
    const std::int64_t length = v.key_length(entry);
    if (length < 0 || length > v.keys()) {
      fail("key length of batch entry {} is {}; it must be from 0 to the {} keys", entry, length,
           v.keys());
    }
  }
}

void check_sinks(const ValidAttention& v) {
  if (!v.sinks.given()) return;
  for (std::int64_t head = 0; head < v.query_heads(); ++head) {
    const double sink = v.sinks.number_at(head);
    if (std::isnan(sink) || sink == std::numeric_limits<double>::infinity()) {
      fail("sink of head {} is {}; it must be finite, or -inf for none", head, sink);
    }
  }
}

}  // namespace

std::int64_t ValidAttention::diagonal_at(std::int64_t batch_entry,
                                         std::int64_t row) const noexcept {
  return saturating_add(diagonal_offset(batch_entry), row);
}

KeyRange ValidAttention::visible_keys(std::int64_t batch_entry, std::int64_t row) const noexcept {
  KeyRange range{0, key_length(batch_entry)};
  const std::int64_t at = diagonal_at(batch_entry, row);
  if (causal) range.last = std::min(range.last, saturating_add(at, 1));
  if (window.right != Window::kUnbounded) {
    range.last = std::min(range.last, saturating_add(saturating_add(at, window.right), 1));
  }
  if (window.left != Window::kUnbounded) {
    range.first = std::max(range.first, saturating_add(at, -window.left));
  }
  return range;
}

ValidAttention validate(const Attention& attention, const Execution& execution) {
  if (attention.query_offsets.given() || attention.key_offsets.given())
    fail("offsets are given; one sequence at a time is wanted here (RaggedBatch::question)");
  check_given(attention);
  check_types(attention);
  check_numbers(attention, execution);
  ValidAttention v;
  v.output_type = checked_output_type(attention, execution);
  v.given_rank = attention.query.rank();
  v.query = attention.query.with_leading_axes(4 - v.given_rank);
  v.value = attention.value.with_leading_axes(4 - v.given_rank);
  if (attention.packed_key.given()) {
    v.packed_key = attention.packed_key.with_leading_axes(4 - v.given_rank);
    v.key = shape_of_packed(v.packed_key, v.value);
  } else {
    v.key = attention.key.with_leading_axes(4 - v.given_rank);
  }
  check_shapes(v);
  if (v.key_heads() > 0) v.group_size = std::max<std::int64_t>(1, v.query_heads() / v.key_heads());
  v.scale = checked_scale(attention, v);
  v.softcap = std::isinf(attention.softcap) ? 0 : attention.softcap;
  v.causal = attention.causal;
  v.window = attention.window;
  v.diagonal = attention.diagonal;
  v.bias = checked_mask(attention.bias, v, MaskKind::bias);
  v.keep = checked_mask(attention.keep, v, MaskKind::keep);
  v.alibi_slopes = checked_per_head(attention.alibi_slopes, v, "alibi_slopes");
  v.sinks = checked_per_head(attention.sinks, v, "sinks");
  v.key_lengths = checked_key_lengths(attention.key_lengths, v);
  if (v.rows() == 0) return v;  // nothing will be read: no pointer needs to be valid

  check_readable(attention.query, "query");
  check_readable(attention.key, "key");
  check_readable(attention.packed_key, "packed_key");
  check_readable(attention.value, "value");
  check_readable(attention.bias, "bias");
  check_readable(attention.keep, "keep");
  check_readable(v.alibi_slopes, "alibi_slopes");
  check_readable(v.sinks, "sinks");
  check_readable(v.key_lengths, "key_lengths");
  check_key_lengths(v);
  check_sinks(v);
  return v;
}

}  // namespace fovea
