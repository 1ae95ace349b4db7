// The problems that every implementation must solve: one list of cases, each from its sizes, types
// and rules.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea::conformance {

struct Sizes {
  std::int64_t batch = 1;
  std::int64_t query_heads = 1;
  std::int64_t key_heads = 1;
  std::int64_t queries = 7;
  std::int64_t keys = 17;
  std::int64_t head_size = 16;
  std::int64_t value_size = 16;
};

/// How the elements of query, key and value lie.
enum class Layout : std::uint8_t { heads_first, tokens_first, gaps, reversed };

struct Case;

/// A case with its memory. Views in `attention` look at it.
class Problem {
 public:
  explicit Problem(const Case& from);
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  Attention attention;

  /// Standard normal numbers of the given type; they live as long as the problem.
  TensorView normal(DType type, const Shape& shape);
  /// The tensor is the problem's from now on.
  TensorView own(Tensor tensor) { return tensors_.emplace_back(std::move(tensor)).view(); }
  std::mt19937& random() { return random_; }
  const Sizes& sizes() const { return sizes_; }

 private:
  TensorView laid_out(DType type, const Shape& shape, Layout layout);

  Sizes sizes_;
  std::mt19937 random_{12345};
  std::normal_distribution<float> normal_;
  std::vector<Tensor> tensors_;
};

/// A rule of the question: a mask, a modifier or a diagonal.
struct Rule {
  const char* name;
  void (*apply)(Problem& problem);
};

struct Case {
  Sizes sizes = {};
  DType query_type = DType::f32;
  DType key_type = DType::f32;
  DType output_type = DType::f32;
  Layout layout = Layout::heads_first;
  std::vector<Rule> rules = {};

  std::string name() const {
    std::string text = fmt::format(
        "B{} H{}/{} N{}x{} D{} Dv{} {} {} -> {} layout {}", sizes.batch, sizes.query_heads,
        sizes.key_heads, sizes.queries, sizes.keys, sizes.head_size, sizes.value_size,
        name_of(query_type), name_of(key_type), name_of(output_type), static_cast<int>(layout));
    for (const Rule& rule : rules) text += fmt::format(" {}", rule.name);
    return text;
  }
};

inline void put(double number, DType type, void* data, std::int64_t at) {
  const auto rounded = static_cast<float>(number);
  switch (type) {
    case DType::f64:
      static_cast<double*>(data)[at] = number;
      break;
    case DType::f16:
      static_cast<Float16*>(data)[at] = to_float16(rounded);
      break;
    case DType::bf16:
      static_cast<BFloat16*>(data)[at] = to_bfloat16(rounded);
      break;
    default:
      static_cast<float*>(data)[at] = rounded;
      break;
  }
}

inline TensorView Problem::normal(DType type, const Shape& shape) {
  Tensor tensor = Tensor::uninitialized(type, shape);
  for (std::int64_t i = 0; i < tensor.element_count(); ++i) {
    put(static_cast<double>(normal_(random_)), type, tensor.bytes().data(), i);
  }
  return own(std::move(tensor));
}

// [batch, heads, tokens, size] in memory of another order.
inline TensorView Problem::laid_out(DType type, const Shape& s, Layout layout) {
  switch (layout) {
    case Layout::heads_first:
      return normal(type, s);
    case Layout::tokens_first:
      return normal(type, {s[0], s[2], s[1], s[3]}).permuted({0, 2, 1, 3});
    case Layout::gaps: {
      const TensorView wide = normal(type, {s[0], s[1], s[2], 2 * s[3] + 3});
      return {wide.data(), type, s, {wide.stride(0), wide.stride(1), wide.stride(2), 2}};
    }
    case Layout::reversed: {
      const TensorView plain = normal(type, s);
      const std::int64_t last = s.element_count() - 1;
      const void* end = static_cast<const std::byte*>(plain.data()) + last * size_of(type);
      return {
          end, type, s, {-plain.stride(0), -plain.stride(1), -plain.stride(2), -plain.stride(3)}};
    }
  }
  return {};
}

inline Problem::Problem(const Case& from) : sizes_(from.sizes) {
  tensors_.reserve(16);
  const Sizes& s = sizes_;
  const Shape query{s.batch, s.query_heads, s.queries, s.head_size};
  const Shape key{s.batch, s.key_heads, s.keys, s.head_size};
  const Shape value{s.batch, s.key_heads, s.keys, s.value_size};
  attention.query = laid_out(from.query_type, query, from.layout);
  attention.key = laid_out(from.key_type, key, from.layout);
  attention.value = laid_out(from.key_type, value, from.layout);
  for (const Rule& rule : from.rules) rule.apply(*this);
}

inline void keep_two_thirds(Problem& p) {
  const Sizes& s = p.sizes();
  Tensor keep = Tensor::uninitialized(DType::boolean, {s.query_heads, s.queries, s.keys});
  for (bool& k : keep.values<bool>()) k = p.random()() % 3 != 0;
  p.attention.keep = p.own(std::move(keep));
}

inline void bias_with_holes(Problem& p) {
  const Sizes& s = p.sizes();
  Tensor bias = Tensor::uninitialized(DType::f32, {s.batch, 1, s.queries, s.keys});
  for (float& b : bias.values<float>()) {
    const auto draw = p.random()();
    b = draw % 5 == 0 ? -std::numeric_limits<float>::infinity()
                      : static_cast<float>(draw % 1000) / 250 - 2;
  }
  p.attention.bias = p.own(std::move(bias));
}

