// What a question and its tokens say of each row before any weight is known: which patterns the row
// could show, and so in which means it counts.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "fovea/attention/valid_attention.h"

namespace fovea::insight {

/// `tokens`, one for each key, checked: i32 [batch, keys], stride 0 where all entries are alike.
/// Throws Error{invalid_argument} that begins with `who`.
TensorView checked_tokens(const TensorView& tokens, const ValidAttention& valid, const char* who);

/// The token at key position `at` of a batch entry; -1 where there is none.
std::int32_t token_at(const TensorView& tokens, std::int64_t batch_entry, std::int64_t at) noexcept;

struct RowFacts {
  std::int64_t visible = 0;   ///< keys that it sees
  std::int64_t only_key = 0;  ///< the last key that it sees: the only one when visible = 1
  std::int64_t diagonal = 0;  ///< its own key
  bool sees_first = false;    ///< key 0
  bool sees_own = false;
  bool sees_previous = false;
  /// Sees another key with its token; and none such is the previous key, key 0, a key after its own
  /// or one that also follows a copy: weight there could be of another kind of head.
  bool tells_duplicate = false;
  /// Sees a key that follows a copy of its token; and none such is its own, the previous or a later
  /// key or itself a copy.
  bool tells_induction = false;

  /// With a single key there is nothing to choose.
  bool has_choice() const noexcept { return visible >= 2; }
};

/// The facts of the rows of a question, head by head. Heads that see the same keys share them.
class RowFactsOf {
 public:
  /// `tokens` as from checked_tokens, or not given: then no row tells duplicates or induction.
  RowFactsOf(const ValidAttention& valid, const TensorView& tokens);

  /// Of all queries of the head. Valid until the next call. Costs O(queries), with keep or bias
  /// O(queries · keys), once for all heads of a batch entry unless the masks differ by head.
  const std::vector<RowFacts>& of(std::int64_t batch_entry, std::int64_t head);

 private:
  using Places = std::unordered_map<std::int32_t, std::vector<std::int64_t>>;
  struct Row;

  RowFacts facts_of(const Row& row) const;
  bool sees(const Row& row, std::int64_t key) const noexcept;
  void find_visible(const Row& row, RowFacts& facts) const noexcept;
  void find_copies(const Row& row, RowFacts& facts) const;

  const ValidAttention& valid_;
  TensorView tokens_;
  bool differs_by_head_ = false;
  std::int64_t batch_entry_ = -1;  // of the facts at hand
  std::int64_t head_ = -1;
  Places places_;  // of each token of the batch entry, rising
  std::vector<RowFacts> facts_;
};

}  // namespace fovea::insight
