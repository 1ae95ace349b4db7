// A program of somebody else's, built against an installed fovea.
#include <iostream>

#include "fovea/engine/attend.h"

int main() {
  const auto query = fovea::Tensor::of<float>({1, 2}, {0, 0});
  const auto keys = fovea::Tensor::of<float>({2, 2}, {1, 0, 0, 1});
  const auto answer = fovea::attend({.query = query, .key = keys, .value = keys});
  std::cout << answer.output.values<float>()[0] << ' ' << answer.output.values<float>()[1] << '\n';
}
