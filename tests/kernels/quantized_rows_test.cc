// A row times quantised blocks, against the blocks expanded and summed in double.
#include "kernels/quantized_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/formats/stored_type.h"

namespace fovea::kernels {
namespace {

struct Kind {
  QuantizedBlock block;
  formats::StoredType type;
};

class QuantizedRowsOf : public testing::TestWithParam<Kind> {};

// Bytes of all values; halves between 2^-7 and 2^-3, which scales are.
std::vector<std::byte> blocks(formats::StoredType type, std::int64_t count) {
  const formats::BlockSize size = formats::block_size(type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * size.bytes));
  std::uint32_t state = 7;
  for (std::byte& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::byte>(state >> 24);
  }
  const int halves = type == formats::StoredType::q4_1 ? 2 : 1;
  for (std::int64_t i = 0; i < count; ++i) {
    for (int half = 0; half < halves; ++half) {
      std::byte& high = bytes[static_cast<std::size_t>(i * size.bytes + 2 * half + 1)];
      high = (high & std::byte{0x8F}) | std::byte{0x20};
    }
  }
  return bytes;
}

TEST_P(QuantizedRowsOf, AreTheExpandedRowsTimesX) {
  constexpr std::int64_t kRows = 37;
  for (const std::int64_t columns : {32, 64, 576, 1536}) {
    const std::vector<std::byte> stored = blocks(GetParam().type, kRows * columns / 32);
    std::vector<float> weights(static_cast<std::size_t>(kRows * columns));
    formats::to_floats(GetParam().type, stored, weights);
    Generator generator(1);
    const Tensor x = randn({columns}, generator);
    std::vector<float> y(kRows, NAN);
    multiply_quantized({GetParam().block, stored.data(), kRows, columns}, x.values<float>().data(),
                       y.data());
    for (std::int64_t row = 0; row < kRows; ++row) {
      double sum = 0;
      double size = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        const double product =
            static_cast<double>(weights[static_cast<std::size_t>(row * columns + j)]) *
            static_cast<double>(x.values<float>()[static_cast<std::size_t>(j)]);
        sum += product;
        size += std::abs(product);
      }
      // Without fused multiply-add a product and a sum a number, each rounded by half an ulp.
      const double tolerance = 2 * static_cast<double>(columns) * 0x1p-24 * size;
      EXPECT_NEAR(static_cast<double>(y[static_cast<std::size_t>(row)]), sum, tolerance)
          << "row " << row << " of " << columns;
    }
  }
}

// Sums of few products are exact: 32 columns of which one is not 0 show each weight by itself.
TEST_P(QuantizedRowsOf, AreTheVeryWeightsOfToFloats) {
  const std::vector<std::byte> stored = blocks(GetParam().type, 50);
  std::vector<float> weights(50 * 32);
  formats::to_floats(GetParam().type, stored, weights);
  for (std::size_t column = 0; column < 32; ++column) {
    std::vector<float> x(32, 0.0F);
    x[column] = 1;
    std::vector<float> y(50);
    multiply_quantized({GetParam().block, stored.data(), 50, 32}, x.data(), y.data());
    for (std::size_t row = 0; row < 50; ++row) EXPECT_EQ(y[row], weights[row * 32 + column]);
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantizedRowsOf,
                         testing::Values(Kind{QuantizedBlock::q4_0, formats::StoredType::q4_0},
                                         Kind{QuantizedBlock::q4_1, formats::StoredType::q4_1},
                                         Kind{QuantizedBlock::q8_0, formats::StoredType::q8_0}));

}  // namespace
}  // namespace fovea::kernels
