// How many bytes kept numbers take, and which of them fit into a budget.
#include "report/kept_numbers.h"

#include <algorithm>

namespace fovea::report {
namespace {

// The index of the element of `all` for which `is_it` holds; all.size() when there is none.
template <typename T, typename F>
std::size_t place_of(const std::vector<T>& all, const F& is_it) {
  return static_cast<std::size_t>(std::ranges::find_if(all, is_it) - all.begin());
}

// What the page's JSON says of a part besides its numbers, in bytes of numbers.
constexpr std::int64_t kDescription = 600;

bool holds(const std::vector<std::size_t>& all, std::size_t one) {
  return std::ranges::find(all, one) != all.end();
}

std::int64_t size_of_tensor(const Tensor& tensor) {
  return static_cast<std::int64_t>(tensor.bytes().size());
}

}  // namespace

std::int64_t bytes_of(const SteppedVectors& vectors) {
  return size_of_tensor(vectors.values) + size_of_tensor(vectors.steps);
}

std::int64_t bytes_of(const KeptHead& head) {
  std::int64_t bytes = bytes_of(head.query);
  for (const Tensor* tensor : {&head.row_max, &head.row_sum, &head.entropy, &head.top_keys,
                               &head.top_weights, &head.deviation}) {
    bytes += size_of_tensor(*tensor);
  }
  return bytes;
}

std::int64_t bytes_of(const KeptKeys& keys) {
  return bytes_of(keys.key) + bytes_of(keys.value);
}

std::int64_t bytes_of(const KeptInput& input) {
  return bytes_of(input.input);
}

std::int64_t bytes_of(const KeptProjection& projection) {
  // Biases stand in the page's JSON, about 12 letters a number.
  return bytes_of(projection.query_weight) + bytes_of(projection.key_weight) +
         12 * (std::ssize(projection.query_bias) + std::ssize(projection.key_bias));
}

KeptParts parts_within(const KeptNumbers& kept, std::int64_t budget) {
  KeptParts parts;
  std::int64_t left = budget;
  for (std::size_t i = 0; i < kept.heads.size(); ++i) {
    const KeptHead& head = kept.heads[i];
    const std::size_t keys = place_of(kept.keys, [&](const KeptKeys& other) {
      return other.layer == head.layer && other.key_head == head.key_head;
    });
    const bool is_new = !holds(parts.keys, keys);
    const std::int64_t bytes =
        bytes_of(head) + kDescription + (is_new ? bytes_of(kept.keys[keys]) + kDescription : 0);
    if (bytes > left) continue;
    left -= bytes;
    parts.heads.push_back(i);
    if (is_new) parts.keys.push_back(keys);
  }
  const auto has_head = [&](const auto& is_it) {
    return std::ranges::any_of(parts.heads, [&](std::size_t i) { return is_it(kept.heads[i]); });
  };
  for (std::size_t i = 0; i < kept.inputs.size(); ++i) {
    const KeptInput& input = kept.inputs[i];
    const std::int64_t bytes = bytes_of(input) + kDescription;
    if (bytes > left || !has_head([&](const KeptHead& h) { return h.layer == input.layer; }))
      continue;
    left -= bytes;
    parts.inputs.push_back(i);
  }
  for (std::size_t i = 0; i < kept.projections.size(); ++i) {
    const KeptProjection& made = kept.projections[i];
    const std::int64_t bytes = bytes_of(made) + kDescription;
    const bool is_wanted =
        has_head([&](const KeptHead& h) { return h.layer == made.layer && h.head == made.head; });
    if (bytes > left || !is_wanted) continue;
    left -= bytes;
    parts.projections.push_back(i);
  }
  return parts;
}

}  // namespace fovea::report
