// How two tensors are held to be equal: to the bit, or within a stated distance.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "fovea/core/tensor.h"

namespace fovea::nn {

inline void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes()));
}

/// Both f32.
inline void expect_within(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
    ASSERT_NEAR(a.values<float>()[i], b.values<float>()[i], tolerance) << "element " << i;
  }
}

}  // namespace fovea::nn
