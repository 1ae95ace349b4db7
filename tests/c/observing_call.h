// A call of the C interface that asks for every observer, for tests to change one thing of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "c/call.h"
#include "fovea/engine/attend.h"

namespace fovea::c {

inline constexpr std::int64_t kTop = 3;
inline constexpr std::int64_t kCell = 2;

/// Memory for one tensor of fovea_observed.
struct Room {
  std::vector<std::int64_t> sizes;
  std::vector<float> data;

  explicit Room(std::vector<std::int64_t> of) : sizes(std::move(of)) {
    std::size_t count = 1;
    for (const std::int64_t size : sizes) count *= static_cast<std::size_t>(size);
    data.assign(count, kUntouched);
  }
  fovea_target target() {
    return {FOVEA_F32, static_cast<std::int32_t>(sizes.size()), data.data(), sizes.data(), nullptr};
  }
};

/// A call that asks for everything; tests take away or change one thing.
struct ObservingCall : Call {
  std::vector<std::int64_t> heads{1, 3};
  std::vector<std::int64_t> rows{2, 0};
  std::vector<std::int64_t> columns{4};
  std::vector<std::int32_t> query_label_values{0, 1, -1};
  std::vector<std::int32_t> key_label_values{1, 0, 1, 0, -1};
  std::vector<std::int64_t> query_label_sizes{kQueries};
  std::vector<std::int64_t> key_label_sizes{kKeys};
  Room top_weights{{1, 2, kQueries, kTop}};
  std::vector<std::int32_t> top_indices = std::vector<std::int32_t>(2 * kQueries * kTop, 99);
  Room entropy{{1, 2, kQueries}};
  Room received{{1, 2, kKeys}};
  Room pooled_map{{1, 2, (kQueries + kCell - 1) / kCell, (kKeys + kCell - 1) / kCell}};
  Room distance{{1, 2, FOVEA_DISTANCE_BUCKETS}};
  Room full_rows{{1, 2, 2, kKeys}};
  Room full_columns{{1, 2, 1, kQueries}};
  Room mass_first = entropy;
  Room mass_self = entropy;
  Room mass_previous = entropy;
  Room mass_match = entropy;
  Room mass_sink = entropy;
  Room log2_max = entropy;
  Room observed_sum = entropy;
  fovea_observe observe{};
  fovea_observed observed{};

  ObservingCall() {
    attention.causal = 1;
    attention.sinks = plain(FOVEA_F32, sinks.data(), head_sizes);
    observe.struct_size = sizeof observe;
    observe.heads = heads.data();
    observe.head_count = 2;
    observe.rows = rows.data();
    observe.row_count = 2;
    observe.columns = columns.data();
    observe.column_count = 1;
    observe.top_weights = kTop;
    observe.pool_queries = observe.pool_keys = kCell;
    observe.mass_first = 2;
    observe.query_labels = plain(FOVEA_I32, query_label_values.data(), query_label_sizes);
    observe.key_labels = plain(FOVEA_I32, key_label_values.data(), key_label_sizes);
    observe.entropy = observe.received = observe.pooled_map = observe.distance = 1;
    observe.mass_self = observe.mass_previous = observe.row_statistics = 1;
    observed.struct_size = sizeof observed;
    observed.top_weights = top_weights.target();
    observed.top_indices = {FOVEA_I32, 4, top_indices.data(), top_weights.sizes.data(), nullptr};
    observed.entropy = entropy.target();
    observed.received = received.target();
    observed.pooled_map = pooled_map.target();
    observed.distance = distance.target();
    observed.rows = full_rows.target();
    observed.columns = full_columns.target();
    observed.mass_first = mass_first.target();
    observed.mass_self = mass_self.target();
    observed.mass_previous = mass_previous.target();
    observed.mass_match = mass_match.target();
    observed.mass_sink = mass_sink.target();
    observed.log2_max = log2_max.target();
    observed.row_sum = observed_sum.target();
    observed.nan_rows = 77;
  }

  std::int32_t attend_observing() {
    return fovea_attend_observing(&attention, &execution, &observe, &answer, &observed, &error);
  }

  fovea::Attended observed_in_cxx() const {
    fovea::Attention same = same_in_cxx();
    same.causal = true;
    same.sinks = fovea::TensorView(sinks.data(), fovea::Shape(head_sizes));
    fovea::Observe what;
    what.heads = heads;
    what.rows = rows;
    what.columns = columns;
    what.top_weights = kTop;
    what.pool_cells = {.queries = kCell, .keys = kCell};
    what.mass_first = 2;
    what.query_labels =
        fovea::TensorView(query_label_values.data(), fovea::Shape(query_label_sizes));
    what.key_labels = fovea::TensorView(key_label_values.data(), fovea::Shape(key_label_sizes));
    what.entropy = what.received = what.pooled_map = what.distance = true;
    what.mass_self = what.mass_previous = what.row_statistics = true;
    return fovea::attend(same, what);
  }

  /// Every number that the call could have written, but for those of the answer.
  std::vector<const Room*> rooms() const {
    return {&top_weights, &entropy,      &received,   &pooled_map,  &distance,
            &full_rows,   &full_columns, &mass_first, &mass_self,   &mass_previous,
            &mass_match,  &mass_sink,    &log2_max,   &observed_sum};
  }
};

}  // namespace fovea::c
