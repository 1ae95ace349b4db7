// Attention for few queries over many keys: how a call is cut up, apart from the arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/factors.h"
#include "kernels/kernel.h"
#include "kernels/score_tile.h"

namespace fovea::kernels {

/// Query rows that are answered together: all of a key head's, while they are no more than this.
inline constexpr int kDecodeRows = 16;

/// How keys or values are read.
enum class Reading : std::uint8_t {
  in_place,  // rows whose elements lie side by side, of their own type
  copied,    // each key block is made plain f32 first
  packed,    // blocks of 128 keys, turned; keys only
};

/// A task is one range of the key blocks that a chunk of up to 16 rows of one key head sees. Range
/// 0 folds its blocks into the state as it goes; the others, which cannot know what comes before
/// them, leave each block's (m_b, l_b, O_b), and whoever ends a chunk's last task folds those in
/// ascending order.
struct DecodeShape {
  std::int64_t rows = 0;    // of one key head: queries * group_size
  std::int64_t chunks = 0;  // of these rows
  std::int64_t ranges = 1;  // to a chunk
  std::int64_t tasks = 0;
  std::int64_t value_stride = 0;  // of O
  std::int64_t state_floats = 0;  // m, l, seen and O of a chunk
  std::int64_t left_blocks = 0;   // of a chunk, at most: blocks of all ranges but the first
  Reading keys = Reading::in_place;
  Reading values = Reading::in_place;
  std::int64_t key_stride = 0;     // of a key row in scratch
  std::int64_t thread_floats = 0;  // scratch of one thread
  std::int64_t shared_floats = 0;  // of all

  DecodeShape(const ValidAttention& problem, int threads) noexcept;
};

/// (m, l, O) of up to 16 rows: of one key block, or of all so far.
struct DecodeState {
  float* m;     // [16], log2 units
  float* l;     // [16]
  float* seen;  // [16]: 1 where a visible key was folded in, else 0; not used of one block
  float* o;     // [16][value_stride]

  explicit DecodeState(float* memory) noexcept
      : m(memory),
        l(memory + kDecodeRows),
        seen(memory + 2 * kDecodeRows),
        o(memory + 3 * kDecodeRows) {}
};

/// A call under way.
struct DecodeCall {
  const ValidAttention& problem;
  const Targets& targets;
  DecodeShape shape;
  Factors factors;
  float* shared;  // states, then what ranges left, then a counter a chunk

  DecodeCall(const ValidAttention& problem, const Targets& targets, int threads,
             float* memory) noexcept;
  DecodeState state(std::int64_t chunk) const noexcept {
    return DecodeState(shared + chunk * shape.state_floats);
  }
  /// What block `i`, counted from range 1's first, left.
  DecodeState left(std::int64_t chunk, std::int64_t i) const noexcept {
    const std::int64_t chunks = shape.tasks / shape.ranges;
    return DecodeState(shared + (chunks + chunk * shape.left_blocks + i) * shape.state_floats);
  }
  /// Ranges of the chunk that are done.
  std::int32_t& done(std::int64_t chunk) const noexcept;
  /// The raw logit; -inf = none.
  float sink_of(std::int64_t head) const noexcept {
    return problem.sinks.given() ? finite_float(problem.sinks.number_at(head)) : -kFloatInfinity;
  }
};

/// The rows of a chunk and the keys that position lets some of them see.
struct DecodeRows {
  TileRows rows;
  std::int64_t key_head = 0;
  KeyRange visible;

  /// Chunk `chunk` of all, counted head by head.
  DecodeRows(const DecodeCall& call, std::int64_t chunk) noexcept;

  /// Key blocks [first_block, last_block) hold the visible keys.
  std::int64_t first_block() const noexcept { return visible.first / kKeyBlock; }
  std::int64_t last_block() const noexcept { return (visible.last + kKeyBlock - 1) / kKeyBlock; }
};

std::string_view refuse_decode(const ValidAttention& problem);
std::string_view yield_decode(const ValidAttention& problem);
Blocking block_decode(const ValidAttention& problem, int threads);
std::optional<std::int64_t> run_decode(const ValidAttention& problem, const Blocking& blocking,
                                       const Resources& resources, const Targets& targets);

}  // namespace fovea::kernels
