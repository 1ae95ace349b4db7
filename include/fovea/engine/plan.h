// What will run for a call, and why nothing better did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fovea/attention/attention.h"

namespace fovea {

/// An implementation that was passed over, and its reason.
struct Refusal {
  std::string implementation;
  std::string reason;
};

/// The decisions of one call.
struct Plan {
  std::string implementation;  ///< by its name in `fovea list implementations`
  std::string target;          ///< instruction set, as Highway names it ("AVX3", "AVX2", ...); "scalar" for the reference
  int threads = 1;
  std::int64_t query_block = 0;    ///< rows that one task computes
  std::int64_t key_block = 0;      ///< keys that are folded in at a time
  std::int64_t scratch_bytes = 0;  ///< beyond inputs and outputs, all threads together
  /// Of a ragged batch; implementation and blocks are then those of its largest sequence. 0 = no ragged batch.
  std::int64_t sequences = 0;
  std::int64_t side_by_side = 0;   ///< sequences that run on one thread each, at the same time
  std::vector<Refusal> refusals;

  /// The above in sentences, a line each: for people.
  std::string explain() const;
};

/// Returns what attend would do, without doing it. Throws as attend does.
Plan plan(const Attention& attention, const Execution& execution = {});

/// Names and one-line descriptions of the implementations, best first, the reference last.
struct ImplementationInfo {
  std::string name;
  std::string summary;
};
std::vector<ImplementationInfo> list_implementations();

}  // namespace fovea
