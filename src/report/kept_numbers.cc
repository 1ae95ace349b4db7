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

// Parts as they are added, while there is room.
struct Fitting {
  Fitting(const KeptNumbers& all, std::int64_t budget) : kept(all), left(budget) {}

  bool take(std::int64_t bytes) {
    if (bytes > left) return false;
    left -= bytes;
    return true;
  }

  void add_head(std::size_t index) {
    const KeptHead& head = kept.heads[index];
    const std::size_t keys = place_of(kept.keys, [&](const KeptKeys& other) {
      return other.layer == head.layer && other.key_head == head.key_head;
    });
    const bool is_new = !holds(parts.keys, keys);
    const std::int64_t more = is_new ? bytes_of(kept.keys[keys]) + kDescription : 0;
    if (!take(bytes_of(head) + kDescription + more)) return;
    parts.heads.push_back(index);
    if (is_new) parts.keys.push_back(keys);
  }

  void add_input(std::size_t index) {
    const KeptInput& input = kept.inputs[index];
    if (holds(parts.inputs, index) ||
        !has_head([&](const KeptHead& head) { return head.layer == input.layer; })) {
      return;
    }
    if (take(bytes_of(input) + kDescription)) parts.inputs.push_back(index);
  }

  void add_projection(std::size_t index) {
    const KeptProjection& made = kept.projections[index];
    const auto is_its = [&](const KeptHead& head) {
      return head.layer == made.layer && head.head == made.head;
    };
    if (!has_head(is_its)) return;
    const std::size_t input =
        place_of(kept.inputs, [&](const KeptInput& other) { return other.layer == made.layer; });
    if (input == kept.inputs.size()) return;
    const bool is_new = !holds(parts.inputs, input);
    const std::int64_t more = is_new ? bytes_of(kept.inputs[input]) + kDescription : 0;
    if (!take(bytes_of(made) + kDescription + more)) return;
    parts.projections.push_back(index);
    if (is_new) parts.inputs.push_back(input);
  }

  template <typename F>
  bool has_head(const F& is_it) const {
    return std::ranges::any_of(parts.heads, [&](std::size_t i) { return is_it(kept.heads[i]); });
  }

  const KeptNumbers& kept;
  std::int64_t left;
  KeptParts parts = {};
};

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
  Fitting fitting(kept, budget);
  for (std::size_t i = 0; i < kept.heads.size(); ++i) fitting.add_head(i);
  const std::size_t first = std::min(kFirstProjections, kept.projections.size());
  for (std::size_t i = 0; i < first; ++i) fitting.add_projection(i);
  for (std::size_t i = 0; i < kept.inputs.size(); ++i) fitting.add_input(i);
  for (std::size_t i = first; i < kept.projections.size(); ++i) fitting.add_projection(i);
  return std::move(fitting.parts);
}

}  // namespace fovea::report
