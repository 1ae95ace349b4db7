// Probabilities are doubles relative to the largest, unnormalised: a vocabulary of them costs less
// than a hundredth of the model's own work for a token.
#include "fovea/models/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fovea/core/error.h"

namespace fovea::models {
namespace {

[[noreturn]] void refuse(std::string text) {
  throw Error(ErrorKind::invalid_argument, "generate: " + text);
}

void require_valid(const Sampling& sampling) {
  if (!(sampling.temperature >= 0) || std::isinf(sampling.temperature))
    refuse(fmt::format("temperature is {}; 0 or more is wanted", sampling.temperature));
  if (sampling.top_k < 0) refuse(fmt::format("top_k is {}; 0 or more is wanted", sampling.top_k));
  if (!(sampling.top_p >= 0 && sampling.top_p <= 1))
    refuse(fmt::format("top_p is {}; 0 to 1 is wanted", sampling.top_p));
}

// The likeliest token: the first of the largest logits.
std::int32_t likeliest(std::span<const float> logits) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (logits.empty()) refuse("no logits given");
  std::size_t best = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == kInfinity) {
      refuse(fmt::format("the logit of token {} is {}: the model's weights make no sense", i,
                         logits[i]));
    }
    if (logits[i] > logits[best]) best = i;
  }
  if (logits[best] == -kInfinity) refuse("the logits of all tokens are -inf");
  return static_cast<std::int32_t>(best);
}

struct Candidate {
  std::int32_t id = 0;
  double weight = 0;  // exp((logit - largest) / temperature)
};

bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

double sum_of(std::span<const Candidate> candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double sum, const Candidate& each) { return sum + each.weight; });
}

void keep_top_k(std::vector<Candidate>& candidates, std::int64_t top_k) {
  const auto count = static_cast<std::size_t>(top_k);
  if (top_k == 0 || count >= candidates.size()) return;
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(candidates.begin(), end, candidates.end(), is_likelier);
  candidates.resize(count);
  // So that a draw does not depend on where nth_element left them.
  std::ranges::sort(candidates, {}, &Candidate::id);
}

void keep_top_p(std::vector<Candidate>& candidates, double top_p) {
  if (top_p >= 1) return;
  std::ranges::sort(candidates, is_likelier);
  const double wanted = top_p * sum_of(candidates);
  double sum = 0;
  std::size_t count = 0;
  do {
    sum += candidates[count++].weight;
  } while (sum < wanted && count < candidates.size());
  candidates.resize(count);
}

std::int32_t draw(std::span<const Candidate> candidates, Generator& generator) {
  double left = generator.uniform_double() * sum_of(candidates);
  std::int32_t chosen = candidates.front().id;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight == 0) continue;
    chosen = candidate.id;  // rounding may leave a little after the last
    left -= candidate.weight;
    if (left < 0) break;
  }
  return chosen;
}

// The context as far as it is needed: the last new token never runs.
std::int64_t context_tokens(const Model& model, std::int64_t prompt, std::int64_t tokens) {
  const std::int64_t room = model.facts().context_length - prompt;
  return prompt + std::clamp<std::int64_t>(tokens - 1, 0, room);
}

void require_valid(const Model& model, std::span<const std::int32_t> prompt,
                   const Generation& how) {
  const ModelFacts& facts = model.facts();
  if (!facts.is_causal) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("generate: a {} model is an encoder: it guesses no next token", facts.family));
  }
  if (prompt.empty()) refuse("the prompt has no tokens; at least one is wanted");
  const auto count = static_cast<std::int64_t>(prompt.size());
  if (count > facts.context_length) {
    refuse(fmt::format("the prompt has {} tokens; the model takes at most {}", count,
                       facts.context_length));
  }
  if (how.tokens < 0) refuse(fmt::format("tokens is {}; 0 or more is wanted", how.tokens));
  require_valid(how.sampling);
}

// The logits after the last of the hidden states.
Tensor last_logits(const Model& model, const Tensor& hidden, int threads) {
  return model.logits(hidden.view().sliced(0, hidden.size(0) - 1, 1), threads);
}

}  // namespace

std::int32_t next_token(std::span<const float> logits, const Sampling& sampling,
                        Generator& generator) {
  require_valid(sampling);
  const std::int32_t best = likeliest(logits);
  if (sampling.temperature == 0) return best;
  const double largest = logits[static_cast<std::size_t>(best)];
  std::vector<Candidate> candidates(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double distance = static_cast<double>(logits[i]) - largest;
    // 0 / tiny is 0, never 0 / 0: the temperature is above 0.
    candidates[i] = {static_cast<std::int32_t>(i), std::exp(distance / sampling.temperature)};
  }
  keep_top_k(candidates, sampling.top_k);
  keep_top_p(candidates, sampling.top_p);
  return draw(candidates, generator);
}

Generated generate(const Model& model, std::span<const std::int32_t> prompt,
                   const Generation& how) {
  require_valid(model, prompt, how);
  Generated result;
  if (how.tokens == 0) return result;
  Generator generator(how.sampling.seed);
  Context context = model.make_context(
      context_tokens(model, static_cast<std::int64_t>(prompt.size()), how.tokens));
  const Forward forward{.threads = how.threads, .stop = how.stop, .context = &context};
  Tensor hidden = model.forward(prompt, forward);
  while (true) {
    const Tensor logits = last_logits(model, hidden, how.threads);
    const std::int32_t id = next_token(logits.values<float>(), how.sampling, generator);
    result.end = GenerationEnd::text;
    if (how.ends_text && how.ends_text(id)) return result;
    result.ids.push_back(id);
    if (how.on_token) how.on_token(id);
    result.end = GenerationEnd::tokens;
    if (static_cast<std::int64_t>(result.ids.size()) == how.tokens) return result;
    result.end = GenerationEnd::context;
    if (context.tokens() == model.facts().context_length) return result;
    result.end = GenerationEnd::stopped;
    if (how.stop.stop_requested()) return result;
    hidden = model.forward({&id, 1}, forward);
  }
}

}  // namespace fovea::models
