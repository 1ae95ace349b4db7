// The modifiers of scores on a [128 keys][64 rows] panel, a pass each while it lies in cache: the
// arithmetic of modifiers-inl.h, a segment and its steps of rows at a time. Each pass also finds the
// largest score, so the last one leaves m_b.
//
// Masks and biases lie with the keys side by side; the lanes are rows. Biases are turned 16 rows at a
// time in registers: a shuffle an element, as much as the whole pass besides.

#if defined(FOVEA_KERNELS_SCORE_PASSES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_SCORE_PASSES_INL_H_
#undef FOVEA_KERNELS_SCORE_PASSES_INL_H_
#else
#define FOVEA_KERNELS_SCORE_PASSES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/modifiers-inl.h"
#include "kernels/pack_rows-inl.h"
#include "kernels/row_block.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

/// The scores of one segment: its keys and its steps of rows.
struct ScoreSegment {
  const Segment& segment;
  float* panel;            // of the key block: [128][64]
  float* row_max;          // [64], raised to the largest score
  std::int64_t first_key;  // that the panel's first row stands for
};

// Passes of NV vectors that cover the steps of a segment: one pass of 1 to 4 vectors with 512 bits,
// else several of 2.
#if HWY_TARGET <= HWY_AVX3
template <typename Pass>
HWY_INLINE void for_vectors(const Segment& segment, const Pass& pass) {
  const int lane = segment.step_first * kRowStep;
  switch (segment.step_last - segment.step_first) {
    case 4:
      return pass.template run<4>(lane);
    case 3:
      return pass.template run<3>(lane);
    case 2:
      return pass.template run<2>(lane);
    default:
      return pass.template run<1>(lane);
  }
}
#else
template <typename Pass>
HWY_INLINE void for_vectors(const Segment& segment, const Pass& pass) {
  for (int lane = segment.step_first * kRowStep; lane < segment.step_last * kRowStep;
       lane += 2 * kVectorRows)
    pass.template run<2>(lane);
}
#endif

// score = op(score, key) for all vectors of rows. An Op is what a modifier needs of the block; its
// `rows<NV>(lane)` is what it needs of NV vectors of rows, whose `of_key(j)` is what key j of the
// block adds for all of them and whose `apply(score, v, of_key)` the modifier itself.
template <class Op>
struct ModifyPass {
  const ScoreSegment& at;
  const Op& op;
  template <int NV>
  HWY_INLINE void run(int lane) const {
    const FloatTag tag;
    const auto rows = op.template rows<NV>(lane);
    Vectors<NV> largest;
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) largest[v] = hn::Load(tag, at.row_max + lane + v * kVectorRows);
    for (int j = at.segment.first; j < at.segment.last; ++j) {
      float* const score = at.panel + j * kRows + lane;
      const auto of_key = rows.of_key(j);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) {
        const FloatVector s = rows.apply(hn::Load(tag, score + v * kVectorRows), v, of_key);
        hn::Store(s, tag, score + v * kVectorRows);
        largest[v] = hn::Max(largest[v], s);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) hn::Store(largest[v], tag, at.row_max + lane + v * kVectorRows);
  }
};

template <class Op>
inline void modify(const ScoreSegment& at, const Op& op) {
  for_vectors(at.segment, ModifyPass<Op>{at, op});
}

// NV vectors of an array with a number for each row.
template <int NV>
HWY_INLINE void load_rows(const float* from, Vectors<NV>& to) {
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) to[v] = hn::LoadU(FloatTag(), from + v * kVectorRows);
}

// Rows whose query the factor was kept out of.
struct LateFactor {
  const TileRows& of;

  template <int NV>
  struct Rows {
    Vectors<NV> factor;
    HWY_INLINE int of_key(int) const { return 0; }
    HWY_INLINE FloatVector apply(FloatVector s, int v, int) const { return hn::Mul(s, factor[v]); }
  };
  template <int NV>
  HWY_INLINE Rows<NV> rows(int lane) const {
    Rows<NV> made;
    load_rows<NV>(of.factor.data() + lane, made.factor);
    return made;
  }
};

// Small scores, of a vector all below 3/4 of the cap, need no division.
struct Softcap {
  float cap;

