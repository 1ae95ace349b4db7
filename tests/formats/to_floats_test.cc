// Stored numbers become the floats that ggml makes of them, to the bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <numeric>

#include "fovea/formats/checkpoint.h"
#include "fovea/formats/stored_type.h"

namespace fovea::formats {
namespace {

using testing::Each;

std::vector<float> floats_of(const StoredTensor& tensor) {
  std::vector<float> floats(static_cast<std::size_t>(tensor.shape.element_count()));
  to_floats(tensor.type, tensor.bytes, floats);
  return floats;
}

std::vector<std::uint32_t> bits_of(std::span<const float> floats) {
  std::vector<std::uint32_t> bits;
  for (const float value : floats) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

class GoldenBlocks : public testing::TestWithParam<StoredType> {
 protected:
  static const Checkpoint& golden() {
    static const Checkpoint file = read_gguf(FOVEA_SOURCE_DIR "/tests/golden/quantized.gguf");
    return file;
  }
};

TEST_P(GoldenBlocks, BecomeTheFloatsOfPythonsGguf) {
  int compared = 0;
  for (const StoredTensor& tensor : golden().tensors()) {
    if (tensor.type != GetParam() || tensor.name.ends_with(".floats")) continue;
    const StoredTensor& wanted = golden().tensor(tensor.name + ".floats");
    ASSERT_EQ(tensor.shape, wanted.shape);
    EXPECT_EQ(bits_of(floats_of(tensor)), bits_of(floats_of(wanted))) << tensor.name;
    ++compared;
  }
  EXPECT_GE(compared, 1);
}

TEST_P(GoldenBlocks, MayLieAtAnyAddress) {
  for (const StoredTensor& tensor : golden().tensors()) {
    if (tensor.type != GetParam() || tensor.name.ends_with(".floats")) continue;
    std::vector<std::byte> shifted(tensor.bytes.size() + 1);
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), shifted.begin() + 1);
    std::vector<float> floats(static_cast<std::size_t>(tensor.shape.element_count()));
    to_floats(tensor.type, std::span(shifted).subspan(1), floats);
    EXPECT_EQ(bits_of(floats), bits_of(floats_of(tensor))) << tensor.name;
  }
}

INSTANTIATE_TEST_SUITE_P(ToFloats, GoldenBlocks,
                         testing::Values(StoredType::f16, StoredType::bf16, StoredType::q8_0,
                                         StoredType::q4_0, StoredType::q4_1, StoredType::q4_k,
                                         StoredType::q6_k),
                         [](const auto& type) { return std::string(name_of(type.param)); });

TEST(ToFloats, ConvertsAllHalvesAsCoreDoes) {
  std::vector<std::uint16_t> halves(65536);
  std::iota(halves.begin(), halves.end(), std::uint16_t{0});
  std::vector<float> floats(halves.size());
  to_floats(StoredType::f16, std::as_bytes(std::span(halves)), floats);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(floats[i]),
              std::bit_cast<std::uint32_t>(to_float(Float16{halves[i]})))
        << i;
  }
}

TEST(ToFloats, CopiesFloats) {
  const std::vector<float> numbers{1.5F, -0.0F, 3e38F};
  std::vector<float> floats(3);
  to_floats(StoredType::f32, std::as_bytes(std::span(numbers)), floats);
  EXPECT_EQ(bits_of(floats), bits_of(numbers));
}

TEST(ToFloats, TakesNoBlocksAtAll) {
  for (const StoredType type : {StoredType::f32, StoredType::f16, StoredType::q4_k}) {
    to_floats(type, {}, {});
  }
}

TEST(ToFloats, WritesNothingBeyondItsBlocks) {
  // Three blocks of each type into the middle of a target.
  for (int i = 0; i <= static_cast<int>(StoredType::q8_k); ++i) {
    const auto type = static_cast<StoredType>(i);
    if (!is_weight_type(type)) continue;
    const BlockSize block = block_size(type);
    const auto numbers = static_cast<std::size_t>(3 * block.numbers);
    const std::vector<std::byte> stored(static_cast<std::size_t>(3 * block.bytes));
    std::vector<float> target(numbers + 64, 7.0F);
    to_floats(type, stored, std::span(target).subspan(32, numbers));
    EXPECT_THAT(std::span(target).first(32), Each(7.0F)) << name_of(type);
    EXPECT_THAT(std::span(target).subspan(32, numbers), Each(0.0F)) << name_of(type);
    EXPECT_THAT(std::span(target).last(32), Each(7.0F)) << name_of(type);
  }
}

TEST(StoredTypes, HaveTheirOwnNames) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(StoredType::q8_k); ++i) {
    names.insert(name_of(static_cast<StoredType>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(StoredType::q8_k) + 1);
  EXPECT_EQ(name_of(StoredType::q4_1), "Q4_1");
  EXPECT_EQ(block_size(StoredType::q4_1).bytes, 20);
  EXPECT_TRUE(is_weight_type(StoredType::q6_k));
  EXPECT_FALSE(is_weight_type(StoredType::q5_k));
  EXPECT_FALSE(is_weight_type(StoredType::i8));
}

}  // namespace
}  // namespace fovea::formats
