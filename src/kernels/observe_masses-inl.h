// How much weight of each row lies on some keys: the first ones, its own, the one before, those with
// its label. Single keys' scores are taken as they come by; labels add up p in each key block.
#if defined(FOVEA_KERNELS_OBSERVE_MASSES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_KERNELS_OBSERVE_MASSES_INL_H_
#undef FOVEA_KERNELS_OBSERVE_MASSES_INL_H_
#else
#define FOVEA_KERNELS_OBSERVE_MASSES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/observed_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::kernels::HWY_NAMESPACE {

// Weight on single keys, and the sink's share.
struct ObserveKeyMasses {
  static bool wanted(const RowWatch& watch) {
    const Observe& asked = watch.all->asked;
    return asked.mass_first > 0 || asked.mass_self || asked.mass_previous ||
           watch.all->targets.mass_sink.given();
  }

  static void start(RowWatch& watch) {
    std::fill_n(watch.first_scores, watch.all->asked.mass_first * kRows, -kFloatInfinity);
    watch.self_score.fill(-kFloatInfinity);
    watch.previous_score.fill(-kFloatInfinity);
  }

  static void scores(RowWatch& watch, const ObservedBlock& block) {
    const std::int64_t first = watch.all->asked.mass_first;
    for (int step = 0; step < block.rows.steps; ++step) {
      const KeyRange keys = block.segments.keys_of_step(step);
      const int lane = step * kRowStep;
      for (std::int64_t j = keys.first; j < keys.last && block.first_key + j < first; ++j) {
        std::copy_n(block.panel + j * kRows + lane, kRowStep,
                    watch.first_scores + (block.first_key + j) * kRows + lane);
      }
      for (int i = lane; i < lane + kRowStep; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const std::int64_t self = watch.diagonal[at] - block.first_key;
        if (keys.first <= self && self < keys.last)
          watch.self_score[at] = block.panel[self * kRows + i];
        if (keys.first < self && self <= keys.last)
          watch.previous_score[at] = block.panel[(self - 1) * kRows + i];
      }
    }
  }

  static void finish(RowWatch& watch) {
    const ObservationTargets& targets = watch.all->targets;
    if (targets.mass_self.given()) store_weights(watch, watch.self_score.data(), targets.mass_self);
    if (targets.mass_previous.given())
      store_weights(watch, watch.previous_score.data(), targets.mass_previous);
    if (targets.mass_first.given()) store_first(watch);
    if (targets.mass_sink.given()) store_sink(watch);
  }

 private:
  static void store_weights(RowWatch& watch, float* scores, const MutableTensorView& view) {
    weights_of_rows(watch, scores);
    mark_nan(watch, scores);
    store_rows(watch, scores, view);
  }

  // A row that is NaN says so, whether it sees the key or not.
  static void mark_nan(const RowWatch& watch, float* numbers) {
    for (int lane = 0; lane < watch.count && watch.any_nan; ++lane)
      if (std::isnan(watch.l[static_cast<std::size_t>(lane)])) numbers[lane] = kFloatNaN;
  }

  static void store_first(RowWatch& watch) {
    HWY_ALIGN float sums[kRows] = {};
    for (std::int64_t j = 0; j < watch.all->asked.mass_first; ++j) {
      float* const scores = watch.first_scores + j * kRows;
      weights_of_rows(watch, scores);
      for (int lane = 0; lane < kRows; ++lane) sums[lane] += scores[lane];
    }
    mark_nan(watch, sums);
    store_rows(watch, sums, watch.all->targets.mass_first);
  }

  static void store_sink(RowWatch& watch) {
    HWY_ALIGN float share[kRows];
    const ValidAttention& problem = watch.all->problem;
    const float sink =
        problem.sinks.given() ? finite_float(problem.sinks.number_at(watch.head)) : -kFloatInfinity;
    std::fill(share, share + kRows, in_log2_units(sink));
    store_weights(watch, share, watch.all->targets.mass_sink);
  }
};

// Weight on the keys with the row's label.
struct ObserveMatch {
  static bool wanted(const RowWatch& watch) { return watch.match_b != nullptr; }

  static void start(RowWatch& watch) {
    const TensorView& labels = watch.all->asked.query_labels;
    for (int lane = 0; lane < kRows; ++lane) {
      const std::int64_t query = watch.first_query + std::min(lane, watch.count - 1);
      watch.label[static_cast<std::size_t>(lane)] = label_at(labels, watch.batch, query);
    }
  }

  // After the block's softmax: adds up p where labels agree.
  static void weights(RowWatch& watch, const ObservedBlock& block) {
    const FloatTag tag;
    const hn::RebindToSigned<FloatTag> index;
    float* const sums = watch.match_b + watch.block * kRows;
    std::fill_n(sums, kRows, 0.0F);
    for (int step = 0; step < block.rows.steps; ++step) {
      const KeyRange keys = block.segments.keys_of_step(step);
      for (int lane = step * kRowStep; lane < (step + 1) * kRowStep; lane += kVectorRows) {
        const auto of_row = hn::Load(index, watch.label.data() + lane);
        FloatVector sum = hn::Zero(tag);
        for (std::int64_t j = keys.first; j < keys.last; ++j) {
          const std::int32_t label =
              label_at(watch.all->asked.key_labels, watch.batch, block.first_key + j);
          if (label < 0) continue;
          const auto equal = hn::RebindMask(tag, hn::Eq(of_row, hn::Set(index, label)));
          sum = hn::Add(sum,
                        hn::IfThenElseZero(equal, hn::Load(tag, block.panel + j * kRows + lane)));
        }
        hn::Store(sum, tag, sums + lane);
      }
    }
  }

  static void finish(RowWatch& watch) {
    const FloatTag tag;
    HWY_ALIGN float mass[kRows];
    for (int lane = 0; lane < kRows; lane += kVectorRows) {
      const FloatVector m = hn::Load(tag, watch.m.data() + lane);
      FloatVector sum = hn::Zero(tag);
      for (std::int64_t b = watch.first_block; b < watch.last_block; ++b) {
        if (!watch.is_covered(b)) continue;
        const FloatVector c = exp2(tag, hn::Sub(hn::Load(tag, watch.m_b + b * kRows + lane), m));
        sum = hn::MulAdd(c, hn::Load(tag, watch.match_b + b * kRows + lane), sum);
      }
      const FloatVector l = hn::Load(tag, watch.l.data() + lane);
      const FloatVector share = hn::Mul(sum, one_over(l));
      hn::Store(hn::IfThenElse(hn::IsNaN(l), hn::Set(tag, kFloatNaN), share), tag, mass + lane);
    }
    store_rows(watch, mass, watch.all->targets.mass_match);
  }

 private:
  static std::int32_t label_at(const TensorView& labels, std::int64_t batch, std::int64_t token) {
    return labels.rank() == 2 ? labels.at<std::int32_t>(batch, token)
                              : labels.at<std::int32_t>(token);
  }
};

}  // namespace fovea::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