  template <int NV>
  HWY_INLINE Softcap rows(int) const {
    return *this;
  }
  HWY_INLINE int of_key(int) const { return 0; }
  HWY_INLINE FloatVector apply(FloatVector s, int, int) const {
    const FloatTag tag;
    const FloatVector scale = hn::Set(tag, cap);
    if (HWY_LIKELY(hn::AllTrue(tag, hn::Lt(hn::Abs(s), hn::Set(tag, kSmallTanh)))))
      return hn::Mul(tanh_small(tag, s), scale);
    return hn::Mul(tanh(tag, s), scale);
  }
};

// Biases up to 2^100 in size can take no finite score to infinity, nor need a look at it.
inline constexpr float kPlainBias = 0x1p100F;

HWY_INLINE FloatVector largest_of(const Vectors<4>& most) {
  return hn::Max(hn::Max(most[0], most[1]), hn::Max(most[2], most[3]));
}

// Adds bias[i][lane] to the scores of `count` keys from `score` on.
HWY_INLINE void add_turned_bias(const Vectors<kVectorRows>& bias, int count, float* score,
                                FloatVector& largest) {
  const FloatTag tag;
  // Four maxima side by side: one would be a chain of 16 through every turn.
  Vectors<4> most;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) most[i] = hn::Zero(tag);
#pragma GCC unroll 16
  for (int i = 0; i < kVectorRows; ++i) most[i % 4] = hn::Max(most[i % 4], hn::Abs(bias[i]));
  if (HWY_LIKELY(count == kVectorRows &&
                 hn::AllTrue(tag, hn::Lt(largest_of(most), hn::Set(tag, kPlainBias))))) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) most[i] = hn::Set(tag, -kFloatInfinity);
#pragma GCC unroll 16
    for (int i = 0; i < kVectorRows; ++i) {
      const FloatVector s =
          hn::MulAdd(bias[i], hn::Set(tag, kLog2E), hn::Load(tag, score + i * kRows));
      hn::Store(s, tag, score + i * kRows);
      most[i % 4] = hn::Max(most[i % 4], s);
    }
    largest = hn::Max(largest, largest_of(most));
    return;
  }
  for (int i = 0; i < count; ++i) {
    const FloatVector s = with_bias(tag, hn::Load(tag, score + i * kRows), bias[i]);
    hn::Store(s, tag, score + i * kRows);
    largest = hn::Max(largest, s);
  }
}

// Where the rows of `view` ([batch, head, query, keys]) begin for 16 lanes, in bytes from its data.
inline const std::byte* row_at(const TensorView& view, const TileRows& rows, int lane,
                               std::int64_t key) {
  return static_cast<const std::byte*>(view.data()) +
         (row_offset(view, rows, lane) + key * view.stride(3)) * size_of(view.dtype());
}

inline void add_bias(const ScoreSegment& at, const ValidAttention& problem, const TileRows& rows) {
  const FloatTag tag;
  const TensorView& bias = problem.bias;
  const int keys = at.segment.last - at.segment.first;
  const std::int64_t first_key = at.first_key + at.segment.first;
  const bool plain = bias.dtype() == DType::f32 && bias.stride(3) == 1 && keys % kVectorRows == 0;
  HWY_ALIGN float gathered[kVectorRows][kBlockKeys];
  if (!plain) std::memset(gathered, 0, sizeof gathered);
  for (int lane = at.segment.step_first * kRowStep; lane < at.segment.step_last * kRowStep;
       lane += kVectorRows) {
    const float* row[kVectorRows];
    for (int i = 0; i < kVectorRows; ++i) {
      const std::byte* const from = row_at(bias, rows, lane + i, first_key);
      row[i] = plain ? reinterpret_cast<const float*>(from) : gathered[i];
      if (!plain)
        widen({.data = from, .type = bias.dtype(), .stride = bias.stride(3)}, keys, gathered[i]);
    }
    float* const score = at.panel + at.segment.first * kRows + lane;
    FloatVector largest = hn::Load(tag, at.row_max + lane);
    for (int j = 0; j < keys; j += kVectorRows) {
      const int count = std::min(kVectorRows, keys - j);
      Vectors<kVectorRows> t;
#pragma GCC unroll 16
      for (int i = 0; i < kVectorRows; ++i) t[i] = hn::LoadU(tag, row[i] + j);
      transpose(t);
      add_turned_bias(t, count, score + j * kRows, largest);
    }
    hn::Store(largest, tag, at.row_max + lane);
  }
}

using IntegerTag = hn::RebindToSigned<FloatTag>;
using Integer = hn::Vec<IntegerTag>;
template <int N>
using Integers = Integer[static_cast<std::size_t>(N)];

