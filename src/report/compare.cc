// The same word in several texts: vectors after every layer, what each head looked at and added.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/report/comparison.h"
#include "nn/word_vectors.h"
#include "report/finite.h"
#include "report/whole_word.h"

namespace fovea::report {
namespace {

constexpr std::size_t kLookedAt = 3;

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double cosine(const Vector& a, const Vector& b) {
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? std::clamp(dot(a, b) / lengths, -1.0, 1.0) : 0;
}

Vector difference(const Vector& a, const Vector& b) {
  Vector result(a.size());
  std::ranges::transform(a, b, result.begin(), std::minus<>());
  return result;
}

Vector row_of(const TensorView& matrix, std::int64_t row) {
  Vector vector;
  for (std::int64_t i = 0; i < matrix.size(1); ++i) vector.push_back(matrix.number_at(row, i));
  return vector;
}

// What a head did for the word.
struct HeadAtWord {
  std::vector<LookedAt> looked_at;
  Vector write;
};

// One text's run, at the word.
struct Run {
  std::vector<Vector> hidden;                  // [layers + 2]
  std::vector<std::vector<HeadAtWord>> heads;  // [layers][heads]
};

struct Tokens {
  ComparedText text;
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> resting = {};  // tokens that attention rests on, the word among them
};

Tokens find_word(const models::Model& model, const std::string& word, const std::string& text) {
  const std::optional<std::size_t> at = last_whole_word(text, word);
  if (!at) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("compare: the word {} is not in {}", in_quotes(word), in_quotes(text)));
  }
  const auto first = static_cast<std::int64_t>(*at);
  const auto end = static_cast<std::int64_t>(*at + word.size());
  Tokens tokens{.text = {.text = text, .tokens = {}}, .ids = {}};
  for (const tokenize::Token& token : model.tokenizer().encode(text)) {
    // The last token that holds a byte of the word; later ones begin at its end or after.
    if (token.byte_count > 0 && token.first_byte < end) tokens.text.token = std::ssize(tokens.ids);
    const bool is_of_word = token.first_byte < end && token.first_byte + token.byte_count > first;
    if (token.byte_count == 0 || is_of_word) tokens.resting.push_back(std::ssize(tokens.ids));
    tokens.ids.push_back(token.id);
    tokens.text.tokens.push_back(model.tokenizer().decode(std::span(&token.id, 1)));
  }
  tokens.resting.push_back(tokens.text.token);
  if (model.facts().is_causal) tokens.resting.push_back(0);
  // The first token may be an added one, or the word: each is left out once.
  std::ranges::sort(tokens.resting);
  const auto repeated = std::ranges::unique(tokens.resting);
  tokens.resting.erase(repeated.begin(), repeated.end());
  return tokens;
}

// A head's answer less what it took from the tokens that attention rests on.
Tensor brought(const models::LayerAttention& layer, const Tensor& rows, const Tokens& tokens) {
  const TensorView output = layer.answer.output;
  const TensorView value = layer.question.value;
  const std::int64_t group = output.size(1) / value.size(1);
  const auto keys = static_cast<std::int64_t>(tokens.ids.size());
  Tensor answers = Tensor::copy_of(output.sliced(2, tokens.text.token, 1));
  auto next = answers.values<float>().begin();
  for (std::int64_t h = 0; h < output.size(1); ++h) {
    for (std::int64_t i = 0; i < output.size(3); ++i, ++next) {
      double rest = 0;
      for (const std::int64_t j : tokens.resting) {
        const float weight = rows.values<float>()[static_cast<std::size_t>(h * keys + j)];
        rest += static_cast<double>(weight) * value.number_at(std::int64_t{0}, h / group, j, i);
      }
      *next = static_cast<float>(static_cast<double>(*next) - rest);
    }
  }
  return answers;
}

std::vector<LookedAt> most_looked_at(std::span<const float> weights, const Tokens& tokens) {
  std::vector<std::int64_t> order;
  for (std::int64_t j = 0; j < std::ssize(weights); ++j) {
    if (std::ranges::find(tokens.resting, j) == tokens.resting.end()) order.push_back(j);
  }
  const auto count = std::min<std::ptrdiff_t>(kLookedAt, std::ssize(order));
  const auto weight = [&](std::int64_t j) { return weights[static_cast<std::size_t>(j)]; };
  std::ranges::partial_sort(order, order.begin() + count, [&](std::int64_t a, std::int64_t b) {
    return weight(a) != weight(b) ? weight(a) > weight(b) : a < b;
  });
  std::vector<LookedAt> most;
  for (const std::int64_t j : std::span(order).first(static_cast<std::size_t>(count))) {
    if (weight(j) > 0) {
      most.push_back(
          {j, tokens.text.tokens[static_cast<std::size_t>(j)], static_cast<double>(weight(j))});
    }
  }
  return most;
}

