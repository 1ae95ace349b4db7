// Means of what the observers say, over the rows that can say it; then thresholds.
#include "fovea/insight/portrait.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "fovea/core/error.h"
#include "insight/row_facts.h"

namespace fovea {
namespace {

using insight::RowFacts;
using insight::RowFactsOf;

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "portraits: " + fmt::format(text, std::forward<Args>(args)...));
}

// An observer's numbers with three axes, once they are of the wanted sizes.
TensorView checked(const char* name, const TensorView& numbers, const Shape& wanted) {
  const bool has_rank = numbers.rank() >= 1 && numbers.rank() <= 3;
  const TensorView wide = has_rank ? numbers.with_leading_axes(3 - numbers.rank()) : numbers;
  if (wide.shape() != wanted && numbers.element_count() == 0)
    fail("the answer has no {}; ask attend with portrait_observe", name);
  if (wide.shape() != wanted) {
    fail("{} is {}; the question wants {}", name, to_string(numbers.shape()), to_string(wanted));
  }
  if (wide.dtype() != DType::f32) fail("{} is {}; f32 is wanted", name, name_of(wide.dtype()));
  return wide;
}

// [batch, heads observed, queries], f32; of distance the last axis is buckets. Not given: not
// asked.
struct Numbers {
  TensorView entropy;
  TensorView previous;
  TensorView self;
  TensorView first;
  TensorView sink = {};
  TensorView distance;
  TensorView duplicate = {};
  TensorView induction = {};
};

Numbers checked_numbers(const ValidAttention& valid, const Observed& answer,
                        const PortraitMatches& matches) {
  const auto heads = static_cast<std::int64_t>(answer.heads.size());
  const Shape rows{valid.batch(), heads, valid.queries()};
  Numbers numbers{
      .entropy = checked("entropy", answer.entropy, rows),
      .previous = checked("mass_previous", answer.mass_previous, rows),
      .self = checked("mass_self", answer.mass_self, rows),
      .first = checked("mass_first", answer.mass_first, rows),
      .distance = checked("distance", answer.distance, {valid.batch(), heads, kDistanceBuckets})};
  if (valid.sinks.given()) numbers.sink = checked("mass_sink", answer.mass_sink, rows);
  if (matches.duplicate.given()) numbers.duplicate = checked("duplicate", matches.duplicate, rows);
  if (matches.induction.given()) numbers.induction = checked("induction", matches.induction, rows);
  for (const std::int64_t head : answer.heads) {
    if (head < 0 || head >= valid.query_heads())
      fail("the answer observed head {}; the question has {}", head, valid.query_heads());
  }
  return numbers;
}

class Mean {
 public:
  void add(double number) noexcept {
    sum_ += number;
    ++rows_;
  }
  RowMean result() const noexcept {
    return {.mean = rows_ > 0 ? sum_ / static_cast<double>(rows_) : 0, .rows = rows_};
  }

 private:
  double sum_ = 0;
  std::int64_t rows_ = 0;
};

// The sums of one head, batch entry after batch entry.
class Sums {
 public:
  Sums(const Numbers& numbers, std::int64_t slot) : numbers_(numbers), slot_(slot) {}

  void add_entry(std::int64_t batch_entry, const std::vector<RowFacts>& rows);
  Portrait portrait() const;

 private:
  double at(const TensorView& numbers, std::int64_t b, std::int64_t i) const noexcept {
    return static_cast<double>(numbers.at<float>(b, slot_, i));
  }
  void add_row(std::int64_t b, std::int64_t i, const RowFacts& facts);
  std::int64_t local_width() const noexcept;

  const Numbers& numbers_;
  std::int64_t slot_;
  Mean previous_, self_, first_, sink_, duplicate_, induction_, entropy_, breadth_, visible_;
  std::array<double, kDistanceBuckets> distance_ = {};  // weight of rows with a choice
};