// score - slope · |diagonal - key|, where all is small: one FMA. `slope` is the factor of the
// distance, `diagonal` counts from the block's first key; [64] each.
struct NearAlibi {
  const float* slope;
  const float* diagonal;

  template <int NV>
  struct Rows {
    Vectors<NV> slope;
    Vectors<NV> diagonal;
    HWY_INLINE FloatVector of_key(int j) const {
      return hn::Set(FloatTag(), static_cast<float>(j));
    }
    HWY_INLINE FloatVector apply(FloatVector s, int v, FloatVector key) const {
      return hn::MulAdd(slope[v], hn::Abs(hn::Sub(diagonal[v], key)), s);
    }
  };
  template <int NV>
  HWY_INLINE Rows<NV> rows(int lane) const {
    Rows<NV> made;
    load_rows<NV>(slope + lane, made.slope);
    load_rows<NV>(diagonal + lane, made.diagonal);
    return made;
  }
};

// The same with slopes and distances of any size.
struct FarAlibi {
  const TileRows& of;
  const float* slope;
  std::int64_t first_key;

  template <int NV>
  struct Rows {
    const FarAlibi& alibi;
    int lane;
    HWY_INLINE int of_key(int j) const { return j; }
    HWY_INLINE FloatVector apply(FloatVector s, int v, int j) const {
      const FloatTag tag;
      const int first = lane + v * kVectorRows;
      HWY_ALIGN float distance[kVectorRows];
      for (int i = 0; i < kVectorRows; ++i) {
        const std::int64_t diagonal = alibi.of.diagonal[static_cast<std::size_t>(first + i)];
        distance[i] = distance_from(diagonal, alibi.first_key + j);
      }
      return with_alibi(tag, s, hn::Load(tag, alibi.slope + first), hn::Load(tag, distance));
    }
  };
  template <int NV>
  HWY_INLINE Rows<NV> rows(int lane) const {
    return {*this, lane};
  }
};

// Slopes up to 2^60 over distances below 2^24 can take no finite score to infinity.
inline constexpr float kPlainSlope = 0x1p60F;

inline void add_alibi(const ScoreSegment& at, const ValidAttention& problem, const TileRows& rows) {
  HWY_ALIGN float slope[kRows];
  HWY_ALIGN float diagonal[kRows];  // from the block's first key; exact where plain
  bool plain = true;
  for (int lane = 0; lane < kRows; ++lane) {
    const auto i = static_cast<std::size_t>(lane);
    slope[lane] = alibi_factor(problem, rows.head[i]);
    const double from_block =
        static_cast<double>(rows.diagonal[i]) - static_cast<double>(at.first_key);
    diagonal[lane] = static_cast<float>(from_block);
    plain = plain && std::abs(slope[lane]) < kPlainSlope && std::abs(from_block) < 0x1p23;
  }
  if (plain) {
    modify(at, NearAlibi{slope, diagonal});
  } else {
    modify(at, FarAlibi{rows, slope, at.first_key});
  }
}

// Scores that position hides become -inf.
struct HideByRange {
  const RowBlock& of;

  template <int NV>
  struct Rows {
    Integers<NV> first;
    Integers<NV> last;
    HWY_INLINE Integer of_key(int j) const { return hn::Set(IntegerTag(), j); }
    HWY_INLINE FloatVector apply(FloatVector s, int v, Integer key) const {
      const auto seen = hn::AndNot(hn::Lt(key, first[v]), hn::Lt(key, last[v]));
      const FloatTag tag;
      return hn::IfThenElse(hn::RebindMask(tag, seen), s, hn::Set(tag, -kFloatInfinity));
    }
  };
  template <int NV>
  HWY_INLINE Rows<NV> rows(int lane) const {
    Rows<NV> made;
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      made.first[v] = hn::Load(IntegerTag(), of.first.data() + lane + v * kVectorRows);
      made.last[v] = hn::Load(IntegerTag(), of.last.data() + lane + v * kVectorRows);
    }
    return made;
  }
};

// Bools of 128 keys, a bit each.
using KeyBits = std::array<std::uint64_t, 2>;

