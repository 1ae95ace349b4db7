// Keeps what the page needs of the heads that tell most. Layers pass once, so a head is kept as soon as it is among the
// most telling so far, and dropped when later ones surpass it.
#include "report/head_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "report/exact_rows.h"
#include "report/head_order.h"
#include "report/kept_numbers.h"

namespace fovea::report {
namespace {

// Why a head's weights cannot be made again of query and key alone; empty when they can.
std::string refusal(const models::LayerAttention& layer) {
  const Attention& question = layer.question;
  const auto because = [&](const char* what) {
    return fmt::format("layer {} {}", layer.layer, what);
  };
  if (question.bias.given()) return because("adds a bias to its scores");
  if (question.keep.given()) return because("has a mask of its own");
  if (question.alibi_slopes.given()) return because("adds ALiBi to its scores");
  if (question.key_lengths.given()) return because("hides keys by their number");
  if (question.packed_key.given()) return because("goes on from earlier tokens");
  if (question.diagonal.kind() == Diagonal::Kind::offset && question.diagonal.offset() != 0)
    return because("counts positions from elsewhere");
  return "";
}

// [tokens, size] of a head in [1, heads, tokens, size].
TensorView of_head(const TensorView& heads, std::int64_t head) {
  const TensorView one = heads.sliced(1, head, 1);
  return {one.data(), one.dtype(), {one.size(2), one.size(3)}, {one.stride(2), one.stride(3)}};
}

// Part `index` of [1, parts, ...].
template <typename T>
Tensor part_of(const Tensor& all, std::int64_t index, const Shape& shape) {
  const auto count = static_cast<std::size_t>(shape.element_count());
  return Tensor::of<T>(shape,
                       all.values<T>().subspan(static_cast<std::size_t>(index) * count, count));
}

Tensor as_floats(const TensorView& rows) {
  if (rows.dtype() == DType::f32) return Tensor::copy_of(rows);
  Tensor floats = Tensor::uninitialized(DType::f32, rows.shape());
  auto to = floats.values<float>().begin();
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    for (std::int64_t c = 0; c < rows.size(1); ++c)
      *to++ = static_cast<float>(rows.number_at(i, c));
  }
  return floats;
}

ScoreRules rules_of(const Attention& question, std::int64_t head) {
  ScoreRules rules{
      .scale = question.scale.value_or(1 / std::sqrt(static_cast<double>(question.query.size(3)))),
      .softcap = std::isinf(question.softcap) ? 0 : question.softcap,
      .is_causal = question.causal,
      .window = question.window};
  if (question.sinks.given()) {
    const double sink = question.sinks.number_at(head);
    if (std::isfinite(sink)) rules.sink = sink;
  }
  return rules;
}

std::int64_t head_bytes(std::int64_t tokens, std::int64_t size) {
  // Steps, and row_max, row_sum, entropy, deviation; then the top keys and their weights.
  return tokens * (2 * size + 4 + 4 * 4 + kKeptWeights * 8);
}

std::int64_t keys_bytes(std::int64_t tokens, std::int64_t key_size, std::int64_t value_size) {
  return tokens * (2 * (key_size + value_size) + 8);
}

}  // namespace

HeadKeeper::HeadKeeper(const KeepOptions& options, const models::ModelFacts& facts,
                       std::int64_t tokens)
    : options_(options), facts_(facts), tokens_(tokens) {
  const double all = static_cast<double>(facts.layers) * static_cast<double>(facts.query_heads);
  const double fit = static_cast<double>(options.budget_bytes) /
                     static_cast<double>(head_bytes(tokens, facts.head_size));
  measures_deviation_ =
      is_worth_measuring(facts, tokens, options.all_heads ? all : std::min(all, fit));
}

std::vector<HeadName> HeadKeeper::order_of(std::span<const ExplainedHead> heads) const {
  std::vector<HeadName> order = options_.first;
  for (const std::size_t index : head_order(heads, kKeptKinds).all)
    order.push_back(heads[index].name);
  return order;
}

// Of the heads that are kept or belong to this layer, those that fit, in order.
std::vector<HeadName> HeadKeeper::chosen(std::span<const ExplainedHead> heads,
                                         const models::LayerAttention& layer) const {
  const Attention& question = layer.question;
  const std::int64_t new_head = head_bytes(tokens_, question.query.size(3));
  const std::int64_t new_keys = keys_bytes(tokens_, question.query.size(3), question.value.size(3));
  const std::int64_t group = question.query.size(1) / question.value.size(1);
  std::vector<HeadName> fitting;
  std::vector<Place> keys;
  const std::vector<std::int64_t>& seen = layer.answer.observed.heads;
  std::int64_t left = options_.budget_bytes;
  for (const HeadName& name : order_of(heads)) {
    const auto kept = heads_.find({name.layer, name.head});
    const bool is_new = name.layer == layer.layer && std::ranges::binary_search(seen, name.head);
    if (kept == heads_.end() && !is_new) continue;
    if (std::ranges::find(fitting, name) != fitting.end()) continue;
    const Place place{name.layer,
                      kept == heads_.end() ? name.head / group : kept->second.kept.key_head};
    const bool has_keys = std::ranges::find(keys, place) != keys.end();
    const auto kept_keys = keys_.find(place);
    const std::int64_t bytes = (kept == heads_.end() ? new_head : bytes_of(kept->second.kept)) +
                               (has_keys                   ? 0
                                : kept_keys == keys_.end() ? new_keys
                                                           : bytes_of(kept_keys->second.kept));
    if (bytes > left) continue;
    left -= bytes;
    fitting.push_back(name);
    if (!has_keys) keys.push_back(place);
  }
  return fitting;
}

