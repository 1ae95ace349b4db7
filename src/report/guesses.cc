// The tokens that a decoder holds likely to come next: the largest of its logits' softmax.
#include "report/guesses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "fovea/core/error.h"
#include "fovea/core/parallel.h"
#include "report/finite.h"

namespace fovea::report {
namespace {

// Rows whose logits are held at once.
constexpr std::int64_t kRows = 128;

struct Likely {
  std::int32_t id = 0;
  double probability = 0;
};

// The `count` largest of a row, equal ones by rising id.
std::vector<Likely> likeliest(std::span<const float> row, std::int64_t count) {
  const float largest = std::ranges::max(row);
  double sum = 0;
  // Differences are exact to half a unit in the last place, and expf to about one: 1e-7 of each term.
  for (const float logit : row) sum += static_cast<double>(std::exp(logit - largest));
  // Few are wanted of many: sorted are those alone that can be among them.
  const auto wanted = static_cast<std::size_t>(std::min(count, std::ssize(row)));
  std::vector<std::int32_t> order;
  const auto logit_of = [row](std::int32_t id) { return row[static_cast<std::size_t>(id)]; };
  float least = -std::numeric_limits<float>::infinity();
  for (std::int32_t id = 0; id < std::ssize(row) && wanted > 0; ++id) {
    const bool is_full = order.size() == wanted;
    if (is_full && logit_of(id) <= least) continue;
    if (is_full) order.pop_back();
    order.insert(std::ranges::upper_bound(order, logit_of(id), std::ranges::greater{}, logit_of),
                 id);
    least = logit_of(order.back());
  }
  std::vector<Likely> likely;
  for (const std::int32_t id : order) {
    likely.push_back(
        {id, static_cast<double>(std::exp(row[static_cast<std::size_t>(id)] - largest)) / sum});
  }
  return likely;
}

std::vector<Guess> named(const models::Model& model, const std::vector<Likely>& likely) {
  std::vector<Guess> guesses;
  for (const Likely& one : likely)
    guesses.push_back({one.id, model.text_of({&one.id, 1}), one.probability});
  return guesses;
}

}  // namespace

std::vector<Guess> last_guesses(const models::Model& model, const Tensor& hidden,
                                const ExplainOptions& options) {
  const Tensor logits =
      model.logits(hidden.view().sliced(0, hidden.size(0) - 1, 1), options.threads);
  require_finite(logits, "explain");
  return named(model, likeliest(logits.values<float>(), options.guesses));
}

std::vector<std::vector<Guess>> row_guesses(const models::Model& model, const Tensor& hidden,
                                            const ExplainOptions& options) {
  const std::int64_t tokens = hidden.size(0);
  const int threads = resolve_threads(options.threads, "explain");
  std::vector<std::vector<Likely>> likely(static_cast<std::size_t>(tokens));
  for (std::int64_t first = 0; first < tokens; first += kRows) {
    if (options.stop.stop_requested()) throw Error(ErrorKind::cancelled, "explain: cancelled");
    const std::int64_t rows = std::min(kRows, tokens - first);
    const Tensor logits = model.logits(hidden.view().sliced(0, first, rows), threads);
    require_finite(logits, "explain");
    const auto size = static_cast<std::size_t>(logits.size(1));
    parallel_for(rows, threads, {}, [&](std::int64_t row, int /*worker*/) noexcept {
      likely[static_cast<std::size_t>(first + row)] = likeliest(
          logits.values<float>().subspan(static_cast<std::size_t>(row) * size, size), kRowGuesses);
    });
  }
  std::vector<std::vector<Guess>> guesses;
  for (const std::vector<Likely>& row : likely) guesses.push_back(named(model, row));
  return guesses;
}

}  // namespace fovea::report
