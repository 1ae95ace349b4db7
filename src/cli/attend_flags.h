// The flags of `fovea attend`, as they were typed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/attend_observe.h"

namespace fovea::cli {

struct AttendFlags {
  // files to read
  std::optional<std::string> query;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<std::string> keep;
  std::optional<std::string> bias;
  std::optional<std::string> alibi;
  std::optional<std::string> sinks;
  std::optional<std::string> key_lengths;
  bool bf16 = false;

  // files to write
  std::optional<std::string> output;
  std::optional<std::string> output_type;
  std::optional<std::string> lse;
  std::optional<std::string> weights;
  std::vector<std::string> scores;  ///< STAGE=FILE
  ObserveFlags observe;

  // rules
  bool causal = false;
  std::optional<std::string> window;    ///< LEFT,RIGHT
  std::optional<std::string> diagonal;  ///< bottom-right, top-left or an integer
  std::optional<double> softcap;
  std::optional<double> scale;

  // how to compute
  std::optional<std::int64_t> threads;
  std::optional<std::string> implementation;
  bool explain = false;
};

}  // namespace fovea::cli
