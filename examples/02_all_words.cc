// Notebook 001: every word asks. First one word, then all: by loops, and by one matrix product.
#include <iostream>

#include "fovea/core/format_tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/steps.h"

using namespace fovea;

namespace {

void print(const Tensor& tensor) {
  std::cout << format_tensor(tensor) << '\n';
}

Tensor scores_by_loops(const Tensor& words) {
  const std::int64_t count = words.size(0);
  Tensor scores(DType::f32, {count, count});
  const auto row = [&words](std::int64_t i) {
    return TensorView(words.values<float>().data() + i * words.size(1), Shape{words.size(1)});
  };
  auto next = scores.values<float>().begin();
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) *next++ = nn::dot(row(i), row(j));
  }
  return scores;
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

  const Tensor scores_of_journey = nn::matmul(words, journey);
  const Tensor weights_of_journey = nn::softmax(scores_of_journey);
  const float sum = nn::sum(weights_of_journey);
  print(scores_of_journey);
  std::cout << "Attention weights: " << format_tensor(weights_of_journey) << '\n'
            << "Sum: " << format_tensor(TensorView(&sum, Shape{})) << '\n';
  print(nn::context_vector(weights_of_journey, words));

  print(scores_by_loops(words));
  const Tensor turned = nn::transpose(words);
  const Tensor scores = nn::matmul(words, turned);
  const Tensor weights = nn::softmax(scores);
  print(scores);
  print(weights);
  print(nn::matmul(weights, words));

  // Self-attention in one call: the words are queries, keys and values at once.
  const Attended answer = attend({.query = words, .key = words, .value = words, .scale = 1});
  std::cout << "attend: " << format_tensor(answer.output) << '\n';
}
