// Observers of one's own: functions of Python that are shown tiles.
#pragma once

#include <nanobind/nanobind.h>

#include <mutex>

#include "fovea/attention/observe.h"

namespace fovea::bind {

namespace nb = nanobind;

/// What an Observe was given to call; None = nothing.
struct Callbacks {
  nb::object on_tile = nb::none();
  nb::object on_weights = nb::none();
  bool given() const { return !on_tile.is_none() || !on_weights.is_none(); }
};

/// Throws TypeError for what cannot be called.
Callbacks callbacks_of(nb::handle on_tile, nb::handle on_weights);

/// Shows the tiles of one call, one at a time. The call may not hold the GIL while it runs.
class CallbackObserver : public TileObserver {
 public:
  /// `callbacks` must outlive it.
  explicit CallbackObserver(const Callbacks& callbacks) : callbacks_(callbacks) {}
  void tile(const ObservedTile& tile) override { show(callbacks_.on_tile, tile); }
  void weights(const ObservedTile& tile) override { show(callbacks_.on_weights, tile); }

 private:
  void show(const nb::object& callback, const ObservedTile& tile);

  const Callbacks& callbacks_;
  std::mutex mutex_;
};

/// True in a thread that runs a callback: the call that shows it the tile waits for it.
bool is_in_callback() noexcept;

void bind_tile(nb::module_& module);

}  // namespace fovea::bind
