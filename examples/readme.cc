// The README's example, word for word; tests/project/readme_test.cc compares.
#include <iostream>

#include "fovea/engine/attend.h"

int main() {
  // Two queries and three keys of size 2, three values of size 1: each array is [tokens, size].
  const auto query = fovea::Tensor::of<float>({2, 2}, {1, 0, 0, 1});
  const auto key = fovea::Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1});
  const auto value = fovea::Tensor::of<float>({3, 1}, {10, 20, 30});

  const fovea::Attended answer =
      fovea::attend({.query = query, .key = key, .value = value, .causal = true});

  for (const float number : answer.output.values<float>()) std::cout << number << '\n';
  std::cout << answer.plan.explain();
}