inline void fewer_keys(Problem& p) {
  Tensor lengths = Tensor::uninitialized(DType::i32, {p.sizes().batch});
  std::int64_t length = p.sizes().keys * 2 / 3;
  for (std::int32_t& n : lengths.values<std::int32_t>()) {
    n = static_cast<std::int32_t>(length);
    length /= 4;
  }
  p.attention.key_lengths = p.own(std::move(lengths));
}

inline void halving_slopes(Problem& p) {
  Tensor slopes = Tensor::uninitialized(DType::f32, {p.sizes().query_heads});
  float slope = 0.5F;
  for (float& s : slopes.values<float>()) s = std::exchange(slope, slope / 2);
  p.attention.alibi_slopes = p.own(std::move(slopes));
}

/// Each mask kind and modifier; the cases take each alone and each pair.
inline const std::vector<Rule>& rules() {
  // clang-format off
  static const std::vector<Rule> list = {
      {"keep", keep_two_thirds},
      {"bias", bias_with_holes},
      {"bf16-bias", [](Problem& p) { p.attention.bias = p.normal(DType::bf16, {p.sizes().keys}); }},
      {"causal", [](Problem& p) { p.attention.causal = true; }},
      {"top-left", [](Problem& p) { p.attention.causal = true; p.attention.diagonal = Diagonal::top_left(); }},
      {"offset", [](Problem& p) { p.attention.window = {.left = 5}; p.attention.diagonal = Diagonal::at(-2); }},
      {"window", [](Problem& p) { p.attention.window = {.left = 3, .right = 2}; }},
      {"lengths", fewer_keys},
      {"softcap", [](Problem& p) { p.attention.softcap = 1.5; }},
      {"alibi", halving_slopes},
      {"sinks", [](Problem& p) { p.attention.sinks = p.normal(DType::f32, {p.sizes().query_heads}); }},
      {"negative-scale", [](Problem& p) { p.attention.scale = -0.7; }},
      {"large-scale", [](Problem& p) { p.attention.scale = 30; }},
      {"zero-scale", [](Problem& p) { p.attention.scale = 0; }},
  };
  // clang-format on
  return list;
}

inline void add_sizes(std::vector<Case>& cases) {
  for (std::int64_t queries : {0, 1, 2, 3, 7, 17, 64, 129}) {
    for (std::int64_t keys : {0, 1, 2, 3, 7, 17, 64, 129}) {
      cases.push_back(
          {.sizes = {.queries = queries, .keys = keys, .head_size = 3, .value_size = 5}});
    }
  }
  for (std::int64_t keys : {127, 128, 255, 256, 257, 400}) {
    cases.push_back({.sizes = {.queries = 5, .keys = keys}});
  }
  for (std::int64_t d : {1,  2,  3,  4,  5,  7,  8,   9,   15,  16,  17,  31,  32,  33,
                         48, 63, 64, 65, 80, 96, 112, 127, 128, 129, 160, 192, 255, 256}) {
    cases.push_back({.sizes = {.head_size = d, .value_size = d}});
    cases.push_back({.sizes = {.head_size = d, .value_size = 257 - d}});
  }
  cases.push_back({.sizes = {.head_size = 600, .value_size = 530}});
  cases.push_back({.sizes = {.value_size = 0}});
}

inline void add_heads_types_and_layouts(std::vector<Case>& cases) {
  const Sizes grouped{.batch = 2, .query_heads = 6, .key_heads = 2, .queries = 3};
  cases.push_back({.sizes = {.query_heads = 8, .key_heads = 1, .queries = 1, .keys = 129}});
  cases.push_back({.sizes = {.batch = 3, .query_heads = 4, .key_heads = 4}});
  const DType f32 = DType::f32;
  const DType f16 = DType::f16;
  const DType bf16 = DType::bf16;
  const DType f64 = DType::f64;
  for (Layout layout :
       {Layout::heads_first, Layout::tokens_first, Layout::gaps, Layout::reversed}) {
    cases.push_back({grouped, f32, f32, f32, layout, {}});
    cases.push_back({grouped, f32, f16, f32, layout, {}});
    cases.push_back({grouped, f32, bf16, f32, layout, {}});
    cases.push_back({grouped, f16, f16, f16, layout, {}});
    cases.push_back({grouped, f16, f16, f32, layout, {}});
    cases.push_back({grouped, bf16, bf16, bf16, layout, {}});
    cases.push_back({grouped, bf16, bf16, f32, layout, {}});
    cases.push_back({grouped, f64, f64, f64, layout, {}});
    cases.push_back({grouped, f64, f64, f32, layout, {}});
  }
}

inline void add_rules(std::vector<Case>& cases) {
  const Sizes few{.batch = 2, .query_heads = 4, .key_heads = 2, .queries = 7, .keys = 17};
  const Sizes many{.queries = 17, .keys = 300, .head_size = 5, .value_size = 3};
  const Sizes more_queries{.queries = 64, .keys = 3, .head_size = 4, .value_size = 4};
  for (const Sizes& sizes : {few, many, more_queries}) {
    for (std::size_t i = 0; i < rules().size(); ++i) {
      cases.push_back({.sizes = sizes, .rules = {rules()[i]}});
      for (std::size_t j = i + 1; j < rules().size(); ++j) {
        cases.push_back({.sizes = sizes, .rules = {rules()[i], rules()[j]}});
      }
    }
  }
}

/// All cases.
inline std::vector<Case> cases() {
  std::vector<Case> list;
  add_sizes(list);
  add_heads_types_and_layouts(list);
  add_rules(list);
  return list;
}

}  // namespace fovea::conformance