Run run_text(const models::Model& model, const Tokens& tokens, const CompareOptions& options) {
  const std::int64_t at = tokens.text.token;
  Run run;
  models::Forward how{.threads = options.threads, .stop = options.stop};
  how.observe = [at](std::int64_t) { return Observe{.rows = {at}}; };
  how.on_hidden = [&](std::int64_t, const TensorView& hidden) {
    run.hidden.push_back(row_of(hidden, at));
  };
  how.on_attention = [&](const models::LayerAttention& layer) {
    const TensorView output = layer.answer.output;
    const Tensor answers = brought(layer, layer.answer.observed.rows, tokens);
    const TensorView of_heads(answers.values<float>().data(), {output.size(1), output.size(3)});
    const Tensor writes = model.head_writes(layer.layer, of_heads);
    const std::span<const float> rows = layer.answer.observed.rows.values<float>();
    std::vector<HeadAtWord> heads;
    for (std::int64_t h = 0; h < output.size(1); ++h) {
      const std::size_t keys = tokens.ids.size();
      heads.push_back(
          {most_looked_at(rows.subspan(static_cast<std::size_t>(h) * keys, keys), tokens),
           row_of(writes, h)});
    }
    run.heads.push_back(std::move(heads));
  };
  const Tensor last = model.forward(tokens.ids, how);
  require_finite(last, "compare");
  run.hidden.push_back(row_of(last, at));
  return run;
}

// The heads of two runs by their share in the difference.
std::vector<MovingHead> moving_heads(const models::ModelFacts& facts, const Run& a, const Run& b,
                                     std::int64_t most) {
  std::vector<MovingHead> moving;
  for (std::size_t layer = 0; layer < a.heads.size(); ++layer) {
    const std::size_t made = facts.is_causal ? a.heads.size() : layer + 1;
    const Vector apart = difference(a.hidden[made], b.hidden[made]);
    const double squares = dot(apart, apart);
    for (std::size_t head = 0; head < a.heads[layer].size() && squares > 0; ++head) {
      const HeadAtWord& in_a = a.heads[layer][head];
      const HeadAtWord& in_b = b.heads[layer][head];
      moving.push_back({.name = {static_cast<std::int64_t>(layer), static_cast<std::int64_t>(head)},
                        .share = dot(difference(in_a.write, in_b.write), apart) / squares,
                        .in_a = in_a.looked_at,
                        .in_b = in_b.looked_at});
    }
  }
  std::ranges::stable_sort(moving, std::ranges::greater(), &MovingHead::share);
  if (std::ssize(moving) > most)
    moving.resize(static_cast<std::size_t>(std::max<std::int64_t>(most, 0)));
  std::erase_if(moving, [](const MovingHead& head) { return head.share <= 0; });
  return moving;
}

bool can_read(const models::ModelFacts& facts, const std::vector<std::int32_t>& ids) {
  return std::ssize(ids) <= facts.context_length &&
         std::ranges::all_of(ids, [&](std::int32_t id) { return id < facts.vocabulary; });
}

// The notebooks' two words in their sentence.
NotebookCosine notebook_cosine(const models::Model& model, const CompareOptions& options) {
  const std::vector<std::string> words = nn::journey_words();
  const Tensor vectors = nn::journey_vectors();
  std::string sentence;
  for (const std::string& word : words) sentence += (sentence.empty() ? "" : " ") + word;
  NotebookCosine cosines{.by_hand = cosine(row_of(vectors, 1), row_of(vectors, 2))};
  const Tokens first = find_word(model, words[1], sentence);
  if (!can_read(model.facts(), first.ids)) {
    cosines.embedding = cosines.in_the_end = std::numeric_limits<double>::quiet_NaN();
    return cosines;
  }
  const Run journey = run_text(model, first, options);
  const Run starts = run_text(model, find_word(model, words[2], sentence), options);
  cosines.embedding = cosine(journey.hidden.front(), starts.hidden.front());
  cosines.in_the_end = cosine(journey.hidden.back(), starts.hidden.back());
  return cosines;
}

bool same_past(const std::vector<Tokens>& all) {
  const auto past = [](const Tokens& tokens) {
    return std::span(tokens.ids).first(static_cast<std::size_t>(tokens.text.token + 1));
  };
  return std::ranges::all_of(all, [&](const Tokens& tokens) {
    return std::ranges::equal(past(tokens), past(all.front()));
  });
}

}  // namespace

Comparison compare(const models::Model& model, const std::string& word,
                   std::span<const std::string> texts, const CompareOptions& options) {
  if (word.empty()) throw Error(ErrorKind::invalid_argument, "compare: the word is empty");
  if (texts.size() < 2) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("compare: {} text{} given; at least two are wanted", texts.size(),
                            texts.size() == 1 ? "" : "s"));
  }
  std::vector<Tokens> all;
  for (const std::string& text : texts) all.push_back(find_word(model, word, text));
  Comparison comparison{
      .model = model.facts(), .word = word, .texts = {}, .pairs = {}, .heads = {}};
  comparison.has_same_past = model.facts().is_causal && same_past(all);
  std::vector<Run> runs;
  for (const Tokens& tokens : all) {
    runs.push_back(run_text(model, tokens, options));
    comparison.texts.push_back(tokens.text);
  }
  for (std::size_t a = 0; a < runs.size(); ++a) {
    for (std::size_t b = a + 1; b < runs.size(); ++b) {
      ComparedPair pair{.a = a, .b = b, .cosines = {}};
      for (std::size_t i = 0; i < runs[a].hidden.size(); ++i)
        pair.cosines.push_back(cosine(runs[a].hidden[i], runs[b].hidden[i]));
      comparison.pairs.push_back(std::move(pair));
    }
  }
  const auto farthest = std::ranges::min_element(
      comparison.pairs, {}, [](const ComparedPair& pair) { return pair.cosines.back(); });
  comparison.farthest = static_cast<std::size_t>(farthest - comparison.pairs.begin());
  if (!comparison.has_same_past) {
    comparison.heads =
        moving_heads(model.facts(), runs[farthest->a], runs[farthest->b], options.heads);
  }
  comparison.notebook = notebook_cosine(model, options);
  return comparison;
}

}  // namespace fovea::report
