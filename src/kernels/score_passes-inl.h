// The modifiers of scores on a [128 keys][64 rows] panel, a pass each while it lies in cache: the
// arithmetic of modifiers-inl.h, a segment and its steps of rows at a time. Each pass also finds the
// largest score, so the last one leaves m_b.
//
// Masks and biases lie with the keys side by side; the lanes are rows. They are turned 16 rows at a
// time in registers, which costs more than adding them: 4 of the 6 % that a dense bias takes.

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

// score = op(score, key of the block) for each vector of rows, where op = rows_op(lane).
template <typename RowsOp>
HWY_INLINE void for_scores(const ScoreSegment& at, const RowsOp& rows_op) {
  const FloatTag tag;
  for (int lane = at.segment.step_first * kRowStep; lane < at.segment.step_last * kRowStep;
       lane += kVectorRows) {
    const auto op = rows_op(lane);
    FloatVector largest = hn::Load(tag, at.row_max + lane);
    for (int j = at.segment.first; j < at.segment.last; ++j) {
      float* const score = at.panel + j * kRows + lane;
      const FloatVector s = op(hn::Load(tag, score), j);
      hn::Store(s, tag, score);
      largest = hn::Max(largest, s);
    }
    hn::Store(largest, tag, at.row_max + lane);
  }
}

inline void factor_scores(const ScoreSegment& at, const TileRows& rows) {
  for_scores(at, [&rows](int lane) HWY_ATTR {
    const FloatVector factor = hn::LoadU(FloatTag(), rows.factor.data() + lane);
    return [factor](FloatVector s, int) HWY_ATTR { return hn::Mul(s, factor); };
  });
}

// Small scores, of a vector all below 3/4 of the cap, need no division.
inline void cap_scores(const ScoreSegment& at, float softcap) {
  for_scores(at, [softcap](int) HWY_ATTR {
    const FloatTag tag;
    const FloatVector cap = hn::Set(tag, softcap);
    const FloatVector least = hn::Set(tag, kSmallTanh);
    return [=](FloatVector s, int) HWY_ATTR {
      if (HWY_LIKELY(hn::AllTrue(tag, hn::Lt(hn::Abs(s), least))))
        return hn::Mul(tanh_small(tag, s), cap);
      return hn::Mul(tanh(tag, s), cap);
    };
  });
}

// Biases up to 2^100 in size can take no finite score to infinity, nor need a look at it.
inline constexpr float kPlainBias = 0x1p100F;

// Adds bias[i][lane] to the scores of `count` keys from `score` on.
HWY_INLINE void add_turned_bias(const Vectors<kVectorRows>& bias, int count, float* score,
                                FloatVector& largest) {
  const FloatTag tag;
  FloatVector size = hn::Zero(tag);
#pragma GCC unroll 16
  for (int i = 0; i < kVectorRows; ++i) size = hn::Max(size, hn::Abs(bias[i]));
  const bool plain = hn::AllTrue(tag, hn::Lt(size, hn::Set(tag, kPlainBias)));
  if (HWY_LIKELY(plain && count == kVectorRows)) {
#pragma GCC unroll 16
    for (int i = 0; i < kVectorRows; ++i) {
      const FloatVector s =
          hn::MulAdd(bias[i], hn::Set(tag, kLog2E), hn::Load(tag, score + i * kRows));
      hn::Store(s, tag, score + i * kRows);
      largest = hn::Max(largest, s);
    }
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
  HWY_ALIGN float gathered[kVectorRows][kBlockKeys] = {};
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
    return for_scores(at, [&](int lane) HWY_ATTR {
      const FloatTag tag;
      const FloatVector factor = hn::Load(tag, slope + lane);
      const FloatVector where = hn::Load(tag, diagonal + lane);
      return [=](FloatVector s, int j) HWY_ATTR {
        const FloatVector key = hn::Set(tag, static_cast<float>(j));
        return hn::MulAdd(factor, hn::Abs(hn::Sub(where, key)), s);
      };
    });
  }
  for_scores(at, [&](int lane) HWY_ATTR {
    return [&, lane](FloatVector s, int j) HWY_ATTR {
      const FloatTag tag;
      HWY_ALIGN float distance[kVectorRows];
      for (int i = 0; i < kVectorRows; ++i) {
        distance[i] =
            distance_from(rows.diagonal[static_cast<std::size_t>(lane + i)], at.first_key + j);
      }
      return with_alibi(tag, s, hn::Load(tag, slope + lane), hn::Load(tag, distance));
    };
  });
}

