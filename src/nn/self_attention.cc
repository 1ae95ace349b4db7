// Projections of the two notebook modules, and the transfer of weights between them.
#include "fovea/nn/self_attention.h"

#include <fmt/format.h>

#include <utility>

#include "fovea/core/error.h"
#include "fovea/nn/steps.h"
#include "nn/scaled_attention.h"

namespace fovea::nn {
namespace {

// The weights of one module as the other holds them.
Tensor transposed_for(const TensorView& weight, const TensorView& target) {
  Tensor result = transpose(weight);
  if (result.shape() == target.shape()) return result;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("set_weights: weights {} given; {}, transposed, are wanted",
                          to_string(weight.shape()), to_string(target.shape())));
}

}  // namespace

TinySelfAttentionQKV::TinySelfAttentionQKV(std::int64_t d_in, std::int64_t d_out,
                                           Generator& generator)
    : query_(rand({d_in, d_out}, generator)),
      key_(rand({d_in, d_out}, generator)),
      value_(rand({d_in, d_out}, generator)) {}

void TinySelfAttentionQKV::set_weights(const TinySelfAttentionQKVLinear& from) {
  if (from.query().has_bias()) {
    throw Error(ErrorKind::invalid_argument,
                "set_weights: layers with biases given; layers without are wanted");
  }
  Tensor query = transposed_for(from.query().weight(), query_);
  key_ = transposed_for(from.key().weight(), key_);
  value_ = transposed_for(from.value().weight(), value_);
  query_ = std::move(query);
}

AttentionSteps TinySelfAttentionQKV::project(const TensorView& x) const {
  require_tokens("TinySelfAttentionQKV", x, query_.size(0));
  AttentionSteps steps;
  steps.query = matmul(x, query_);
  steps.key = matmul(x, key_);
  steps.value = matmul(x, value_);
  return steps;
}

Tensor TinySelfAttentionQKV::forward(const TensorView& x) const {
  return context_of(project(x), Future::visible);
}

AttentionSteps TinySelfAttentionQKV::steps(const TensorView& x) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::visible);
  return steps;
}

TinySelfAttentionQKVLinear::TinySelfAttentionQKVLinear(std::int64_t d_in, std::int64_t d_out,
                                                       Generator& generator, Bias bias)
    : query_(d_in, d_out, bias, generator),
      key_(d_in, d_out, bias, generator),
      value_(d_in, d_out, bias, generator) {}

void TinySelfAttentionQKVLinear::set_weights(const TinySelfAttentionQKV& from) {
  const Tensor query = transposed_for(from.query_weight(), query_.weight());
  const Tensor key = transposed_for(from.key_weight(), key_.weight());
  const Tensor value = transposed_for(from.value_weight(), value_.weight());
  query_.set_weight(query);
  key_.set_weight(key);
  value_.set_weight(value);
}

AttentionSteps TinySelfAttentionQKVLinear::project(const TensorView& x) const {
  require_tokens("TinySelfAttentionQKVLinear", x, query_.in_features());
  AttentionSteps steps;
  steps.query = query_.forward(x);
  steps.key = key_.forward(x);
  steps.value = value_.forward(x);
  return steps;
}

Tensor TinySelfAttentionQKVLinear::forward(const TensorView& x) const {
  return context_of(project(x), Future::visible);
}

AttentionSteps TinySelfAttentionQKVLinear::steps(const TensorView& x) const {
  AttentionSteps steps = project(x);
  finish_steps(steps, Future::visible);
  return steps;
}

}  // namespace fovea::nn
