// Observers of one's own: functions of Python that are shown tiles.
#include "bind/callbacks.h"

#include <fmt/format.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <utility>

#include "bind/array.h"
#include "bind/scalars.h"

namespace fovea::bind {
namespace {

thread_local int callbacks_under_way = 0;

class InCallback {
 public:
  InCallback() { ++callbacks_under_way; }
  ~InCallback() { --callbacks_under_way; }
  InCallback(const InCallback&) = delete;
  InCallback& operator=(const InCallback&) = delete;
};

// A tile as a callback gets it: a copy, for the engine's memory ends with the call.
struct HeldTile {
  std::int64_t batch;
  std::int64_t head;
  std::int64_t first_query;
  std::int64_t first_key;
  nb::object scores;
  nb::object weights;
};

nb::object tile_array(const float* numbers, const ObservedTile& tile) {
  if (numbers == nullptr) return nb::none();
  constexpr std::int64_t kRowsOfMemory = 64;
  const TensorView whole(numbers, {tile.keys, kRowsOfMemory});
  const nb::object by_key = to_array(Tensor::copy_of(whole), {});
  return by_key.attr("T")[nb::slice(tile.queries)];
}

std::string representation(const HeldTile& tile) {
  const auto shape = nb::cast<std::pair<std::int64_t, std::int64_t>>(tile.weights.attr("shape"));
  return fmt::format("fovea.Tile(batch {}, head {}, queries {} to {}, keys {} to {})", tile.batch,
                     tile.head, tile.first_query, tile.first_query + shape.first - 1,
                     tile.first_key, tile.first_key + shape.second - 1);
}

}  // namespace

Callbacks callbacks_of(nb::handle on_tile, nb::handle on_weights) {
  const std::pair<nb::handle, const char*> given[] = {{on_tile, "on_tile"},
                                                      {on_weights, "on_weights"}};
  for (const auto& [callback, name] : given) {
    if (callback.is_none() || PyCallable_Check(callback.ptr()) != 0) continue;
    throw nb::type_error(
        fmt::format("observe: {} is {}; wanted a function of a fovea.Tile", name, shown(callback))
            .c_str());
  }
  return {nb::borrow(on_tile), nb::borrow(on_weights)};
}

void CallbackObserver::show(const nb::object& callback, const ObservedTile& tile) {
  if (callback.is_none()) return;
  // The GIL alone lets a second one in wherever the first gives it up, as numpy does. It is taken after the mutex: who waits
  // for the mutex must not hold it.
  const std::lock_guard one_at_a_time(mutex_);
  const nb::gil_scoped_acquire held;
  const InCallback marked;
  callback(HeldTile{tile.batch, tile.head, tile.first_query, tile.first_key,
                    tile_array(tile.scores, tile), tile_array(tile.weights, tile)});
}

bool is_in_callback() noexcept {
  return callbacks_under_way > 0;
}

void bind_tile(nb::module_& module) {
  nb::class_<HeldTile>(module, "Tile",
                       "A part of a head's scores, as Observe's on_tile and on_weights get it: "
                       "queries from first_query on, keys from first_key on. Its numpy arrays are "
                       "copies.")
      .def("__repr__", &representation)
      .def_ro("batch", &HeldTile::batch)
      .def_ro("head", &HeldTile::head, "Of the query.")
      .def_ro("first_query", &HeldTile::first_query)
      .def_ro("first_key", &HeldTile::first_key)
      .def_ro("scores", &HeldTile::scores,
              nb::sig("def scores(self, /) -> numpy.typing.NDArray[numpy.float32] | None"),
              "[queries, keys] float32, natural units, with every modifier; -inf = hidden. None in "
              "on_weights.")
      .def_ro("weights", &HeldTile::weights,
              nb::sig("def weights(self, /) -> numpy.typing.NDArray[numpy.float32]"),
              "[queries, keys] float32: in on_weights the softmax's, to within 4 ulp; in on_tile "
              "exp(score - the row's maximum in this tile). Hidden: 0.");
}

}  // namespace fovea::bind