void Sums::add_row(std::int64_t b, std::int64_t i, const RowFacts& facts) {
  const double entropy = at(numbers_.entropy, b, i);
  const double self = at(numbers_.self, b, i);
  visible_.add(static_cast<double>(facts.visible));
  entropy_.add(entropy);
  if (facts.visible >= kBroadKeys)
    breadth_.add(entropy / std::log(static_cast<double>(facts.visible)));
  if (facts.sees_previous) previous_.add(at(numbers_.previous, b, i));
  if (facts.sees_own) self_.add(self);
  if (facts.sees_first) first_.add(at(numbers_.first, b, i));
  if (numbers_.sink.given()) sink_.add(at(numbers_.sink, b, i));
  if (numbers_.induction.given() && facts.tells_induction)
    induction_.add(at(numbers_.induction, b, i));
  if (numbers_.duplicate.given() && facts.tells_duplicate) {
    const double own = facts.sees_own ? self : 0;
    duplicate_.add(std::max(0.0, at(numbers_.duplicate, b, i) - own));
  }
}

// `distance` is a mean over all rows that see a key. The weight of those that see but one lies on
// that one, and is taken out again.
void Sums::add_entry(std::int64_t batch_entry, const std::vector<RowFacts>& rows) {
  std::int64_t seeing = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(rows.size()); ++i) {
    const RowFacts& facts = rows[static_cast<std::size_t>(i)];
    if (facts.visible == 0 || std::isnan(at(numbers_.entropy, batch_entry, i))) continue;
    ++seeing;
    if (facts.has_choice()) {
      add_row(batch_entry, i, facts);
      continue;
    }
    const double sink = numbers_.sink.given() ? at(numbers_.sink, batch_entry, i) : 0;
    const std::int64_t bucket = distance_bucket(facts.diagonal - facts.only_key);
    distance_[static_cast<std::size_t>(bucket)] -= 1 - sink;
  }
  if (seeing == 0) return;
  for (std::int64_t k = 0; k < kDistanceBuckets; ++k) {
    distance_[static_cast<std::size_t>(k)] +=
        at(numbers_.distance, batch_entry, k) * static_cast<double>(seeing);
  }
}

std::int64_t Sums::local_width() const noexcept {
  const double wanted = kLocalMass * static_cast<double>(visible_.result().rows);
  if (wanted == 0) return 0;
  double sum = 0;
  for (std::int64_t back = 0; back < kBackBuckets; ++back) {
    const DistanceRange range = distances_of(back);
    sum += distance_[static_cast<std::size_t>(back)];
    if (back > 0) sum += distance_[static_cast<std::size_t>(distance_bucket(-range.nearest))];
    if (sum >= wanted) return range.farthest + 1;
  }
  return 0;
}

Portrait Sums::portrait() const {
  return {.previous = previous_.result(),
          .self = self_.result(),
          .first = first_.result(),
          .sink = sink_.result(),
          .duplicate = duplicate_.result(),
          .induction = induction_.result(),
          .entropy = entropy_.result(),
          .breadth = breadth_.result(),
          .local_width = local_width(),
          .visible_keys = visible_.result().mean,
          .labels = {}};
}

// A kind that is told by a mean weight, and what it takes.
struct MassKind {
  HeadKind kind;
  RowMean Portrait::*mean;
  double least_mass;
  std::int64_t least_rows;
};

constexpr std::array<MassKind, 6> kMassKinds = {{
    {HeadKind::previous_token, &Portrait::previous, kHeadMass, kLeastRows},
    {HeadKind::self, &Portrait::self, kHeadMass, kLeastRows},
    {HeadKind::first_token, &Portrait::first, kHeadMass, kLeastRows},
    {HeadKind::sink, &Portrait::sink, kHeadMass, kLeastRows},
    {HeadKind::duplicate_token, &Portrait::duplicate, kMatchMass, kLeastMatchRows},
    {HeadKind::induction, &Portrait::induction, kMatchMass, kLeastMatchRows},
}};

void add_label(Portrait& portrait, HeadKind kind, double number) {
  portrait.labels.push_back({.kind = kind, .name = name_of(kind), .number = number});
}

bool has_label(const Portrait& portrait, HeadKind kind) noexcept {
  return std::ranges::any_of(portrait.labels,
                             [kind](const HeadLabel& label) { return label.kind == kind; });
}

bool is_local(const Portrait& portrait) noexcept {
  const std::int64_t width = portrait.local_width;
  return portrait.entropy.rows >= kLeastRows && width > 0 && width <= kLocalKeys &&
         static_cast<double>(width * kLocalPart) <= portrait.visible_keys &&
         !has_label(portrait, HeadKind::previous_token) && !has_label(portrait, HeadKind::self);
}

