// How many bytes kept numbers take, and which of them fit into a budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fovea/report/kept_head.h"

namespace fovea::report {

std::int64_t bytes_of(const SteppedVectors& vectors);
std::int64_t bytes_of(const KeptHead& head);
std::int64_t bytes_of(const KeptKeys& keys);
std::int64_t bytes_of(const KeptInput& input);
std::int64_t bytes_of(const KeptProjection& projection);

/// Parts of a KeptNumbers, as indices.
struct KeptParts {
  std::vector<std::size_t> heads;
  std::vector<std::size_t> keys;
  std::vector<std::size_t> inputs;
  std::vector<std::size_t> projections;
};

/// So many projections, each with its layer's input, come before the inputs of other layers: a product can be followed
/// where all of it is there.
inline constexpr std::size_t kFirstProjections = 8;

/// Returns what fits into `budget` bytes: heads in their order, each with its keys unless those are there already; the first
/// projections; then other inputs, then other projections, those of heads and layers that are there.
KeptParts parts_within(const KeptNumbers& kept, std::int64_t budget);

}  // namespace fovea::report
