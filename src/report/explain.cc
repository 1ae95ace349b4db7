// A model's run, watched: portraits, maps and received attention of every layer, gathered as the
// layers pass, so that no layer's attention outlives it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/insight/token_labels.h"
#include "fovea/report/explanation.h"
#include "report/duplicate_mass.h"
#include "report/finite.h"
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

// Which heads of each layer are looked at.
using Wanted = std::vector<std::vector<std::int64_t>>;

Wanted wanted_heads(const models::ModelFacts& facts, const ExplainOptions& options) {
  Wanted wanted(static_cast<std::size_t>(facts.layers));
  for (const HeadName& name : options.only_heads) {
    require_head(facts, name);
    wanted[static_cast<std::size_t>(name.layer)].push_back(name.head);
  }
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

// Sums over heads of the weight that each token gets from others.
struct Received {
  std::vector<double> sums;
  std::int64_t heads = 0;
};

// One run's observers and what they have said so far.
class Watcher {
 public:
  // `names` are the tokens as the steps of a row name them.
  Watcher(const models::ModelFacts& facts, const ExplainOptions& options, const Tensor& ids,
          std::vector<std::string> names)
      : facts_(facts),
        options_(options),
        ids_(ids),
        token_names_(std::move(names)),
        wanted_(wanted_heads(facts, options)) {
    received_.sums.resize(static_cast<std::size_t>(ids.size(0)));
    cell_ = filled({}, ids.size(0), ids.size(0)).keys;
    // Labels look at positions alone, so every layer has the same.
    const Tensor place(DType::f32, {1, ids.size(0), 1});
    const Attention question{
        .query = place, .key = place, .value = place, .causal = facts.is_causal};
    induction_ = induction_labels(question, ids);
    duplicates_.emplace(duplicate_labels(question, ids));
  }

  models::Forward forward() {
    models::Forward how{.threads = options_.threads, .stop = options_.stop};
    how.observe = [this](std::int64_t layer) { return observe(layer); };
    how.on_attention = [this](const models::LayerAttention& layer) {
      take(layer);
      if (options_.on_layer) options_.on_layer(layer.layer);
    };
    return how;
  }

  void fill(Explanation& explanation) {
    explanation.heads = std::move(heads_);
    explanation.map_cell = cell_;
    explanation.map_cells = cells_of(ids_.size(0), cell_);
    explanation.steps = std::move(steps_);
    const auto tokens = static_cast<std::int64_t>(explanation.tokens.size());
    const std::vector<double> even = even_shares();
    for (std::int64_t j = 0; j < tokens; ++j) {
      ExplainedToken& token = explanation.tokens[static_cast<std::size_t>(j)];
      const auto others = static_cast<double>(facts_.is_causal ? tokens - 1 - j : tokens - 1);
      if (others <= 0 || received_.heads == 0) continue;
      token.received = received_.sums[static_cast<std::size_t>(j)] / others /
                       static_cast<double>(received_.heads);
      token.is_sink = others >= kSinkRows &&
                      token.received >= std::max(kSinkShare, 2 * even[static_cast<std::size_t>(j)]);
    }
  }

 private:
  // What each token would get from the others if they looked at all alike.
  std::vector<double> even_shares() const {
    const std::int64_t tokens = ids_.size(0);
    std::vector<double> shares(static_cast<std::size_t>(tokens), 1 / static_cast<double>(tokens));
    double sum = 0;
    for (std::int64_t i = tokens - 1; i > 0 && facts_.is_causal; --i) {
      sum += 1 / static_cast<double>(i + 1);
      shares[static_cast<std::size_t>(i - 1)] = sum / static_cast<double>(tokens - i);
    }
    return shares;
  }

  const std::vector<std::int64_t>& heads_of(std::int64_t layer) const {
    return wanted_[static_cast<std::size_t>(layer)];
  }

  Observe observe(std::int64_t layer) {
    if (heads_of(layer).empty()) return {};
    Observe observe = portrait_observe(induction_);
    observe.heads = heads_of(layer);
    observe.own = &duplicate_mass_.emplace(*duplicates_, heads_of(layer));
    observe.received = true;
    observe.pooled_map = true;
    observe.pool_cells = {cell_, cell_};
    return observe;
  }

  void take(const models::LayerAttention& layer) {
    if (options_.at && options_.at->head.layer == layer.layer)
      steps_ = row_steps(facts_, layer, *options_.at, token_names_);
    if (heads_of(layer.layer).empty()) return;
    const Observed& seen = layer.answer.observed;
    const std::vector<Portrait> portraits = fovea::portraits(
        layer.question, seen,
        {.tokens = ids_, .induction = seen.mass_match, .duplicate = duplicate_mass_->mass()});
    for (std::size_t i = 0; i < portraits.size(); ++i) take_head(layer, portraits[i], i);
  }

  void take_head(const models::LayerAttention& layer, const Portrait& portrait, std::size_t index) {
    const Observed& seen = layer.answer.observed;
    const auto tokens = static_cast<std::size_t>(ids_.size(0));
    const auto part = [index](const Tensor& all, std::size_t count) {
      return all.values<float>().subspan(index * count, count);
    };
    const std::span<const float> received = part(seen.received, tokens);
    const std::span<const float> self = part(seen.mass_self, tokens);
    for (std::size_t j = 0; j < tokens; ++j)
      received_.sums[j] +=
          std::max(0.0, static_cast<double>(received[j]) - static_cast<double>(self[j]));
    received_.heads += 1;
    const auto cells = static_cast<std::size_t>(cells_of(ids_.size(0), cell_));
    const std::span<const float> map = part(seen.pooled_map, cells * cells);
    heads_.push_back({.name = {layer.layer, portrait.head},
                      .portrait = portrait,
                      .summary = describe(portrait),
                      .entropy = portrait.entropy.mean,
                      .map = {map.begin(), map.end()}});
  }

  const models::ModelFacts& facts_;
  const ExplainOptions& options_;
  const Tensor& ids_;
  std::vector<std::string> token_names_;
  Wanted wanted_;
  TokenLabels induction_;
  std::optional<MatchingKeys> duplicates_;
  std::optional<DuplicateMass> duplicate_mass_;  // of the layer under way
  std::int64_t cell_ = 1;
  Received received_;
  std::vector<ExplainedHead> heads_;
  std::optional<lesson::Lesson> steps_;
};

std::vector<ExplainedToken> explained_tokens(const tokenize::Tokenizer& tokenizer,
                                             const std::vector<tokenize::Token>& tokens) {
  std::vector<ExplainedToken> explained;
  for (const tokenize::Token& token : tokens) {
    explained.push_back({.id = token.id,
                         .text = tokenizer.decode(std::span(&token.id, 1)),
                         .piece = std::string(tokenizer.piece(token.id)),
                         .first_byte = token.first_byte,
                         .byte_count = token.byte_count});
  }
  return explained;
}

// A space before a word is no part of its name; where there is nothing else, it is quoted.
std::string step_name(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? in_quotes(text) : printable(text.substr(first));
}

// Of each kind the head with the largest number; of broad heads and local ones too, but last.
std::vector<std::size_t> telling_heads(const std::vector<ExplainedHead>& heads) {
  struct Best {
    std::size_t index;
    double number;
  };
  std::map<HeadKind, Best> best;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    for (const HeadLabel& label : heads[i].portrait.labels) {
      // Of a local head the narrowest tells most.
      const double number = label.kind == HeadKind::local ? -label.number : label.number;
      const auto [found, is_new] = best.try_emplace(label.kind, Best{i, number});
      if (!is_new && number > found->second.number) found->second = {i, number};
    }
  }
  std::vector<std::size_t> telling;
  for (const auto& [kind, head] : best) {
    if (std::ranges::find(telling, head.index) == telling.end()) telling.push_back(head.index);
  }
  // Few heads are all shown, whatever they are.
  constexpr std::size_t kFew = 4;
  for (std::size_t i = 0; i < heads.size() && heads.size() <= kFew; ++i) {
    if (std::ranges::find(telling, i) == telling.end()) telling.push_back(i);
  }
  return telling;
}

