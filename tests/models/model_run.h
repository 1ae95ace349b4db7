// A text through a model with all that the goldens of tests/golden/models know: hidden states of
// every layer, rows of attention weights, logits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "fovea/models/model.h"
#include "golden/golden.h"

namespace fovea::models {

inline std::string golden_path(const std::string& name) {
  return std::string(FOVEA_SOURCE_DIR) + "/tests/golden/models/" + name;
}

struct ModelRun {
  std::vector<Tensor> hidden;   ///< of each layer, [tokens, hidden_size]; [0] the embeddings
  std::vector<Tensor> weights;  ///< of each layer, [1, heads, tokens, tokens]
  Tensor last;                  ///< what forward returned
};

inline ModelRun run_model(const Model& model, std::span<const std::int32_t> ids,
                          Context* context = nullptr) {
  ModelRun result;
  std::vector<std::int64_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  result.last = model.forward(
      ids, {.context = context,
            .observe = [&](std::int64_t) { return Observe{.rows = rows}; },
            .on_attention =
                [&](const LayerAttention& shown) {
                  result.weights.push_back(Tensor::copy_of(shown.answer.observed.rows));
                },
            .on_hidden =
                [&](std::int64_t layer, const TensorView& hidden) {
                  EXPECT_EQ(layer, static_cast<std::int64_t>(result.hidden.size()));
                  result.hidden.push_back(Tensor::copy_of(hidden));
                }});
  return result;
}

/// Both of one length; the distance of each pair is at most `share` of the largest magnitude wanted.
inline void expect_near_all(std::span<const float> have, const std::vector<double>& want,
                            double share) {
  ASSERT_EQ(have.size(), want.size());
  double largest = 0;
  for (const double number : want) largest = std::max(largest, std::abs(number));
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(have[i]), want[i], share * largest) << "entry " << i;
  }
}

inline double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    dot += x * y;
    squares_a += x * x;
    squares_b += y * y;
  }
  return dot / std::sqrt(squares_a * squares_b);
}

inline std::span<const float> row_of(const Tensor& matrix, std::int64_t row) {
  const auto size = static_cast<std::size_t>(matrix.size(1));
  return matrix.values<float>().subspan(static_cast<std::size_t>(row) * size, size);
}

}  // namespace fovea::models
