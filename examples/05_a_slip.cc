// Notebook 004: a context vector of six equal numbers, which is wrong: the loop runs over the query's
// three numbers instead of the six words. attend, which has no such loop to get wrong, is right.
#include <iostream>

#include "fovea/core/format_tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"

using namespace fovea;

int main() {
  const auto words = Tensor::of<float>({6, 3}, {0.43F, 0.15F, 0.89F,    // Your
                                                0.55F, 0.87F, 0.66F,    // journey
                                                0.57F, 0.85F, 0.64F,    // starts
                                                0.22F, 0.58F, 0.33F,    // with
                                                0.77F, 0.25F, 0.10F,    // one
                                                0.05F, 0.80F, 0.55F});  // step
  const auto journey = Tensor::of<float>({3}, {0.55F, 0.87F, 0.66F});
  const Tensor scores = nn::matmul(words, journey);
  const Tensor weights = nn::softmax(scores);

  Tensor wrong(DType::f32, {6});  // six entries, where a context vector has three
  for (std::size_t i = 0; i < 3; ++i) {
    for (float& entry : wrong.values<float>())
      entry += weights.values<float>()[i] * journey.values<float>()[i];
  }
  std::cout << words.size(0) << '\n'
            << format_tensor(scores) << '\n'
            << "Refined Attention Weights: " << format_tensor(weights) << '\n'
            << format_tensor(wrong) << '\n';

  const auto query = Tensor::of<float>({1, 3}, {0.55F, 0.87F, 0.66F});
  const Attended answer = attend({.query = query, .key = words, .value = words, .scale = 1});
  std::cout << "attend: " << format_tensor(answer.output) << '\n';
}
