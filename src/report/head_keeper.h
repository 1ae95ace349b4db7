// Keeps what the page needs of the heads that tell most, while a model's layers pass.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "fovea/models/model.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

/// What it holds is never more than the budget and one head above it (with float32 copies for the deviation, three times
/// that): a head that others turn out to surpass is dropped.
class HeadKeeper {
 public:
  HeadKeeper(const KeepOptions& options, const models::ModelFacts& facts, std::int64_t tokens);

  bool is_on() const noexcept { return options_.any(); }

  /// Looks at a layer's answer; `heads` are all heads so far, this layer's last.
  void take(const models::LayerAttention& layer, std::span<const ExplainedHead> heads);

  /// Returns what was kept, the heads of KeepOptions::first and then the most telling first. Ends it.
  KeptNumbers finish(std::span<const ExplainedHead> heads, int threads);

 private:
  using Place = std::pair<std::int64_t, std::int64_t>;  // layer, head or key head
  struct Head {
    KeptHead kept;
    Tensor query;  // f32 [tokens, head_size], where the deviation is going to be measured
  };
  struct Keys {
    KeptKeys kept;
    Tensor key;  // likewise
  };

  std::vector<HeadName> order_of(std::span<const ExplainedHead> heads) const;
  std::vector<HeadName> chosen(std::span<const ExplainedHead> heads,
                               const models::LayerAttention& layer) const;
  void keep(const models::LayerAttention& layer, const HeadName& name);
  void drop_others(const std::vector<HeadName>& chosen);
  void drop_inputs(const std::vector<HeadName>& chosen);

  KeepOptions options_;
  models::ModelFacts facts_;
  std::int64_t tokens_;
  bool measures_deviation_ = false;
  std::map<Place, Head> heads_;
  std::map<Place, Keys> keys_;
  std::map<std::int64_t, KeptInput> inputs_;
  std::string passed_over_;
};

}  // namespace fovea::report
