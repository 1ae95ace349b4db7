// Packed keys: the same question in another form, and what is said about a form that is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error_text.h"
#include "fovea/attention/valid_attention.h"
#include "fovea/core/tensor.h"
#include "fovea/reference/attend.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

// Two batch entries, two key heads, 131 keys of size 3: a whole block and a short one.
class PackedKey : public ::testing::Test {
 protected:
  PackedKey() {
    float number = 0;
    for (Tensor* tensor : {&query_, &key_, &value_}) {
      for (float& x : tensor->values<float>()) x = std::sin(number += 1);
    }
    for (std::int64_t at = 0; float& x : packed_.values<float>()) {
      const std::int64_t j = at / (3 * 128) % 2 * 128 + at % 128;
      const std::int64_t head = at / (2 * 3 * 128);
      x = j < 131 ? key_.view().at<float>(head / 2, head % 2, j, at / 128 % 3) : 1e30F;
      ++at;
    }
  }
  Attention packed() const {
    return {.query = query_, .key = {}, .value = value_, .packed_key = packed_};
  }

  Tensor query_{DType::f32, {2, 4, 2, 3}};
  Tensor key_{DType::f32, {2, 2, 131, 3}};
  Tensor value_{DType::f32, {2, 2, 131, 5}};
  Tensor packed_{DType::f32, {2, 2, 2, 3, 128}};
};

std::string error_of(const Attention& attention) {
  return invalid_argument_text([&] { validate(attention, {}); });
}

TEST_F(PackedKey, HasTheSizesOfPlainKeys) {
  const ValidAttention problem = validate(packed(), {});
  EXPECT_EQ(problem.keys(), 131);
  EXPECT_EQ(problem.key_heads(), 2);
  EXPECT_EQ(problem.group_size, 2);
}

TEST_F(PackedKey, IsTheSameKeyToTheReference) {
  const Attention plain{.query = query_, .key = key_, .value = value_, .causal = true};
  Attention other = packed();
  other.causal = true;
  const Tensor expected = reference::attend(validate(plain, {}), {}).output;
  const Tensor actual = reference::attend(validate(other, {}), {}).output;
  EXPECT_THAT(actual.values<double>(), ::testing::ElementsAreArray(expected.values<double>()));
}

TEST_F(PackedKey, MayComeWithoutBatchAndHeads) {
  const Attention one{.query = query_.view().sliced(0, 0, 1).sliced(1, 0, 1),
                      .key = {},
                      .value = value_,
                      .packed_key = packed_};
  Attention two{.query = TensorView(query_.values<float>().data(), {2, 3}),
                .key = {},
                .value = TensorView(value_.values<float>().data(), {131, 5}),
                .packed_key = TensorView(packed_.values<float>().data(), {2, 3, 128})};
  EXPECT_EQ(validate(two, {}).packed_key.shape(), Shape({1, 1, 2, 3, 128}));
  EXPECT_THAT(error_of(one), HasSubstr("differ in batch"));
}

TEST_F(PackedKey, IsRefusedBesidePlainKeys) {
  Attention both = packed();
  both.key = key_;
  EXPECT_THAT(error_of(both), HasSubstr("key and packed_key are both given"));
}

TEST_F(PackedKey, MustHaveABlockForAllKeysAndNoMore) {
  Attention few = packed();
  few.packed_key = packed_.view().sliced(2, 0, 1);
  EXPECT_THAT(error_of(few), HasSubstr("value has 131 tokens; 2 blocks"));
  Attention narrow = packed();
  narrow.packed_key = packed_.view().sliced(4, 0, 64);
  EXPECT_THAT(error_of(narrow), HasSubstr("[2, 2, 2, 3, 64]"));
}

TEST_F(PackedKey, BlocksLieWithoutGaps) {
  Attention turned = packed();
  const float* const data = packed_.values<float>().data();
  turned.packed_key = TensorView(data, {2, 2, 2, 3, 128}, {1536, 768, 384, 1, 3});
  EXPECT_THAT(error_of(turned), HasSubstr("must lie without gaps"));
}

TEST_F(PackedKey, HasOneAxisMoreThanTheValue) {
  Attention flat = packed();
  flat.packed_key = key_;
  EXPECT_THAT(error_of(flat), HasSubstr("packed_key one more"));
}

}  // namespace
}  // namespace fovea
