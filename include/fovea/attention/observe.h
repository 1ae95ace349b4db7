// What can be seen of the weights in the same call that computes the output, as plain data: which
// observers to ask, and what they say. None of them changes a bit of the output.
//
//   w(i, j) = exp(s(i, j) - row_max(i)) / row_sum(i)
//
// is one function wherever weights appear: top_weights, rows, columns, the masses of single keys and
// Lens give the same bits. With a sink, weights and the sink's share add to 1.
#pragma once

#include <cstdint>
#include <vector>

#include "fovea/core/tensor.h"

namespace fovea {

/// Cells of a pooled map, in tokens. 0 = the smallest power of two that gives at most 64 cells.
struct PoolCells {
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};

/// `asked` with its zeros filled in for so many queries and keys.
PoolCells filled(const PoolCells& asked, std::int64_t queries, std::int64_t keys) noexcept;

/// Cells that hold so many tokens.
constexpr std::int64_t cells_of(std::int64_t tokens, std::int64_t cell) noexcept {
  return tokens / cell + (tokens % cell > 0 ? 1 : 0);
}

/// A part of the scores under way: what a TileObserver is shown. Memory belongs to the call and ends
/// with the observer's.
struct ObservedTile {
  std::int64_t batch = 0;
  std::int64_t head = 0;  ///< of the query
  std::int64_t first_query = 0;
  std::int64_t queries = 0;  ///< at most 64
  std::int64_t first_key = 0;
  std::int64_t keys = 0;  ///< at most 128
  /// [keys][64]: number i + 64 · j is of query first_query + i and key first_key + j. Scores are in
  /// natural units with every modifier, -inf = hidden; null in `weights`.
  const float* scores = nullptr;
  /// Likewise. In `tile`: exp(score - the tile's own maximum of the row); in `weights`:
  /// w to within 4 ulp, 0 throughout for a row that is NaN. Hidden: 0.
  const float* weights = nullptr;
};

/// A caller's own observer. Both functions are called from several threads at once, for different
/// rows; of one row in rising order of keys. Tiles that position or a mask empties are left out.
/// What they throw ends the call and reaches its caller. They may ask attend something themselves.
class TileObserver {
 public:
  virtual ~TileObserver() = default;
  /// Each tile as it is computed, before the row's maximum and sum are known.
  virtual void tile(const ObservedTile& tile);
  /// Each tile again with final weights, once all keys of its rows were seen.
  virtual void weights(const ObservedTile& tile);
};

/// What to observe; what is not asked for costs nothing. log_sum_exp, row_max and row_sum are part of
/// every answer (Attended).
struct Observe {
  /// Query heads to observe, rising; empty = all. The others cost nothing.
  std::vector<std::int64_t> heads = {};

  /// The k largest weights of each row, 1 to 64; 0 = none.
  std::int64_t top_weights = 0;
  bool entropy = false;     ///< of each row's weights
  bool received = false;    ///< of each key: the weight that it gets from all rows
  bool pooled_map = false;  ///< of each head: a picture of its weights
  PoolCells pool_cells = {};
  bool distance = false;                   ///< of each head: how far back it looks
  std::vector<std::int64_t> rows = {};     ///< queries whose weights are wanted in full
  std::vector<std::int64_t> columns = {};  ///< keys whose weights are wanted in full

  std::int64_t mass_first = 0;  ///< weight on the first n keys, at most 1,024; 0 = not asked
  bool mass_self = false;       ///< weight on the row's own key, at its diagonal
  bool mass_previous = false;   ///< weight on the key before that
  /// Weight on the keys whose label equals the row's: labels of queries [batch, queries] and of keys
  /// [batch, keys], i32, or without the batch axis for all alike. A negative label matches nothing.
  /// A fixed set of keys is labels 0 and 1. Both are given or none.
  TensorView query_labels = {};
  TensorView key_labels = {};

  bool row_statistics = false;  ///< what Lens needs: log2_max and row_sum of each row
  TileObserver* own = nullptr;  ///< must outlive the call

  /// True when anything is asked for.
  bool any() const noexcept;
};

/// Distances of a key from its row's diagonal, diagonal - key, are counted in buckets: 0 to 63 each
/// for itself, then [64, 128), [128, 256) ... up to 2^31; then keys after the diagonal: 1 to 63 each
/// for itself, [64, 128) ...
inline constexpr std::int64_t kNearDistances = 64;
inline constexpr std::int64_t kFarBuckets = 25;
inline constexpr std::int64_t kBackBuckets = kNearDistances + kFarBuckets;
inline constexpr std::int64_t kDistanceBuckets = 2 * kBackBuckets - 1;
/// The bucket of `distance` = diagonal - key.
std::int64_t distance_bucket(std::int64_t distance) noexcept;
/// The distances of a bucket, [least, most] with least nearer to the diagonal, negative for keys after it.
struct DistanceRange {
  std::int64_t nearest = 0;
  std::int64_t farthest = 0;
};
DistanceRange distances_of(std::int64_t bucket) noexcept;

/// What was observed. Shapes follow the query's rank as the output's do: [batch, heads, ...], [heads,
/// ...] or [...]; heads are those observed. Tensors that were not asked for have no elements.
///
/// A row that is NaN (docs/semantics.md) is NaN in what is said of rows, with index -1; totals over
/// rows (received, pooled_map, distance) leave it out, and nan_rows counts it.
struct Observed {
  std::vector<std::int64_t> heads;  ///< query heads observed, rising

  /// [batch, heads, queries, k] f32, by falling score, equal ones by rising index
  Tensor top_weights;
  Tensor top_indices;  ///< likewise, i32; where a row sees fewer than k keys: index -1, weight 0
  /// [batch, heads, queries] f32: -sum of w ln w over the keys, in nats; exp of it = perplexity.
  Tensor entropy;
  Tensor received;  ///< [batch, heads, keys] f32: sum over rows of w
  /// [batch, heads, cells of queries, cells of keys] f32: sum of w over the cell's keys, mean over
  /// its rows that see a key; so a row of the map adds to 1 (less sinks).
  Tensor pooled_map;
  PoolCells pool_cells;  ///< as used
  /// [batch, heads, kDistanceBuckets] f32: weight by distance, mean over rows that see a key
  Tensor distance;
  Tensor rows;           ///< [batch, heads, Observe::rows, keys] f32
  Tensor columns;        ///< [batch, heads, Observe::columns, queries] f32
  Tensor mass_first;     ///< [batch, heads, queries] f32
  Tensor mass_self;      ///< likewise
  Tensor mass_previous;  ///< likewise
  Tensor mass_match;     ///< likewise
  Tensor mass_sink;      ///< likewise: the sink's share; made with any mass when there are sinks
  Tensor log2_max;  ///< likewise: the largest score times log2(e), which weights are counted from
  Tensor row_sum;   ///< likewise: sum of exp2(score · log2(e) - log2_max)
  std::int64_t nan_rows = 0;  ///< rows left out of totals because they are NaN

  std::int64_t scratch_bytes =
      0;  ///< what observing took beyond these results, all threads together
};

}  // namespace fovea