std::vector<Guess> guesses_of(const models::Model& model, const Tensor& hidden,
                              const ExplainOptions& options) {
  const Tensor logits =
      model.logits(hidden.view().sliced(0, hidden.size(0) - 1, 1), options.threads);
  require_finite(logits, "explain");
  const std::span<const float> row = logits.values<float>();
  const double largest = static_cast<double>(std::ranges::max(row));
  double sum = 0;
  for (const float logit : row) sum += std::exp(static_cast<double>(logit) - largest);
  std::vector<std::int32_t> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::clamp<std::ptrdiff_t>(options.guesses, 0, std::ssize(order));
  std::ranges::partial_sort(order, order.begin() + count, [&](std::int32_t a, std::int32_t b) {
    const float of_a = row[static_cast<std::size_t>(a)];
    const float of_b = row[static_cast<std::size_t>(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  });
  std::vector<Guess> guesses;
  for (const std::int32_t id : std::span(order).first(static_cast<std::size_t>(count))) {
    guesses.push_back(
        {id, model.text_of({&id, 1}),
         std::exp(static_cast<double>(row[static_cast<std::size_t>(id)]) - largest) / sum});
  }
  return guesses;
}

void require_at(const models::ModelFacts& facts, const RowName& at, std::size_t tokens) {
  require_head(facts, at.head);
  if (at.token >= 0 && at.token < static_cast<std::int64_t>(tokens)) return;
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("explain: there is no token {}; the text has 0 to {}", at.token, tokens - 1));
}

}  // namespace

std::string to_string(const HeadName& name) {
  return fmt::format("{}.{}", name.layer, name.head);
}

Explanation explain(const models::Model& model, std::string_view text,
                    const ExplainOptions& options) {
  if (text.empty()) throw Error(ErrorKind::invalid_argument, "explain: empty text");
  const tokenize::Tokenizer& tokenizer = model.tokenizer();
  const std::vector<tokenize::Token> tokens = tokenizer.encode(text);
  if (tokens.empty()) throw Error(ErrorKind::invalid_argument, "explain: a text without any token");
  if (options.at) require_at(model.facts(), *options.at, tokens.size());

  Explanation explanation{.model = model.facts(), .text = std::string(text)};
  explanation.tokens = explained_tokens(tokenizer, tokens);
  std::vector<std::int32_t> ids;
  for (const tokenize::Token& token : tokens) ids.push_back(token.id);
  const Tensor id_tensor = Tensor::of<std::int32_t>({std::ssize(ids)}, ids);
  std::vector<std::string> names;
  for (const ExplainedToken& token : explanation.tokens) names.push_back(step_name(token.text));
  Watcher watcher(model.facts(), options, id_tensor, std::move(names));
  const Tensor hidden = model.forward(ids, watcher.forward());
  require_finite(hidden, "explain");
  watcher.fill(explanation);
  explanation.telling = telling_heads(explanation.heads);
  if (model.facts().has_logits) {
    explanation.guesses = guesses_of(model, hidden, options);
  } else if (!model.facts().is_causal) {
    const Tensor vector = models::sentence_vector(hidden);
    explanation.sentence_vector.assign(vector.values<float>().begin(),
                                       vector.values<float>().end());
  }
  return explanation;
}

}  // namespace fovea::report
