// The question put to an attention engine, as plain data: what attends to what, and under which rules.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <stop_token>
#include <string_view>

#include "fovea/core/tensor_view.h"

namespace fovea {

/// Keys that a query may see around its diagonal: from diagonal - left to diagonal + right, both included. Applies with
/// or without `causal`. Negative bounds are an error.
struct Window {
  static constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();
  std::int64_t left = kUnbounded;
  std::int64_t right = kUnbounded;
};

/// Where query i stands among the keys: at key i + offset. `causal`, `window` and ALiBi count from there.
class Diagonal {
 public:
  enum class Kind : std::uint8_t { bottom_right, top_left, offset };

  /// offset = keys - queries: the last query stands at the last key, as with a cache of earlier keys. With
  /// `key_lengths`, each batch entry's own length takes the place of keys. The default.
  static constexpr Diagonal bottom_right() noexcept { return {Kind::bottom_right, 0}; }
  /// offset = 0: the first query stands at the first key (PyTorch's is_causal).
  static constexpr Diagonal top_left() noexcept { return {Kind::top_left, 0}; }
  /// Any offset, negative too.
  static constexpr Diagonal at(std::int64_t offset) noexcept { return {Kind::offset, offset}; }

  constexpr Diagonal() noexcept : Diagonal(Kind::bottom_right, 0) {}
  constexpr Kind kind() const noexcept { return kind_; }
  constexpr std::int64_t offset() const noexcept { return offset_; }

 private:
  constexpr Diagonal(Kind kind, std::int64_t offset) noexcept : kind_(kind), offset_(offset) {}
  Kind kind_;
  std::int64_t offset_;
};

/// Keys to a block of `Attention::packed_key`.
inline constexpr std::int64_t kPackedKeys = 128;

/// softmax(scale · query · keyᵀ, modified) · value. The order of the modifiers is fixed, as ONNX has it:
///
///   s = scale · q · k,   s = softcap · tanh(s / softcap),   s = s + bias - slope · |diagonal - j|,
///   then keys are hidden by causal, window, keep and key_lengths.
///
/// Query, key and value have the shapes below, or those without the batch axis, or without batch and heads: all three
/// alike. Strides are free, in elements. Views must stay alive during the call; nothing is copied or changed.
struct Attention {
  /// [batch, query_heads, queries, head_size], f32, bf16, f16, or f64 (computed by the reference, in double).
  TensorView query = {};
  /// [batch, key_heads, keys, head_size]. key_heads divides query_heads: query head h uses key head
  /// h / (query_heads / key_heads). Of the query's type, or bf16 / f16 with an f32 query.
  TensorView key = {};
  /// [batch, key_heads, keys, value_size], of the key's type.
  TensorView value = {};
  /// In the place of `key`, the same keys by blocks of kPackedKeys, each transposed: [batch, key_heads, blocks, head_size,
  /// kPackedKeys] with blocks = ceil(keys / kPackedKeys), where [b, h, n, d, i] is number d of key n · kPackedKeys + i. The last
  /// two axes lie without gaps, the others at any stride; what follows the last key has no meaning. Few queries are answered
  /// sooner from keys in this form; the bits are the same.
  TensorView packed_key = {};

  /// Factor of q · k; 1/sqrt(head_size) unless given. 0 and negative are computed; NaN, and what float32 cannot hold
  /// (above 2.2e38 in size; an f64 query takes any finite number), are errors.
  std::optional<double> scale = std::nullopt;
  /// Bound on the scores' size; 0 = off, as is infinity. Negative or NaN is an error.
  double softcap = 0;
  /// Added to the scores, broadcast by numpy's rule to [batch, query_heads, queries, keys]; f32, f64, bf16 or f16.
  /// -inf hides a key. A finite bias never does: a row at -1e9 throughout has uniform weights.
  TensorView bias = {};
  /// Bool, broadcast likewise: true = may attend (as in scaled_dot_product_attention and ONNX; the reverse of
  /// torch.nn.MultiheadAttention).
  TensorView keep = {};
  /// Hides the keys after the diagonal.
  bool causal = false;
  Window window = {};
  Diagonal diagonal = {};
  /// [query_heads], any floating type: ALiBi's slope of each head, adding -slope · |diagonal - j|. Source: Press et al. 2021,
  /// arXiv:2108.12409.
  TensorView alibi_slopes = {};
  /// [query_heads], any floating type: one more logit in each row's softmax, without a value (an attention sink). Not scaled or
  /// capped; -inf = none; NaN and +inf are errors.
  TensorView sinks = {};
  /// [batch], i32 or i64: the valid keys of each batch entry, 0 to keys; later ones are hidden.
  TensorView key_lengths = {};

  /// A ragged batch ("varlen"): sequences of different lengths, packed one after the other along the token axis of query, key
  /// and value, which then have no batch axis. [sequences + 1], i32 or i64: sequence n asks with the query tokens from
  /// query_offsets[n] up to query_offsets[n + 1], and sees key tokens by key_offsets likewise. Both are given; they begin with
  /// 0, never fall and end with the number of tokens. Everything counts within a sequence, the diagonal too. bias and keep
  /// are broadcast to [query_heads, query tokens, keys of the longest sequence]: the last axis is keys of the row's own
  /// sequence. Not together with key_lengths or packed_key.
  TensorView query_offsets = {};
  TensorView key_offsets = {};
};

/// How to compute it. Nothing here changes a bit of the answer, but for `output_type` and naming "reference".
struct Execution {
  /// Threads to use at most: 0 = the default (FOVEA_THREADS, else one a core at hand). Negative is an error; more than
  /// the machine can use is capped.
  int threads = 0;
  /// Name of the implementation that must run, from `fovea list implementations`; empty = the first that does not
  /// refuse. An unknown name, or one that refuses, is an error with its reason.
  std::string_view implementation = {};
  /// Type of the output: the query's unless given as f32 (or f64 for an f64 query).
  std::optional<DType> output_type = std::nullopt;
  /// Asks the call to stop, from any thread: it starts no further task and throws Error{cancelled}; what it wrote so far has no
  /// meaning. A request that comes after the last task has begun is too late and changes nothing.
  std::stop_token stop = {};
};

}  // namespace fovea
