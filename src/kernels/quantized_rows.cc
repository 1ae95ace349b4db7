// A block's numbers become float32 in registers and are multiplied there. Expanded into memory first
// (4 bytes a number, in the cache) and multiplied by CBLAS, a token of SmolLM2 took five times as
// long: 57 ms of all cores together.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized_rows.cc"
#include "kernels/quantized_rows.h"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <cstring>

#include "kernels/elements.h"
#include "kernels/register_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

static_assert(kVectorRows <= 16, "a vector lies within half of a block");

using IntegerTag = hn::Rebind<std::int32_t, FloatTag>;

// A block's first two binary16: its scale and, of Q4_1, its minimum. Eight bytes are read of the
// block, which has more.
struct Halves {
  float scale;
  float minimum;
};

HWY_INLINE Halves halves_at(const std::uint8_t* block) {
#if HWY_TARGET <= HWY_AVX2
  const hn::CappedTag<float, 4> floats;
  const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
  const hn::Repartition<std::uint8_t, decltype(halves)> bytes;
  HWY_ALIGN float numbers[4];
  hn::Store(hn::PromoteTo(floats, hn::BitCast(halves, hn::LoadU(bytes, block))), floats, numbers);
  return {numbers[0], numbers[1]};
#else
  Float16 halves[2];
  std::memcpy(halves, block, sizeof(halves));
  return {as_float(halves[0]), as_float(halves[1])};
#endif
}

// Bytes as int32, the first of them in lane 0.
HWY_INLINE auto bytes_at(const std::uint8_t* from) {
  return hn::PromoteTo(IntegerTag(), hn::LoadU(hn::Rebind<std::uint8_t, FloatTag>(), from));
}

HWY_INLINE auto signed_bytes_at(const std::uint8_t* from) {
  const hn::Rebind<std::uint8_t, FloatTag> bytes;
  return hn::PromoteTo(IntegerTag(),
                       hn::BitCast(hn::Rebind<std::int8_t, FloatTag>(), hn::LoadU(bytes, from)));
}

// Each adds the products of a block with 32 numbers of x to two chains.
struct Q4_0 {
  static constexpr int kBytes = 18;
  static HWY_INLINE void add(const std::uint8_t* block, const float* x, FloatVector& low,
                             FloatVector& high) {
    const FloatTag d;
    const FloatVector scale = hn::Set(d, halves_at(block).scale);
    for (int i = 0; i < 16; i += kVectorRows) {
      const auto pair = bytes_at(block + 2 + i);
      const auto eight = hn::Set(IntegerTag(), 8);
      const auto first = hn::Sub(hn::And(pair, hn::Set(IntegerTag(), 15)), eight);
      const auto second = hn::Sub(hn::ShiftRight<4>(pair), eight);
      low = hn::MulAdd(hn::Mul(hn::ConvertTo(d, first), scale), hn::LoadU(d, x + i), low);
      high = hn::MulAdd(hn::Mul(hn::ConvertTo(d, second), scale), hn::LoadU(d, x + 16 + i), high);
    }
  }
};

struct Q4_1 {
  static constexpr int kBytes = 20;
  static HWY_INLINE void add(const std::uint8_t* block, const float* x, FloatVector& low,
                             FloatVector& high) {
    const FloatTag d;
    const Halves halves = halves_at(block);
    const FloatVector scale = hn::Set(d, halves.scale);
    const FloatVector minimum = hn::Set(d, halves.minimum);
    for (int i = 0; i < 16; i += kVectorRows) {
      const auto pair = bytes_at(block + 4 + i);
      const auto first = hn::And(pair, hn::Set(IntegerTag(), 15));
      const auto second = hn::ShiftRight<4>(pair);
      // Rounded twice, as to_floats does.
      const FloatVector a = hn::Add(hn::Mul(hn::ConvertTo(d, first), scale), minimum);
      const FloatVector b = hn::Add(hn::Mul(hn::ConvertTo(d, second), scale), minimum);
      low = hn::MulAdd(a, hn::LoadU(d, x + i), low);
      high = hn::MulAdd(b, hn::LoadU(d, x + 16 + i), high);
    }
  }
};

struct Q8_0 {
  static constexpr int kBytes = 34;
  static HWY_INLINE void add(const std::uint8_t* block, const float* x, FloatVector& low,
                             FloatVector& high) {
    const FloatTag d;
    const FloatVector scale = hn::Set(d, halves_at(block).scale);
    for (int i = 0; i < 16; i += kVectorRows) {
      const auto first = signed_bytes_at(block + 2 + i);
      const auto second = signed_bytes_at(block + 18 + i);
      low = hn::MulAdd(hn::Mul(hn::ConvertTo(d, first), scale), hn::LoadU(d, x + i), low);
      high = hn::MulAdd(hn::Mul(hn::ConvertTo(d, second), scale), hn::LoadU(d, x + 16 + i), high);
    }
  }
};

template <typename Block>
void multiply_rows(const QuantizedRows& weights, const float* HWY_RESTRICT x,
                   float* HWY_RESTRICT y) {
  const FloatTag d;
  const auto* block = reinterpret_cast<const std::uint8_t*>(weights.data);
  for (std::int64_t row = 0; row < weights.rows; ++row) {
    FloatVector low = hn::Zero(d);
    FloatVector high = hn::Zero(d);
    for (std::int64_t j = 0; j < weights.columns; j += 32, block += Block::kBytes)
      Block::add(block, x + j, low, high);
    y[row] = hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
  }
}

void multiply_on_target(const QuantizedRows& weights, const float* x, float* y) {
  switch (weights.block) {
    case QuantizedBlock::q4_0:
      return multiply_rows<Q4_0>(weights, x, y);
    case QuantizedBlock::q4_1:
      return multiply_rows<Q4_1>(weights, x, y);
    case QuantizedBlock::q8_0:
      return multiply_rows<Q8_0>(weights, x, y);
  }
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::kernels {

HWY_EXPORT(multiply_on_target);

void multiply_quantized(const QuantizedRows& weights, const float* x, float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(multiply_on_target)(weights, x, y);
}

}  // namespace fovea::kernels
#endif
