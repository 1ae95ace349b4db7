// softmax(query · keyᵀ / sqrt(size)) · value for the modules: step by step, or by the engine.
#pragma once

#include <string_view>

#include "fovea/nn/dropout.h"
#include "fovea/nn/self_attention.h"

namespace fovea::nn {

enum class Future : bool { visible, hidden };

/// A dropout on the weights and where its numbers come from; none by default.
struct WeightDropout {
  const Dropout* dropout = nullptr;
  Generator* generator = nullptr;
};

/// Throws Error{invalid_argument} in the name of `module` unless x is f32 [..., tokens, d_in].
void require_tokens(std::string_view module, const TensorView& x, std::int64_t d_in);

/// Throws Error{invalid_argument} in the name of `module` when x has more tokens than the context
/// length.
void require_context(std::string_view module, const TensorView& x, std::int64_t context_length);

/// Fills scores, weights and context of `steps` from its query, key and value.
void finish_steps(AttentionSteps& steps, Future future, const WeightDropout& drop = {});

/// The context alone: by finish_steps up to kStepTokens, else by fovea::attend.
Tensor context_of(AttentionSteps projected, Future future);

}  // namespace fovea::nn
