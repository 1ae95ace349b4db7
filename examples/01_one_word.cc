// Notebook 000: one word asks. Its scores become weights in three ways, and the weights a context vector.
#include <iostream>

#include "fovea/core/format_tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"

using namespace fovea;

namespace {

void print_weights(const Tensor& weights) {
  const float sum = nn::sum(weights);
  std::cout << "Attention weights: " << format_tensor(weights) << '\n'
            << "Sum: " << format_tensor(TensorView(&sum, Shape{})) << '\n';
}

}  // namespace

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
  const Tensor context = nn::context_vector(weights, words);
  print_weights(nn::normalise_by_sum(scores));
  print_weights(nn::naive_softmax(scores));
  print_weights(weights);
  std::cout << format_tensor(context) << '\n';

  // All of it in one call: the query is [1, 3], and the notebook does not scale.
  const auto query = Tensor::of<float>({1, 3}, {0.55F, 0.87F, 0.66F});
  const Attended answer = attend({.query = query, .key = words, .value = words, .scale = 1});
  std::cout << "attend: " << format_tensor(answer.output) << '\n';
}