void HeadKeeper::drop_others(const std::vector<HeadName>& chosen) {
  std::erase_if(heads_, [&](const auto& head) {
    return std::ranges::find(chosen, HeadName{head.first.first, head.first.second}) == chosen.end();
  });
  const auto is_used = [&](const Place& place) {
    return std::ranges::any_of(heads_, [&](const auto& head) {
      return head.second.kept.layer == place.first && head.second.kept.key_head == place.second;
    });
  };
  std::erase_if(keys_, [&](const auto& keys) { return !is_used(keys.first); });
}

// Inputs take what the heads leave, those of the first heads' layers first.
void HeadKeeper::drop_inputs(const std::vector<HeadName>& chosen) {
  std::int64_t left = options_.budget_bytes;
  for (const auto& [place, head] : heads_) left -= bytes_of(head.kept);
  for (const auto& [place, keys] : keys_) left -= bytes_of(keys.kept);
  std::map<std::int64_t, KeptInput> fitting;
  for (const HeadName& name : chosen) {
    const auto found = inputs_.find(name.layer);
    if (found == inputs_.end() || bytes_of(found->second) > left) continue;
    left -= bytes_of(found->second);
    fitting.insert(inputs_.extract(found));
  }
  inputs_ = std::move(fitting);
}

void HeadKeeper::keep(const models::LayerAttention& layer, const HeadName& name) {
  const Attention& question = layer.question;
  const Observed& seen = layer.answer.observed;
  const std::int64_t key_head = name.head / (question.query.size(1) / question.value.size(1));
  const auto slot = std::ranges::lower_bound(seen.heads, name.head) - seen.heads.begin();
  const TensorView query = of_head(question.query, name.head);
  Head head{
      .kept = {.layer = layer.layer,
               .head = name.head,
               .key_head = key_head,
               .rules = rules_of(question, name.head),
               .rope = layer.rope == nullptr ? std::nullopt : std::optional(*layer.rope),
               .is_projected = layer.input.given(),
               .query = stepped(query),
               .row_max = part_of<float>(layer.answer.row_max, name.head, {tokens_}),
               .row_sum = part_of<float>(layer.answer.row_sum, name.head, {tokens_}),
               .entropy = part_of<float>(seen.entropy, slot, {tokens_}),
               .top_keys = part_of<std::int32_t>(seen.top_indices, slot, {tokens_, kKeptWeights}),
               .top_weights = part_of<float>(seen.top_weights, slot, {tokens_, kKeptWeights}),
               .deviation = {}},
      .query = measures_deviation_ ? as_floats(query) : Tensor()};
  heads_.emplace(Place{layer.layer, name.head}, std::move(head));
  if (keys_.contains({layer.layer, key_head})) return;
  const TensorView key = of_head(question.key, key_head);
  Keys keys{.kept = {.layer = layer.layer,
                     .key_head = key_head,
                     .key = stepped(key),
                     .value = stepped(of_head(question.value, key_head))},
            .key = measures_deviation_ ? as_floats(key) : Tensor()};
  keys_.emplace(Place{layer.layer, key_head}, std::move(keys));
}

void HeadKeeper::take(const models::LayerAttention& layer, std::span<const ExplainedHead> heads) {
  if (const std::string why = refusal(layer); !why.empty()) {
    if (passed_over_.empty()) passed_over_ = why;
    return;
  }
  std::vector<HeadName> wanted;
  if (options_.all_heads) {
    for (const std::int64_t head : layer.answer.observed.heads)
      wanted.push_back({layer.layer, head});
  } else {
    wanted = chosen(heads, layer);
    drop_others(wanted);
  }
  bool is_any = false;
  for (const HeadName& name : wanted) {
    if (name.layer != layer.layer) continue;
    keep(layer, name);
    is_any = true;
  }
  if (is_any && layer.input.given())
    inputs_.emplace(layer.layer, KeptInput{layer.layer, stepped(layer.input)});
  if (!options_.all_heads) drop_inputs(wanted);
}

KeptNumbers HeadKeeper::finish(std::span<const ExplainedHead> heads, int threads) {
  KeptNumbers kept;
  kept.passed_over = std::move(passed_over_);
  for (const HeadName& name : order_of(heads)) {
    const auto found = heads_.find({name.layer, name.head});
    if (found == heads_.end()) continue;
    Head& head = found->second;
    const auto keys = keys_.find({name.layer, head.kept.key_head});
    if (measures_deviation_)
      head.kept.deviation = deviation_from_exact(head.kept, head.query, keys->second.key, threads);
    if (const auto input = inputs_.extract(name.layer))
      kept.inputs.push_back(std::move(input.mapped()));
    kept.heads.push_back(std::move(head.kept));
    heads_.erase(found);
  }
  for (auto& [place, keys] : keys_) kept.keys.push_back(std::move(keys.kept));
  keys_.clear();
  return kept;
}

}  // namespace fovea::report
