// A random question that is the same on every machine: sizes, types, layouts, rules and numbers follow from one seed, by
// integer draws and exact float operations alone.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea::same_bits {

/// What the numbers of a tensor are like.
enum class Numbers : std::uint8_t {
  normal,     // near 0, size 1
  zeros,      // a third are 0, of either sign
  subnormal,  // below 2^-126
  small,      // their products underflow
  large,      // scores of some hundreds
  one_nan,    // one among normal ones
};

/// Writes `number` as element `at`.
inline void put(float number, DType type, void* data, std::int64_t at) {
  switch (type) {
    case DType::f16:
      static_cast<Float16*>(data)[at] = to_float16(number);
      break;
    case DType::bf16:
      static_cast<BFloat16*>(data)[at] = to_bfloat16(number);
      break;
    default:
      static_cast<float*>(data)[at] = number;
      break;
  }
}

/// The views in `attention` look at memory of the problem.
class RandomProblem {
 public:
  explicit RandomProblem(std::uint32_t seed);
  RandomProblem(const RandomProblem&) = delete;
  RandomProblem& operator=(const RandomProblem&) = delete;

  Attention attention;
  DType output_type = DType::f32;
  std::string name;  ///< the seed and what follows from it

 private:
  std::int64_t below(std::int64_t end) { return static_cast<std::int64_t>(random_()) % end; }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  template <typename T>
  T one_of(std::initializer_list<T> list) {
    return list.begin()[below(static_cast<std::int64_t>(list.size()))];
  }
  float number(Numbers kind);
  Tensor& tensor(DType type, const Shape& shape) {
    return tensors_.emplace_back(Tensor::uninitialized(type, shape));
  }
  TensorView filled(DType type, const Shape& shape, Numbers kind);
  TensorView laid_out(DType type, const Shape& shape, Numbers kind);
  void choose_sizes();
  void choose_tensors();
  void choose_positions();
  void choose_scores();
  void add_bias();
  void add_keep();

  std::mt19937 random_;
  std::deque<Tensor> tensors_;
  std::int64_t batch_ = 1;
  std::int64_t query_heads_ = 1;
  std::int64_t key_heads_ = 1;
  std::int64_t queries_ = 1;
  std::int64_t keys_ = 1;
  std::int64_t head_size_ = 1;
  std::int64_t value_size_ = 1;
};

inline RandomProblem::RandomProblem(std::uint32_t seed) : random_(seed) {
  name = fmt::format("seed {}:", seed);
  choose_sizes();
  choose_tensors();
  choose_positions();
  choose_scores();
  if (one_in(3)) add_bias();
  if (one_in(3)) add_keep();
}

inline float RandomProblem::number(Numbers kind) {
  // The sum of four uniform numbers is near enough to a normal one, and exact.
  float sum = -2;
  for (int i = 0; i < 4; ++i) sum += static_cast<float>(random_() >> 12) * 0x1p-20F;
  sum *= 1.75F;
  switch (kind) {
    case Numbers::zeros:
      return one_in(3) ? (one_in(2) ? 0.0F : -0.0F) : sum;
    case Numbers::subnormal:
      return sum * 0x1p-132F;
    case Numbers::small:
      return sum * 0x1p-70F;
    case Numbers::large:
      return sum * 20;
    default:
      return sum;
  }
}

inline TensorView RandomProblem::filled(DType type, const Shape& shape, Numbers kind) {
  Tensor& made = tensor(type, shape);
  for (std::int64_t i = 0; i < made.element_count(); ++i)
    put(number(kind), type, made.bytes().data(), i);
  if (kind == Numbers::one_nan && made.element_count() > 0) {
    put(std::numeric_limits<float>::quiet_NaN(), type, made.bytes().data(),
        below(made.element_count()));
  }
  return made.view();
}

// [batch, heads, tokens, size], in one of three orders in memory.
inline TensorView RandomProblem::laid_out(DType type, const Shape& s, Numbers kind) {
  if (one_in(4)) return filled(type, {s[0], s[2], s[1], s[3]}, kind).permuted({0, 2, 1, 3});
  if (!one_in(6)) return filled(type, s, kind);
  const TensorView wide = filled(type, {s[0], s[1], s[2], 2 * s[3] + 1}, kind);
  return {wide.data(), type, s, {wide.stride(0), wide.stride(1), wide.stride(2), 2}};
}

inline void RandomProblem::choose_sizes() {
  batch_ = one_of<std::int64_t>({1, 1, 2, 3});
  key_heads_ = one_of<std::int64_t>({1, 2, 3});
  query_heads_ = key_heads_ * one_of<std::int64_t>({1, 1, 2, 4, 5});
  queries_ = one_of<std::int64_t>({1, 1, 2, 3, 4, 7, 16, 17, 31, 63, 64, 65, 100, 129, 200});
  keys_ = one_of<std::int64_t>(
      {1, 2, 7, 17, 64, 127, 128, 129, 200, 255, 256, 257, 300, 400, 511, 700});
  head_size_ = one_of<std::int64_t>({1, 2, 3, 5, 8, 13, 16, 32, 33, 48, 64, 80, 96, 128, 200});
  value_size_ = one_in(2) ? head_size_ : one_of<std::int64_t>({1, 4, 15, 16, 17, 40, 64, 72, 128});
  name += fmt::format(" B{} H{}/{} N{}x{} D{}/{}", batch_, query_heads_, key_heads_, queries_,
                      keys_, head_size_, value_size_);
}

