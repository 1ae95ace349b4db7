// Heads side by side, and heads split from one projection.
#include "fovea/nn/multi_head_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fovea/core/error.h"
#include "nn/scaled_attention.h"
#include "nn/shapes.h"

namespace fovea::nn {
namespace {

// Joins [..., tokens, size] tensors of one shape along their last axis.
Tensor concatenate(const std::vector<Tensor>& parts) {
  const Tensor& first = parts.front();
  const std::int64_t size = first.size(first.rank() - 1);
  const auto count = static_cast<std::int64_t>(parts.size());
  Tensor result =
      Tensor::uninitialized(DType::f32, joined(leading(first.shape(), 1), {size * count}));
  float* target = result.values<float>().data();
  const std::int64_t rows = leading(first.shape(), 1).element_count();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (const Tensor& part : parts)
      target = std::copy_n(part.values<float>().data() + row * size, size, target);
  }
  return result;
}

// Exchanges the axes before the last: [..., a, b, size] gives [..., b, a, size].
Tensor exchange_axes(const TensorView& x) {
  Shape order = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) order[axis] = axis;
  std::swap(order[x.rank() - 3], order[x.rank() - 2]);
  return Tensor::copy_of(x.permuted(order));
}

std::int64_t valid_heads(std::int64_t heads, std::int64_t d_out) {
  if (heads > 0 && d_out % heads == 0) return heads;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("MultiHeadAttention: {} heads for d_out {}; heads must divide d_out",
                          heads, d_out));
}

}  // namespace

MultiHeadAttentionWrapper::MultiHeadAttentionWrapper(const CausalAttentionOptions& each,
                                                     std::int64_t heads, Generator& generator) {
  if (heads < 1) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("MultiHeadAttentionWrapper: {} heads given; at least 1 is wanted", heads));
  }
  for (std::int64_t head = 0; head < heads; ++head) heads_.emplace_back(each, generator);
}

Tensor MultiHeadAttentionWrapper::forward(const TensorView& x) const {
  std::vector<Tensor> parts;
  for (const CausalAttention& head : heads_) parts.push_back(head.forward(x));
  return concatenate(parts);
}

Tensor MultiHeadAttentionWrapper::forward(const TensorView& x, Generator& generator) const {
  std::vector<Tensor> parts;
  for (const CausalAttention& head : heads_) parts.push_back(head.forward(x, generator));
  return concatenate(parts);
}

MultiHeadAttention::MultiHeadAttention(const CausalAttentionOptions& options, std::int64_t heads,
                                       Generator& generator)
    : heads_(valid_heads(heads, options.d_out)),
      query_(options.d_in, options.d_out, options.qkv_bias, generator),
      key_(options.d_in, options.d_out, options.qkv_bias, generator),
      value_(options.d_in, options.d_out, options.qkv_bias, generator),
      out_proj_(options.d_out, options.d_out, Bias::yes, generator),
      dropout_(options.dropout),
      context_length_(options.context_length) {}

// [..., tokens, d_out] as [..., heads, tokens, head_size].
Tensor MultiHeadAttention::split(const Tensor& projected) const {
  const Shape sizes = joined(leading(projected.shape(), 1), {heads_, head_size()});
  return exchange_axes(TensorView(projected.values<float>().data(), sizes));
}

AttentionSteps MultiHeadAttention::project(const TensorView& x) const {
  require_tokens("MultiHeadAttention", x, query_.in_features());
  require_context("MultiHeadAttention", x, context_length_);
  AttentionSteps steps;
  steps.query = split(query_.forward(x));
  steps.key = split(key_.forward(x));
  steps.value = split(value_.forward(x));
  return steps;
}

Tensor MultiHeadAttention::join_and_project(const Tensor& context) const {
  const Tensor tokens_first = exchange_axes(context);
  const Shape sizes = joined(leading(tokens_first.shape(), 2), {out_proj_.in_features()});
  return out_proj_.forward(TensorView(tokens_first.values<float>().data(), sizes));
}

Tensor MultiHeadAttention::forward(const TensorView& x) const {
  return join_and_project(context_of(project(x), Future::hidden));
}

Tensor MultiHeadAttention::forward(const TensorView& x, Generator& generator) const {
  return join_and_project(steps(x, generator).context);
}

AttentionSteps MultiHeadAttention::steps(const TensorView& x) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::hidden);
  return steps;
}

AttentionSteps MultiHeadAttention::steps(const TensorView& x, Generator& generator) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::hidden, {&dropout_, &generator});
  return steps;
}

std::int64_t MultiHeadAttention::parameter_count() const noexcept {
  return query_.parameter_count() + key_.parameter_count() + value_.parameter_count() +
         out_proj_.parameter_count();
}

}  // namespace fovea::nn
