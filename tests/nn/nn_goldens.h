// tests/golden/nn.json as tensors; tools/make_nn_goldens.py wrote it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "fovea/core/tensor.h"
#include "golden/golden.h"

namespace fovea::nn {

inline const nlohmann::json& nn_goldens() {
  static const nlohmann::json document = golden::read_json("nn.json");
  return document;
}

inline std::vector<double> doubles(const nlohmann::json& values) {
  return values.get<std::vector<double>>();
}

inline Tensor floats(const nlohmann::json& values, const Shape& sizes) {
  std::vector<float> numbers;
  for (const double value : doubles(values)) numbers.push_back(static_cast<float>(value));
  return Tensor::of<float>(sizes, std::span<const float>(numbers));
}

/// The distance from |x| to the next float32 above.
inline double ulp_of(double x) {
  const auto magnitude = static_cast<float>(std::abs(x));
  return static_cast<double>(std::nextafter(magnitude, INFINITY)) - static_cast<double>(magnitude);
}

}  // namespace fovea::nn
