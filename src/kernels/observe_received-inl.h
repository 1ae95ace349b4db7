// What each key receives: the sum over rows of its weights, a row block at a time.
//
// The 64 weights of a key are multiplied by the rows' factors and added up in one order on every
// target: rows 16 apart in a chain, then the 16 sums as a tree. 16 keys are turned in registers, so the
// tree adds vectors.
#if defined(FOVEA_KERNELS_OBSERVE_RECEIVED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_RECEIVED_INL_H_
#undef FOVEA_KERNELS_OBSERVE_RECEIVED_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_RECEIVED_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "kernels/observed_block-inl.h"
#include "kernels/pack_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

struct ObserveReceived {
  static bool wanted(const RowWatch& watch) { return watch.received != nullptr; }
  static bool needs_weights(const RowWatch&, std::int64_t) { return true; }

  static void share(RowWatch& watch, const ShareTile& tile) {
    HWY_ALIGN float sums[kVectorRows];
    for (std::int64_t j = tile.keys.first / kVectorRows * kVectorRows; j < tile.keys.last;
         j += kVectorRows) {
      hn::Store(add_up_rows(tile.p + j * kRows, tile.factor), FloatTag(), sums);
      std::int64_t* const to = watch.received + tile.first_key + j;
      for (int i = 0; i < kVectorRows; ++i) to[i] += to_fixed(static_cast<double>(sums[i]));
    }
  }

 private:
  static constexpr int kParts = kRowStep / kVectorRows;  // vectors that hold a step of rows

  // t[n] + t[n / 2 ...]: halves added until one vector is left.
  template <int kCount>
  static HWY_INLINE FloatVector tree(FloatVector* t) {
    if constexpr (kCount == 1) {
      return t[0];
    } else {
#pragma GCC unroll 8
      for (int i = 0; i < kCount / 2; ++i) t[i] = hn::Add(t[i], t[i + kCount / 2]);
      return tree<kCount / 2>(t);
    }
  }

  // Of a vector's number of keys, the sum over their rows: a lane a key.
  static HWY_INLINE FloatVector add_up_rows(const float* p, const float* factor) {
    const FloatTag tag;
    Vectors<kVectorRows> of_key;
#pragma GCC unroll 16
    for (int i = 0; i < kVectorRows; ++i) {
      Vectors<kParts> sum;
#pragma GCC unroll 16
      for (int part = 0; part < kParts; ++part) {
        const int lane = part * kVectorRows;
        sum[part] = hn::Mul(hn::Load(tag, p + i * kRows + lane), hn::Load(tag, factor + lane));
#pragma GCC unroll 4
        for (int step = 1; step < kSteps; ++step) {
          const int at = step * kRowStep + lane;
          sum[part] =
              hn::MulAdd(hn::Load(tag, p + i * kRows + at), hn::Load(tag, factor + at), sum[part]);
        }
      }
      of_key[i] = tree<kParts>(sum);
    }
    transpose(of_key);
    return tree<kVectorRows>(of_key);
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