// Scores that position hides become -inf.
inline void hide_by_range(const ScoreSegment& at, const RowBlock& rows) {
  for_scores(at, [&rows](int lane) HWY_ATTR {
    const FloatTag tag;
    const hn::RebindToSigned<FloatTag> index;
    const auto first = hn::Load(index, rows.first.data() + lane);
    const auto last = hn::Load(index, rows.last.data() + lane);
    return [=](FloatVector s, int j) HWY_ATTR {
      const auto key = hn::Set(index, j);
      const auto seen = hn::AndNot(hn::Lt(key, first), hn::Lt(key, last));
      return hn::IfThenElse(hn::RebindMask(tag, seen), s, hn::Set(tag, -kFloatInfinity));
    };
  });
}

// One bit for each of `keys` bools, 128 at most, side by side.
inline void gather_bits(const std::uint8_t* kept, int keys, std::uint32_t* bits) {
  const hn::ScalableTag<std::uint8_t> bytes;
  constexpr int kBytes = static_cast<int>(hn::MaxLanes(bytes));
  HWY_ALIGN std::uint8_t whole[kBlockKeys] = {};
  if (keys < kBlockKeys) {
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
  std::memcpy(bits, out, kBlockKeys / 8);
}

// The mask's part in the key block at `key`.
inline void gather_keep(const TensorView& keep, const RowBlock& rows, const KeyRange& block,
                        KeepBits& kept) {
  const int keys = static_cast<int>(block.last - block.first);
  const std::int64_t stride = keep.stride(3);
  kept.all = true;
  for (int step = 0; step < rows.steps; ++step) {
    std::array<std::uint32_t, KeepBits::kWords> some{};
    for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; ++lane) {
      const auto* const row =
          reinterpret_cast<const std::uint8_t*>(row_at(keep, rows.rows, lane, block.first));
      std::uint32_t bits[KeepBits::kWords] = {};
      if (stride == 1) {
        gather_bits(row, keys, bits);
      } else {
        for (int j = 0; j < keys; ++j) bits[j / 32] |= (row[j * stride] != 0 ? 1U : 0U) << j % 32;
      }
      for (std::size_t w = 0; w < some.size(); ++w) {
        kept.words[w][static_cast<std::size_t>(lane)] = bits[w];
        some[w] |= bits[w];
        const int of_word = std::clamp(keys - 32 * static_cast<int>(w), 0, 32);
        kept.all = kept.all && std::popcount(bits[w]) == of_word;
      }
    }
    KeyRange& range = kept.some[static_cast<std::size_t>(step)];
    range = {kBlockKeys, 0};
    for (std::size_t w = 0; w < some.size(); ++w) {
      if (some[w] == 0) continue;
      const auto base = 32 * static_cast<std::int64_t>(w);
      range.first = std::min(range.first, base + std::countr_zero(some[w]));
      range.last = base + 32 - std::countl_zero(some[w]);
    }
  }
}

// Scores of keys that a mask does not keep become -inf.
inline void hide_by_keep(const ScoreSegment& at, const KeepBits& keep) {
  for_scores(at, [&keep](int lane) HWY_ATTR {
    return [&keep, lane](FloatVector s, int j) HWY_ATTR {
      const FloatTag tag;
      const hn::RebindToUnsigned<FloatTag> bits;
      const auto word = hn::Load(bits, keep.words[static_cast<std::size_t>(j / 32)].data() + lane);
      const auto kept = hn::TestBit(word, hn::Set(bits, 1U << j % 32));
      return hn::IfThenElse(hn::RebindMask(tag, kept), s, hn::Set(tag, -kFloatInfinity));
    };
  });
}

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
