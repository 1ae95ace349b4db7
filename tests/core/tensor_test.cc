// Owned tensors: allocation, its limits, and copies of any view.
#include "fovea/core/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include "core/error_text.h"

namespace fovea {
namespace {

using testing::ElementsAre;

TEST(Tensor, StartsAsZeros) {
  const Tensor tensor(DType::f32, {2, 3});
  EXPECT_THAT(tensor.values<float>(), testing::Each(0.0f));
  EXPECT_EQ(tensor.values<float>().size(), 6u);
}

TEST(Tensor, IsAlignedTo64Bytes) {
  for (std::int64_t size : {0, 1, 3, 17, 1000}) {
    const Tensor tensor(DType::u8, {size});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.view().data()) % 64, 0u) << size;
  }
}

TEST(Tensor, HoldsTheGivenValues) {
  const Tensor tensor = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(tensor.view().at<float>(1, 0), 3);
  EXPECT_EQ(tensor.dtype(), DType::f32);
}

TEST(Tensor, RefusesAnotherNumberOfValues) {
  EXPECT_EQ(invalid_argument_text([] {
              Tensor::of<float>({2, 2}, {1, 2, 3});
            }),
            "tensor: 3 values given for [2, 2], which takes 4");
}

TEST(Tensor, CopiesStridedViewsRowMajor) {
  std::array<std::int32_t, 12> data;
  std::iota(data.begin(), data.end(), 0);
  const TensorView columns = TensorView(data.data(), {3, 4}).permuted({1, 0}).sliced(0, 1, 2);
  EXPECT_THAT(Tensor::copy_of(columns).values<std::int32_t>(), ElementsAre(1, 5, 9, 2, 6, 10));
}

TEST(Tensor, CopiesBroadcastAndNegativeStrides) {
  const std::array<float, 3> data{1, 2, 3};
  EXPECT_THAT(Tensor::copy_of(TensorView(data.data() + 2, {2, 3}, {0, -1})).values<float>(),
              ElementsAre(3, 2, 1, 3, 2, 1));
}

TEST(Tensor, CopiesAnEmptyViewWithoutReadingIt) {
  const TensorView nothing(static_cast<const float*>(nullptr), {3, 0});
  EXPECT_EQ(Tensor::copy_of(nothing).shape(), (Shape{3, 0}));
}

TEST(Tensor, RefusesSizesWhoseProductOverflows) {
  const std::int64_t large = std::int64_t{1} << 32;
  EXPECT_EQ(invalid_argument_text([&] {
              Tensor(DType::f32, {large, large});
            }),
            "shape: [4294967296, 4294967296] has more elements than 63 bits can count");
}

TEST(Tensor, SaysHowMuchMemoryItWanted) {
  // The count fits in 63 bits, the bytes do not.
  const std::int64_t large = std::int64_t{1} << 61;
  EXPECT_EQ(error_text(ErrorKind::out_of_memory, [&] { Tensor(DType::f64, {large}); }),
            "out of memory: a tensor [2305843009213693952] of f64 needs 2305843009213693952 "
            "elements of 8 bytes");
  const std::int64_t beyond_any_machine = std::int64_t{1} << 56;
  EXPECT_EQ(error_text(ErrorKind::out_of_memory, [&] { Tensor(DType::u8, {beyond_any_machine}); }),
            "out of memory: a tensor [72057594037927936] of u8 needs 72057594037927936 elements of "
            "1 bytes");
}

TEST(Tensor, MovesItsMemory) {
  Tensor first = Tensor::of<float>({1}, {5});
  const void* data = first.view().data();
  const Tensor second = std::move(first);
  EXPECT_EQ(second.view().data(), data);
}

TEST(Tensor, IsWrittenThroughItsMutableView) {
  Tensor tensor(DType::f32, {2});
  static_cast<float*>(tensor.mutable_view().mutable_data())[1] = 4;
  EXPECT_THAT(tensor.values<float>(), ElementsAre(0, 4));
}

TEST(Tensor, OfRankZeroHoldsOneNumber) {
  EXPECT_EQ(Tensor(DType::f32, {}).element_count(), 1);
}

}  // namespace
}  // namespace fovea
