// A model's run, watched: portraits, maps and received attention of every layer, gathered as the
// layers pass, so that no layer's attention outlives it.
#include "fovea/report/explainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/insight/token_labels.h"
#include "report/duplicate_mass.h"
#include "report/head_keeper.h"
#include "report/head_order.h"
#include "report/kept_numbers.h"
#include "report/row_steps.h"

namespace fovea::report {
namespace {

void require_head(const models::ModelFacts& facts, const HeadName& name) {
  if (name.layer >= 0 && name.layer < facts.layers && name.head >= 0 &&
      name.head < facts.query_heads) {
    return;
  }
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("explain: there is no head {}; the model has layers 0 to {} with heads 0 to {}",
                  to_string(name), facts.layers - 1, facts.query_heads - 1));
}

void require_at(const models::ModelFacts& facts, const RowName& at, std::size_t tokens) {
  require_head(facts, at.head);
  if (at.token >= 0 && at.token < static_cast<std::int64_t>(tokens)) return;
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("explain: there is no token {}; the text has 0 to {}", at.token, tokens - 1));
}

void require_sizes(const models::ModelFacts& facts, std::int64_t tokens, const TensorView& query) {
  if (query.rank() == 4 && query.size(0) == 1 && query.size(1) == facts.query_heads &&
      query.size(2) == tokens) {
    return;
  }
  throw Error(ErrorKind::invalid_argument,
              fmt::format("explain: a layer's query is {}; [1, {}, {}, head_size] is wanted",
                          to_string(query.shape()), facts.query_heads, tokens));
}

void require_input(const models::LayerAttention& layer, std::int64_t tokens) {
  const TensorView& input = layer.input;
  if (!input.given() || (input.rank() == 2 && input.size(0) == tokens)) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("explain: a layer's input is {}; [{}, hidden_size] is wanted",
                          to_string(input.shape()), tokens));
}

// Which heads of each layer are looked at.
using Wanted = std::vector<std::vector<std::int64_t>>;

Wanted wanted_heads(const models::ModelFacts& facts, const ExplainOptions& options) {
  Wanted wanted(static_cast<std::size_t>(facts.layers));
  for (const HeadName& name : options.only_heads) {
    require_head(facts, name);
    wanted[static_cast<std::size_t>(name.layer)].push_back(name.head);
  }
  for (const HeadName& name : options.keep.first) require_head(facts, name);
  for (std::vector<std::int64_t>& heads : wanted) {
    if (options.only_heads.empty()) {
      heads.resize(static_cast<std::size_t>(facts.query_heads));
      std::iota(heads.begin(), heads.end(), 0);
    }
    std::ranges::sort(heads);
    const auto repeated = std::ranges::unique(heads);
    heads.erase(repeated.begin(), repeated.end());
  }
  return wanted;
}

// A space before a word is no part of its name; where there is nothing else, it is quoted.
std::string step_name(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? in_quotes(text) : printable(text.substr(first));
}

Tensor ids_of(const std::vector<ExplainedToken>& tokens) {
  if (tokens.empty()) throw Error(ErrorKind::invalid_argument, "explain: no token given");
  std::vector<std::int32_t> ids;
  for (const ExplainedToken& token : tokens) ids.push_back(token.id);
  return Tensor::of<std::int32_t>({std::ssize(ids)}, ids);
}

// Of each kind the head with the largest number; all where there are few, whatever they are.
std::vector<std::size_t> telling_heads(const std::vector<ExplainedHead>& heads) {
  constexpr std::size_t kFew = 4;
  HeadOrder order = head_order(heads, kShownKinds);
  if (heads.size() > kFew) order.all.resize(order.strongest);
  return std::move(order.all);
}

KeptProjection kept_projection(const KeptHead& head, const models::HeadProjection& projection) {
  return {.layer = head.layer,
          .head = head.head,
          .query_weight = stepped(projection.query_weight),
          .key_weight = stepped(projection.key_weight),
          .query_bias = projection.query_bias,
          .key_bias = projection.key_bias};
}

}  // namespace

std::string to_string(const HeadName& name) {
  return fmt::format("{}.{}", name.layer, name.head);
}

