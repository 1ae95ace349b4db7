// Which keys a row sees, and where copies of its token lie among them.
#include "insight/row_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fovea/core/error.h"

namespace fovea::insight {
namespace {

// How the keys that match a row speak for a kind of head.
class Matches {
 public:
  void add(bool is_clear) noexcept {
    any_ = true;
    all_clear_ = all_clear_ && is_clear;
  }
  bool tell() const noexcept { return any_ && all_clear_; }
  bool are_spoiled() const noexcept { return !all_clear_; }

 private:
  bool any_ = false;
  bool all_clear_ = true;
};

}  // namespace

TensorView checked_tokens(const TensorView& tokens, const ValidAttention& valid, const char* who) {
  const Shape wanted{valid.batch(), valid.keys()};
  const auto fail = [who](const std::string& text) {
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: {}", who, text));
  };
  if (!tokens.given()) fail("tokens are not given");
  if (tokens.dtype() != DType::i32)
    fail(fmt::format("tokens are {}; i32 is wanted", name_of(tokens.dtype())));
  const bool for_all = tokens.rank() == 1 && tokens.size(0) == valid.keys();
  if (!for_all && tokens.shape() != wanted) {
    fail(fmt::format("tokens are {}; one for each key is wanted, [{}] or {}",
                     to_string(tokens.shape()), valid.keys(), to_string(wanted)));
  }
  if (tokens.element_count() > 0 && tokens.data() == nullptr) fail("tokens are a null pointer");
  return tokens.broadcast_to(wanted);
}

std::int32_t token_at(const TensorView& tokens, std::int64_t batch_entry,
                      std::int64_t at) noexcept {
  if (at < 0 || at >= tokens.size(1)) return -1;
  return std::max(tokens.at<std::int32_t>(batch_entry, at), -1);
}

struct RowFactsOf::Row {
  std::int64_t batch = 0;
  std::int64_t head = 0;
  std::int64_t query = 0;
  KeyRange range;
};

RowFactsOf::RowFactsOf(const ValidAttention& valid, const TensorView& tokens)
    : valid_(valid), tokens_(tokens) {
  for (const TensorView& mask : {valid.keep, valid.bias}) {
    differs_by_head_ = differs_by_head_ || (mask.given() && mask.stride(1) != 0);
  }
}

const std::vector<RowFacts>& RowFactsOf::of(std::int64_t batch_entry, std::int64_t head) {
  const bool new_entry = batch_entry != batch_entry_;
  if (!new_entry && (head == head_ || !differs_by_head_)) return facts_;
  if (new_entry && tokens_.given()) {
    places_.clear();
    for (std::int64_t j = 0; j < valid_.key_length(batch_entry); ++j) {
      const std::int32_t token = token_at(tokens_, batch_entry, j);
      if (token >= 0) places_[token].push_back(j);
    }
  }
  batch_entry_ = batch_entry;
  head_ = head;
  facts_.clear();
  for (std::int64_t i = 0; i < valid_.queries(); ++i) {
    facts_.push_back(facts_of({batch_entry, head, i, valid_.visible_keys(batch_entry, i)}));
  }
  return facts_;
}

bool RowFactsOf::sees(const Row& row, std::int64_t key) const noexcept {
  if (key < row.range.first || key >= row.range.last) return false;
  const auto& [batch, head, query, range] = row;
  if (valid_.keep.given() && !valid_.keep.at<bool>(batch, head, query, key)) return false;
  return !valid_.bias.given() ||
         valid_.bias.number_at(batch, head, query, key) != -std::numeric_limits<double>::infinity();
}

void RowFactsOf::find_visible(const Row& row, RowFacts& facts) const noexcept {
  if (!valid_.keep.given() && !valid_.bias.given()) {
    facts.visible = std::max<std::int64_t>(0, row.range.last - row.range.first);
    facts.only_key = row.range.last - 1;
    return;
  }
  for (std::int64_t j = row.range.first; j < row.range.last; ++j) {
    if (!sees(row, j)) continue;
    ++facts.visible;
    facts.only_key = j;
  }
}

// The copies are looked at from the last one down: where copies are many, one that spoils the row
// is most often near, and ends the search.
void RowFactsOf::find_copies(const Row& row, RowFacts& facts) const {
  const std::int32_t token = token_at(tokens_, row.batch, facts.diagonal);
  const auto found = places_.find(token);
  if (token < 0 || found == places_.end()) return;
  const std::vector<std::int64_t>& copies = found->second;
  Matches duplicate;
  Matches induction;
  for (auto at = copies.rbegin(); at != copies.rend(); ++at) {
    if (duplicate.are_spoiled() && induction.are_spoiled()) break;
    const std::int64_t copy = *at;
    if (copy != facts.diagonal && sees(row, copy)) {
      const bool follows_copy = token_at(tokens_, row.batch, copy - 1) == token;
      duplicate.add(copy > 0 && copy < facts.diagonal - 1 && !follows_copy);
    }
    const std::int64_t next = copy + 1;
    if (sees(row, next)) {
      const bool is_copy = token_at(tokens_, row.batch, next) == token;
      induction.add(next < facts.diagonal - 1 && !is_copy);
    }
  }
  facts.tells_duplicate = duplicate.tell();
  facts.tells_induction = induction.tell();
}

RowFacts RowFactsOf::facts_of(const Row& row) const {
  RowFacts facts;
  facts.diagonal = valid_.diagonal_at(row.batch, row.query);
  find_visible(row, facts);
  facts.sees_first = sees(row, 0);
  facts.sees_own = sees(row, facts.diagonal);
  facts.sees_previous = facts.diagonal > 0 && sees(row, facts.diagonal - 1);
  if (tokens_.given()) find_copies(row, facts);
  return facts;
}

}  // namespace fovea::insight
