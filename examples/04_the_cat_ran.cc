// Notebook 003: "The cat ran", asked by "ran"; then the same question put to another sentence.
#include <iostream>

#include "fovea/core/format_tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"

using namespace fovea;

int main() {
  const auto words = Tensor::of<float>({3, 3}, {0.2F, 0.1F, 0.5F,    // The
                                                0.9F, 0.1F, 0.3F,    // cat
                                                0.4F, 0.8F, 0.2F});  // ran
  const auto ran = Tensor::of<float>({3}, {0.4F, 0.8F, 0.2F});
  const Tensor scores = nn::matmul(words, ran);
  const Tensor weights = nn::softmax(scores);
  const Tensor context = nn::context_vector(weights, words);
  std::cout << "Input vectors: " << format_tensor(words) << '\n'
            << "Attention Scores: " << format_tensor(scores) << '\n'
            << "Normalized Attention Weights: " << format_tensor(weights) << '\n'
            << "Sum of weights: " << format_scalar(static_cast<double>(nn::sum(weights))) << '\n'
            << "Context Vector for 'ran': " << format_tensor(context) << '\n';

  // One query may ask any keys: those of its own sentence, or of another (cross-attention).
  const auto query = Tensor::of<float>({1, 3}, {0.4F, 0.8F, 0.2F});
  const auto others = Tensor::of<float>({2, 3}, {0.55F, 0.87F, 0.66F,    // journey
                                                 0.57F, 0.85F, 0.64F});  // starts
  for (const Tensor* keys : {&words, &others}) {
    const Attended answer = attend({.query = query, .key = *keys, .value = *keys, .scale = 1});
    std::cout << "attend: " << format_tensor(answer.output) << '\n';
  }
}