void add_labels(Portrait& portrait) {
  for (const auto& [kind, mean, least_mass, least_rows] : kMassKinds) {
    const RowMean& measured = portrait.*mean;
    if (measured.rows >= least_rows && measured.mean >= least_mass)
      add_label(portrait, kind, measured.mean);
  }
  std::ranges::stable_sort(portrait.labels, std::ranges::greater{}, &HeadLabel::number);
  if (is_local(portrait))
    add_label(portrait, HeadKind::local, static_cast<double>(portrait.local_width));
  if (portrait.breadth.rows >= kLeastRows && portrait.breadth.mean >= kBroadEntropy)
    add_label(portrait, HeadKind::broad, portrait.breadth.mean);
}

}  // namespace

std::string_view name_of(HeadKind kind) noexcept {
  constexpr std::array<std::string_view, 8> kNames = {
      "previous token",  "self",      "first token", "sink",
      "duplicate token", "induction", "local",       "broad"};
  return kNames[static_cast<std::size_t>(kind)];
}

Observe portrait_observe() {
  return {
      .entropy = true, .distance = true, .mass_first = 1, .mass_self = true, .mass_previous = true};
}

Observe portrait_observe(const TokenLabels& labels) {
  Observe observe = portrait_observe();
  observe.query_labels = labels.query;
  observe.key_labels = labels.key;
  return observe;
}

Observe match_observe(const TokenLabels& labels) {
  return {.query_labels = labels.query, .key_labels = labels.key};
}

std::vector<Portrait> portraits(const Attention& attention, const Observed& answer,
                                const PortraitMatches& matches) {
  const ValidAttention valid = validate(attention, {});
  const bool has_matches = matches.induction.given() || matches.duplicate.given();
  if (has_matches && !matches.tokens.given()) fail("match masses are given without tokens");
  const TensorView tokens =
      has_matches ? insight::checked_tokens(matches.tokens, valid, "portraits") : TensorView();
  const Numbers numbers = checked_numbers(valid, answer, matches);

  std::vector<Sums> sums;
  const auto slots = static_cast<std::int64_t>(answer.heads.size());
  for (std::int64_t slot = 0; slot < slots; ++slot) sums.emplace_back(numbers, slot);
  RowFactsOf facts(valid, tokens);
  for (std::int64_t b = 0; b < valid.batch(); ++b) {
    for (std::size_t slot = 0; slot < sums.size(); ++slot)
      sums[slot].add_entry(b, facts.of(b, answer.heads[slot]));
  }
  std::vector<Portrait> result;
  for (std::size_t slot = 0; slot < sums.size(); ++slot) {
    Portrait& portrait = result.emplace_back(sums[slot].portrait());
    portrait.head = answer.heads[slot];
    add_labels(portrait);
  }
  return result;
}

std::vector<Portrait> portraits(const Attention& attention, const TensorView& tokens,
                                const Execution& execution) {
  const TokenLabels induction = induction_labels(attention, tokens);
  const TokenLabels duplicate = duplicate_labels(attention, tokens);
  const Attended answer = attend(attention, portrait_observe(induction), execution);
  const Attended again = attend(attention, match_observe(duplicate), execution);
  return portraits(attention, answer.observed,
                   {.tokens = tokens,
                    .induction = answer.observed.mass_match,
                    .duplicate = again.observed.mass_match});
}

std::string describe(const Portrait& portrait) {
  std::string text;
  for (const HeadLabel& label : portrait.labels) {
    if (!text.empty()) text += ", ";
    text += label.kind == HeadKind::local
                ? fmt::format("{} {} key{}", label.name, label.number, label.number == 1 ? "" : "s")
                : fmt::format("{} {:.2f}", label.name, label.number);
  }
  if (!text.empty()) return text;
  const MassKind* most = nullptr;
  for (const MassKind& kind : kMassKinds) {
    const RowMean& mean = portrait.*kind.mean;
    if (mean.rows < kind.least_rows) continue;
    if (most == nullptr || mean.mean > (portrait.*most->mean).mean) most = &kind;
  }
  if (most == nullptr) return "none; too few rows";
  return fmt::format("none; most on {}, {:.2f}", name_of(most->kind), (portrait.*most->mean).mean);
}

}  // namespace fovea
