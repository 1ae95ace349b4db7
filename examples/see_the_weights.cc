// What a call can say of its weights: while it computes them, and of any of them afterwards.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <vector>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/insight/lens.h"

/// An observer of one's own: counts the weights above a half. Several threads call it at once.
class LargeWeights : public fovea::TileObserver {
 public:
  void weights(const fovea::ObservedTile& tile) override {
    std::int64_t found = 0;
    for (std::int64_t j = 0; j < tile.keys; ++j) {
      for (std::int64_t i = 0; i < tile.queries; ++i) {
        if (tile.weights[i + 64 * j] > 0.5F) ++found;
      }
    }
    count += found;
  }

  std::atomic<std::int64_t> count = 0;
};

int main() {
  fovea::Generator generator(1);
  const fovea::Tensor query = fovea::randn({1, 4, 300, 64}, generator);
  const fovea::Tensor key = fovea::randn({1, 2, 300, 64}, generator);
  const fovea::Tensor value = fovea::randn({1, 2, 300, 64}, generator);
  const fovea::Attention question{.query = query, .key = key, .value = value, .causal = true};

  // In the same pass as the output: heads 0 and 3 only, which then are entries 0 and 1.
  LargeWeights large;
  const fovea::Attended answer = fovea::attend(question, fovea::Observe{.heads = {0, 3},
                                                                        .top_weights = 3,
                                                                        .entropy = true,
                                                                        .received = true,
                                                                        .row_statistics = true,
                                                                        .own = &large});
  const fovea::Observed& seen = answer.observed;
  const float entropy = seen.entropy.view().at<float>(0, 1, 299);  // [batch, heads, queries]
  std::cout << "head 3, last query: spread over " << std::exp(entropy) << " keys; most to key "
            << seen.top_indices.view().at<std::int32_t>(0, 1, 299, 0) << ", "
            << seen.top_weights.view().at<float>(0, 1, 299, 0) << '\n'
            << "key 0 gets as much as " << seen.received.view().at<float>(0, 1, 0)
            << " rows give in all\n"
            << large.count << " weights of the two heads are above a half\n";

  // Afterwards: any weight, from the question and the statistics of its rows.
  const fovea::Lens lens(question, answer);
  const std::vector<fovea::KeyWeight> top = lens.top({.head = 3}, 299, 3);
  for (const fovea::KeyWeight& one : top)
    std::cout << "key " << one.key << ": " << one.weight << '\n';
  return top[0].weight == seen.top_weights.view().at<float>(0, 1, 299, 0) ? 0 : 1;
}