inline void RandomProblem::choose_tensors() {
  const DType key_type = one_of({DType::f32, DType::f32, DType::f32, DType::bf16, DType::f16});
  const DType query_type = one_in(2) ? DType::f32 : key_type;
  output_type = one_in(2) ? DType::f32 : query_type;
  const auto kind = [this] {
    return one_of({Numbers::normal, Numbers::normal, Numbers::normal, Numbers::normal,
                   Numbers::zeros, Numbers::subnormal, Numbers::small, Numbers::large,
                   Numbers::one_nan});
  };
  const std::pair<Numbers, Numbers> score_numbers{kind(), kind()};
  const Numbers value_numbers = kind();
  attention.query =
      laid_out(query_type, {batch_, query_heads_, queries_, head_size_}, score_numbers.first);
  attention.key = laid_out(key_type, {batch_, key_heads_, keys_, head_size_}, score_numbers.second);
  attention.value = laid_out(key_type, {batch_, key_heads_, keys_, value_size_}, value_numbers);
  name += fmt::format(" {}*{}->{} numbers {}{}{}", name_of(query_type), name_of(key_type),
                      name_of(output_type), static_cast<int>(score_numbers.first),
                      static_cast<int>(score_numbers.second), static_cast<int>(value_numbers));
}

inline void RandomProblem::choose_positions() {
  attention.causal = one_in(2);
  if (attention.causal) name += " causal";
  if (one_in(3)) {
    const auto bound = [this] {
      return one_of<std::int64_t>({0, 1, 5, 63, 128, 150, Window::kUnbounded});
    };
    const std::int64_t left = bound();
    attention.window = {.left = left, .right = bound()};
    name += " window";
  }
  if (one_in(4)) {
    attention.diagonal = Diagonal::top_left();
    name += " top-left";
  } else if (one_in(4)) {
    attention.diagonal = Diagonal::at(below(keys_ + queries_) - queries_);
    name += fmt::format(" diagonal {}", attention.diagonal.offset());
  }
  if (one_in(4)) {
    Tensor& lengths = tensor(DType::i32, {batch_});
    for (std::int32_t& n : lengths.values<std::int32_t>())
      n = static_cast<std::int32_t>(below(keys_ + 1));
    attention.key_lengths = lengths.view();
    name += " lengths";
  }
}

inline void RandomProblem::choose_scores() {
  if (one_in(3)) {
    attention.scale = one_of({0.7, -0.3, 0.0, 1e-3, 3.0});
    name += fmt::format(" scale {}", *attention.scale);
  }
  if (one_in(4)) {
    attention.softcap = one_of({0.5, 5.0, 30.0});
    name += fmt::format(" softcap {}", attention.softcap);
  }
  if (one_in(4)) {
    attention.alibi_slopes = filled(DType::f32, {query_heads_}, Numbers::normal);
    name += " alibi";
  }
  if (one_in(4)) {
    attention.sinks = filled(DType::f32, {query_heads_}, Numbers::normal);
    name += " sinks";
  }
}

inline void RandomProblem::add_bias() {
  const DType type = one_of({DType::f32, DType::f32, DType::bf16, DType::f16});
  const Shape shape = one_of<Shape>({{keys_},
                                     {queries_, keys_},
                                     {query_heads_, 1, keys_},
                                     {batch_, 1, queries_, keys_},
                                     {batch_, query_heads_, queries_, keys_}});
  Tensor& bias = tensor(type, shape);
  const bool holes = one_in(2);
  // Rows at the type's lowest: uniform weights, nothing hidden.
  const float lowest = type == DType::f16 ? -65504.0F : (one_in(2) ? -1e9F : -0x1.FEp127F);
  for (std::int64_t i = 0; i < bias.element_count(); ++i) {
    const bool hidden = holes && one_in(5);
    const bool low = i / keys_ % 4 == 1;
    const float drawn = number(Numbers::normal);
    put(hidden ? -std::numeric_limits<float>::infinity() : (low ? lowest : drawn), type,
        bias.bytes().data(), i);
  }
  attention.bias = bias.view();
  name += fmt::format(" bias {} {}", name_of(type), to_string(shape));
}

inline void RandomProblem::add_keep() {
  const Shape shape = one_of<Shape>(
      {{keys_}, {queries_, keys_}, {query_heads_, queries_, keys_}, {batch_, 1, 1, keys_}});
  Tensor& keep = tensor(DType::boolean, shape);
  const std::int64_t hidden_below = one_in(2) ? 0 : below(keys_ + 1);  // whole tiles to skip
  for (std::int64_t i = 0; i < keep.element_count(); ++i) {
    const bool row_hidden = i / keys_ % 9 == 4;
    keep.values<bool>()[static_cast<std::size_t>(i)] =
        i % keys_ >= hidden_below && !row_hidden && !one_in(3);
  }
  attention.keep = keep.view();
  name += fmt::format(" keep {}", to_string(shape));
}

}  // namespace fovea::same_bits
