// What the page keeps of a run, so that it can answer any cell of a head with O(tokens · head_size) stored
// numbers: query, key and value, and what each row's softmax came to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"
#include "fovea/models/model.h"

namespace fovea::report {

/// Vectors in 16-bit steps, each with its own: number = values · steps[row]. As many bytes as f16; the error is at most
/// half a step, 2^-16 of the row's largest number, where f16 has 2^-12 of that number itself.
struct SteppedVectors {
  Tensor values;  ///< [rows, size] i16
  Tensor steps;   ///< [rows] f32
};

/// Rounds rows [rows, size] of any floating type. What is not finite becomes 0.
SteppedVectors stepped(const TensorView& rows);

/// How many of the largest weights of a row are kept exactly.
inline constexpr std::int64_t kKeptWeights = 8;

/// What makes scores of q · k, and hides keys: the part of an Attention that a page can apply again.
struct ScoreRules {
  double scale = 1;
  double softcap = 0;  ///< 0 = none
  bool is_causal = false;
  Window window = {};
  std::optional<double> sink = std::nullopt;  ///< one more logit in each row's softmax
};

/// A query head whose every weight can be computed again.
struct KeptHead {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  std::int64_t key_head = 0;
  ScoreRules rules;
  /// How its query and key were turned; nothing: not, or nobody knows.
  std::optional<models::RopeFacts> rope = std::nullopt;
  /// Query and key (before they were turned) are a product of what the layer was given and a matrix, whether or not those
  /// are kept; false where they are made otherwise, or nobody knows how.
  bool is_projected = false;
  SteppedVectors query;  ///< [tokens, head_size]; with RoPE, turned
  Tensor row_max;        ///< [tokens] f32: the largest scaled score
  Tensor row_sum;        ///< [tokens] f32: sum of exp(score - row_max)
  Tensor entropy;        ///< [tokens] f32, nats
  Tensor top_keys;       ///< [tokens, kKeptWeights] i32; -1 = the row sees fewer
  Tensor top_weights;    ///< [tokens, kKeptWeights] f32, as the fused call gave them
  /// [tokens] f32: the largest difference of a top weight from the same softmax in float64 over the same query and key;
  /// empty: not measured.
  Tensor deviation;
};

/// A key head of a layer.
struct KeptKeys {
  std::int64_t layer = 0;
  std::int64_t key_head = 0;
  SteppedVectors key;    ///< [tokens, head_size]
  SteppedVectors value;  ///< [tokens, value_size]
};

/// What a layer's projections were given.
struct KeptInput {
  std::int64_t layer = 0;
  SteppedVectors input;  ///< [tokens, hidden_size]
};

/// Matrices of a head that made its query and key of the input: q = input · query_weight + query_bias (then turned).
struct KeptProjection {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  SteppedVectors query_weight;    ///< [head_size, hidden_size]: a row makes one number of the query
  SteppedVectors key_weight;      ///< likewise
  std::vector<float> query_bias;  ///< [head_size], or empty
  std::vector<float> key_bias;
};

/// Within a budget of bytes: first heads with their keys, the most telling ones; then inputs; then projections.
struct KeptNumbers {
  std::vector<KeptHead> heads;
  std::vector<KeptKeys> keys;
  std::vector<KeptInput> inputs;
  std::vector<KeptProjection> projections;
  /// Why heads were passed over whose weights are not made of query and key alone: "layer 3 has a mask of its own"; empty:
  /// there was none.
  std::string passed_over;
};

}  // namespace fovea::report
