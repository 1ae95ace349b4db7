// What an implementation is to the engine: a name, a reason to refuse, and a function that computes
// rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>

#include "fovea/attention/valid_attention.h"

namespace fovea::kernels {

/// Rows between two parts of their keys, all f32; given together or not at all.
struct StateTargets {
  MutableTensorView output;    ///< [batch, query_heads, queries, value_size]: O
  MutableTensorView log2_max;  ///< [batch, query_heads, queries]: m
  MutableTensorView sum;       ///< likewise: l
  bool resume = false;         ///< they hold the state to start from
  bool given() const noexcept { return output.given(); }
};

class Watch;

/// Where the results of a call go; views with four (output) and three (statistics) axes. Any may be
/// missing; not output and state both.
struct Targets {
  MutableTensorView output;       ///< [batch, query_heads, queries, value_size], of the output type
  MutableTensorView log_sum_exp;  ///< [batch, query_heads, queries], f32
  MutableTensorView row_max;
  MutableTensorView row_sum;
  StateTargets state;
  Watch* watch = nullptr;  ///< what is observed; null = nothing
};

/// How an implementation cuts a call up; plan.h says what the numbers mean.
struct Blocking {
  int threads = 1;
  std::int64_t query_block = 0;
  std::int64_t key_block = 0;
  std::int64_t scratch_bytes = 0;
};

/// What a run works with besides the problem.
struct Resources {
  std::span<std::byte> scratch;  ///< the blocking's scratch_bytes, aligned to 64, with any content
  std::stop_token stop;
};

/// One implementation. All functions take a problem with at least one row; the engine answers the
/// others.
struct Implementation {
  std::string_view name;
  std::string_view summary;

  /// Returns why it cannot compute the problem (a text that lives forever), empty when it can.
  /// Allocates nothing.
  std::string_view (*refuse)(const ValidAttention& problem);

  /// Returns why a later one should run a problem that it could compute too, empty when it is the
  /// one to take; asked only when the caller names none. Null: it always takes.
  std::string_view (*yield)(const ValidAttention& problem);

  /// Returns how it would cut the problem up for at most `threads` threads, 0 meaning the default.
  Blocking (*block)(const ValidAttention& problem, int threads);

  /// Computes all rows; returns how many had no visible key, or nothing when a stop came before the
  /// last was begun. The float mode is the default one on the calling thread.
  std::optional<std::int64_t> (*run)(const ValidAttention& problem, const Blocking& blocking,
                                     const Resources& resources, const Targets& targets);

  /// It can take a state and give one.
  bool keeps_state = true;

  /// As `block`, for a call with a watch. Null: it does not observe.
  Blocking (*block_observed)(const ValidAttention& problem, int threads) = nullptr;
};

}  // namespace fovea::kernels