// One bit for each of `keys` bools, 128 at most, side by side.
HWY_INLINE KeyBits gather_bits(const std::uint8_t* kept, int keys) {
  const hn::ScalableTag<std::uint8_t> bytes;
  constexpr int kBytes = static_cast<int>(hn::MaxLanes(bytes));
  HWY_ALIGN std::uint8_t whole[kBlockKeys] = {};
  if (HWY_UNLIKELY(keys < kBlockKeys)) {
    std::copy_n(kept, keys, whole);
    kept = whole;
  }
  std::uint8_t out[kBlockKeys / 8 + 8];  // StoreMaskBits may write 8 bytes
  for (int j = 0; j < kBlockKeys; j += kBytes) {
    const auto set = hn::Ne(hn::LoadU(bytes, kept + j), hn::Zero(bytes));
    if constexpr (kBytes >= 8) {
      hn::StoreMaskBits(bytes, set, out + j / 8);
    } else {
      out[j / 8] = static_cast<std::uint8_t>((j % 8 == 0 ? 0 : out[j / 8]) |
                                             (hn::CountTrue(bytes, set) << j % 8));
    }
  }
  KeyBits bits;
  std::memcpy(bits.data(), out, sizeof bits);
  return bits;
}

// The same of bools `stride` bytes apart.
inline KeyBits gather_strided_bits(const std::uint8_t* kept, std::int64_t stride, int keys) {
  KeyBits bits{};
  for (int j = 0; j < keys; ++j) {
    const std::uint64_t bit = kept[j * stride] != 0 ? 1 : 0;
    bits[static_cast<std::size_t>(j / 64)] |= bit << j % 64;
  }
  return bits;
}

// The mask's part in the key block at `key`.
inline void gather_keep(const TensorView& keep, const RowBlock& rows, const KeyRange& block,
                        KeepBits& kept) {
  const int keys = static_cast<int>(block.last - block.first);
  const std::int64_t stride = keep.stride(3);
  const KeyBits full{keys >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << keys) - 1,
                     keys <= 64    ? 0
                     : keys == 128 ? ~std::uint64_t{0}
                                   : (std::uint64_t{1} << (keys - 64)) - 1};
  kept.all = true;
  for (int step = 0; step < rows.steps; ++step) {
    KeyBits some{};
    KeyBits every = full;
    for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; ++lane) {
      const auto* const row =
          reinterpret_cast<const std::uint8_t*>(row_at(keep, rows.rows, lane, block.first));
      // What the next key block wants of this row.
      for (int ahead = kBlockKeys; ahead < 2 * kBlockKeys; ahead += 64)
        __builtin_prefetch(row + ahead * stride, 0, 2);
      const KeyBits bits =
          stride == 1 ? gather_bits(row, keys) : gather_strided_bits(row, stride, keys);
      const auto at = static_cast<std::size_t>(lane);
      for (std::size_t half = 0; half < bits.size(); ++half) {
        kept.words[2 * half][at] = static_cast<std::uint32_t>(bits[half]);
        kept.words[2 * half + 1][at] = static_cast<std::uint32_t>(bits[half] >> 32);
        some[half] |= bits[half];
        every[half] &= bits[half];
      }
    }
    kept.all = kept.all && every == full;
    KeyRange& range = kept.some[static_cast<std::size_t>(step)];
    range = {kBlockKeys, 0};
    if (some[1] != 0) range = {64 + std::countr_zero(some[1]), 128 - std::countl_zero(some[1])};
    if (some[0] != 0) {
      range.first = std::countr_zero(some[0]);
      range.last = std::max<std::int64_t>(range.last, 64 - std::countl_zero(some[0]));
    }
  }
}

// Scores of keys that a mask does not keep become -inf.
struct HideByKeep {
  const KeepBits& of;

  template <int NV>
  struct Rows {
    const KeepBits& of;
    int lane;
    HWY_INLINE int of_key(int j) const { return j; }
    HWY_INLINE FloatVector apply(FloatVector s, int v, int j) const {
      const FloatTag tag;
      const hn::RebindToUnsigned<FloatTag> bits;
      const auto& words = of.words[static_cast<std::size_t>(j / 32)];
      const auto word = hn::Load(bits, words.data() + lane + v * kVectorRows);
      const auto kept = hn::TestBit(word, hn::Set(bits, 1U << j % 32));
      return hn::IfThenElse(hn::RebindMask(tag, kept), s, hn::Set(tag, -kFloatInfinity));
    }
  };
  template <int NV>
  HWY_INLINE Rows<NV> rows(int lane) const {
    return {of, lane};
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