struct Explainer::State {
  State(models::ModelFacts model, std::vector<ExplainedToken> texts, ExplainOptions how)
      : facts(std::move(model)),
        options(std::move(how)),
        ids(ids_of(texts)),
        tokens(std::move(texts)),
        wanted(wanted_heads(facts, options)),
        keeper(options.keep, facts, ids.size(0)) {
    if (options.at) require_at(facts, *options.at, tokens.size());
    received.resize(tokens.size());
    cell = filled({}, ids.size(0), ids.size(0)).keys;
    // Labels look at positions alone, so every layer has the same.
    const Tensor place(DType::f32, {1, ids.size(0), 1});
    const Attention question{
        .query = place, .key = place, .value = place, .causal = facts.is_causal};
    induction = induction_labels(question, ids);
    duplicates.emplace(duplicate_labels(question, ids));
  }

  const std::vector<std::int64_t>& heads_of(std::int64_t layer) const {
    return wanted[static_cast<std::size_t>(layer)];
  }
  // Tokens besides it that see token j.
  double others(std::size_t j) const {
    return static_cast<double>(facts.is_causal ? tokens.size() - 1 - j : tokens.size() - 1);
  }
  std::vector<double> even_shares() const;
  void take_rope(const models::RopeFacts* of_layer);
  void take_head(const models::LayerAttention& layer, const Portrait& portrait, std::size_t index);
  void share_out_received();

  models::ModelFacts facts;
  ExplainOptions options;
  Tensor ids;
  std::vector<ExplainedToken> tokens;
  Wanted wanted;
  HeadKeeper keeper;
  TokenLabels induction;
  std::optional<MatchingKeys> duplicates;
  std::optional<DuplicateMass> duplicate_mass;  // of the layer under way
  std::int64_t layer_under_way = -1;
  std::int64_t cell = 1;
  std::vector<double> received;  // sums over heads of the weight that each token gets from others
  std::vector<ExplainedHead> heads;
  std::optional<lesson::Lesson> steps;
  std::optional<models::RopeFacts> rope;  // of the layers so far
  bool has_one_rope = true;               // that all of them have, or none
  bool is_first_layer = true;
};

void Explainer::State::take_rope(const models::RopeFacts* of_layer) {
  const auto given = of_layer == nullptr ? std::nullopt : std::optional(*of_layer);
  if (is_first_layer) rope = given;
  is_first_layer = false;
  has_one_rope = has_one_rope && rope == given;
}

// What each token would get from the others if they looked at all alike.
std::vector<double> Explainer::State::even_shares() const {
  const std::int64_t count = ids.size(0);
  std::vector<double> shares(static_cast<std::size_t>(count), 1 / static_cast<double>(count));
  double sum = 0;
  for (std::int64_t i = count - 1; i > 0 && facts.is_causal; --i) {
    sum += 1 / static_cast<double>(i + 1);
    shares[static_cast<std::size_t>(i - 1)] = sum / static_cast<double>(count - i);
  }
  return shares;
}

void Explainer::State::take_head(const models::LayerAttention& layer, const Portrait& portrait,
                                 std::size_t index) {
  const Observed& seen = layer.answer.observed;
  const auto part = [index](const Tensor& all, std::size_t count) {
    return all.values<float>().subspan(index * count, count);
  };
  const std::span<const float> from_all = part(seen.received, tokens.size());
  const std::span<const float> from_self = part(seen.mass_self, tokens.size());
  std::vector<float> means(tokens.size());
  for (std::size_t j = 0; j < tokens.size(); ++j) {
    const double from_others =
        std::max(0.0, static_cast<double>(from_all[j]) - static_cast<double>(from_self[j]));
    received[j] += from_others;
    if (others(j) > 0) means[j] = static_cast<float>(from_others / others(j));
  }
  const auto cells = static_cast<std::size_t>(cells_of(ids.size(0), cell));
  const std::span<const float> map = part(seen.pooled_map, cells * cells);
  heads.push_back({.name = {layer.layer, portrait.head},
                   .portrait = portrait,
                   .summary = describe(portrait),
                   .entropy = portrait.entropy.mean,
                   .map = {map.begin(), map.end()},
                   .received = std::move(means)});
}

