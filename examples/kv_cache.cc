// Decoding: a prompt, then token by token, with the bits of one call over all of it.
#include "fovea/attention/kv_cache.h"

#include <algorithm>
#include <iostream>

#include "fovea/core/random.h"
#include "fovea/engine/attend.h"

int main() {
  constexpr std::int64_t kPrompt = 20;
  constexpr std::int64_t kTokens = 30;
  fovea::Generator generator(1);
  // Four query heads share two key heads: [batch, heads, tokens, size].
  const fovea::Tensor query = fovea::randn({1, 4, kTokens, 64}, generator);
  const fovea::Tensor key = fovea::randn({1, 2, kTokens, 64}, generator);
  const fovea::Tensor value = fovea::randn({1, 2, kTokens, 64}, generator);
  const fovea::Attended whole =
      fovea::attend({.query = query, .key = key, .value = value, .causal = true});

  fovea::KvCache cache({.key_heads = 2, .head_size = 64, .value_size = 64});
  for (std::int64_t first = 0; first < kTokens;) {
    const std::int64_t count = first == 0 ? kPrompt : 1;
    const auto now = [&](const fovea::Tensor& all) { return all.view().sliced(2, first, count); };
    cache.append(now(key), now(value));
    // The last query stands at the last key, which is what causal means unless told otherwise.
    const fovea::Attended answer = fovea::attend({.query = now(query),
                                                  .value = cache.value(),
                                                  .packed_key = cache.packed_key(),
                                                  .causal = true});
    first += count;
    const float* const last = &answer.output.view().at<float>(0, 3, count - 1, 0);
    if (!std::equal(last, last + 64, &whole.output.view().at<float>(0, 3, first - 1, 0))) return 1;
  }
  std::cout << cache.tokens() << " tokens, the same to the last bit\n";
}