void Explainer::State::share_out_received() {
  const std::vector<double> even = even_shares();
  for (std::size_t j = 0; j < tokens.size(); ++j) {
    if (others(j) <= 0 || heads.empty()) continue;
    ExplainedToken& token = tokens[j];
    token.received = received[j] / others(j) / static_cast<double>(heads.size());
    token.is_sink = others(j) >= kSinkRows && token.received >= std::max(kSinkShare, 2 * even[j]);
  }
}

Explainer::Explainer(models::ModelFacts facts, std::vector<ExplainedToken> tokens,
                     ExplainOptions options)
    : state_(std::make_unique<State>(std::move(facts), std::move(tokens), std::move(options))) {}
Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;
Explainer::~Explainer() = default;

Observe Explainer::observe(std::int64_t layer) {
  State& state = *state_;
  require_head(state.facts, {layer, 0});
  state.layer_under_way = layer;
  if (state.heads_of(layer).empty()) return {};
  Observe observe = portrait_observe(state.induction);
  observe.heads = state.heads_of(layer);
  observe.own = &state.duplicate_mass.emplace(*state.duplicates, state.heads_of(layer));
  observe.received = true;
  observe.pooled_map = true;
  observe.pool_cells = {state.cell, state.cell};
  if (state.keeper.is_on()) {
    observe.top_weights = kKeptWeights;
    observe.entropy = true;
  }
  return observe;
}

void Explainer::take(const models::LayerAttention& layer) {
  State& state = *state_;
  if (layer.layer != state.layer_under_way) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("explain: layer {} is shown; layer {} was observed last", layer.layer,
                            state.layer_under_way));
  }
  require_sizes(state.facts, state.ids.size(0), layer.question.query);
  require_input(layer, state.ids.size(0));
  state.take_rope(layer.rope);
  if (state.options.at && state.options.at->head.layer == layer.layer) {
    std::vector<std::string> names;
    for (const ExplainedToken& token : state.tokens) names.push_back(step_name(token.text));
    state.steps = row_steps(state.facts, layer, *state.options.at, names);
  }
  if (state.heads_of(layer.layer).empty()) return;
  const Observed& seen = layer.answer.observed;
  const std::vector<Portrait> portraits =
      fovea::portraits(layer.question, seen,
                       {.tokens = state.ids,
                        .induction = seen.mass_match,
                        .duplicate = state.duplicate_mass->mass()});
  for (std::size_t i = 0; i < portraits.size(); ++i) state.take_head(layer, portraits[i], i);
  if (state.keeper.is_on()) state.keeper.take(layer, state.heads);
}

Explanation Explainer::finish(std::string text) {
  State& state = *state_;
  state.share_out_received();
  if (!state.facts.rope && state.has_one_rope) state.facts.rope = std::move(state.rope);
  Explanation explanation{.model = std::move(state.facts), .text = std::move(text)};
  explanation.map_cell = state.cell;
  explanation.map_cells = cells_of(state.ids.size(0), state.cell);
  explanation.telling = telling_heads(state.heads);
  explanation.kept = state.keeper.finish(state.heads, state.options.threads);
  explanation.tokens = std::move(state.tokens);
  explanation.heads = std::move(state.heads);
  explanation.steps = std::move(state.steps);
  return explanation;
}

void keep_projections(const ProjectionOf& projection_of, const KeepOptions& options,
                      KeptNumbers& kept) {
  std::int64_t left = options.budget_bytes;
  for (const KeptHead& head : kept.heads) {
    if (std::ranges::find(kept.inputs, head.layer, &KeptInput::layer) == kept.inputs.end())
      continue;
    const auto projection = projection_of({.layer = head.layer, .head = head.head});
    if (!projection) continue;
    KeptProjection made = kept_projection(head, *projection);
    left -= bytes_of(made);
    if (!options.all_heads && left < 0) return;
    kept.projections.push_back(std::move(made));
  }
}

}  // namespace fovea::report
