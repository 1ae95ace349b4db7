// What to observe, as Python says it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>

#include "bind/attended.h"
#include "bind/scalars.h"

namespace fovea::bind {
namespace {

// `pooled_map`: True, or the cells' sizes in tokens (queries, keys).
void read_pooled_map(nb::handle object, Observe& observe) {
  if (nb::isinstance<nb::tuple>(object)) {
    if (nb::len(object) != 2)
      throw nb::value_error(
          fmt::format("observe: pooled_map is {}; wanted True, False or (queries, keys)",
                      shown(object))
              .c_str());
    observe.pooled_map = true;
    observe.pool_cells = {.queries = integer_of(object[0], "observe: pooled_map"),
                          .keys = integer_of(object[1], "observe: pooled_map")};
    return;
  }
  observe.pooled_map = truth_of(object, "observe: pooled_map");
}

std::unique_ptr<ArrayArgument> labels_of(nb::handle object, const char* name, TensorView& view) {
  if (object.is_none()) return nullptr;
  auto labels = std::make_unique<ArrayArgument>();
  labels->look(object, name);
  view = labels->view();
  return labels;
}

using Indices = std::vector<std::int64_t>;

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

// Shows tiles to functions of Python. They take the GIL: one runs at a time, in whichever thread computed the tile.
class CallbackObserver : public TileObserver {
 public:
  CallbackObserver(nb::object on_tile, nb::object on_weights)
      : on_tile_(std::move(on_tile)), on_weights_(std::move(on_weights)) {}
  void tile(const ObservedTile& tile) override { show(on_tile_, tile); }
  void weights(const ObservedTile& tile) override { show(on_weights_, tile); }

 private:
  static void show(const nb::object& callback, const ObservedTile& tile) {
    if (callback.is_none()) return;
    const nb::gil_scoped_acquire held;
    callback(HeldTile{tile.batch, tile.head, tile.first_query, tile.first_key,
                      tile_array(tile.scores, tile), tile_array(tile.weights, tile)});
  }

  nb::object on_tile_;
  nb::object on_weights_;
};

std::unique_ptr<TileObserver> callbacks(nb::handle on_tile, nb::handle on_weights) {
  if (on_tile.is_none() && on_weights.is_none()) return nullptr;
  const std::pair<nb::handle, const char*> given[] = {{on_tile, "on_tile"},
                                                      {on_weights, "on_weights"}};
  for (const auto& [callback, name] : given) {
    if (callback.is_none() || PyCallable_Check(callback.ptr()) != 0) continue;
    throw nb::type_error(
        fmt::format("observe: {} is {}; wanted a function of a fovea.Tile", name, shown(callback))
            .c_str());
  }
  return std::make_unique<CallbackObserver>(nb::borrow(on_tile), nb::borrow(on_weights));
}

// "fovea.Observe(top_weights=8, entropy=True)": what is asked for.
std::string representation(const ObserveRequest& request) {
  const Observe& o = request.observe;
  std::string text;
  const auto add = [&](const char* name, const std::string& value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, value);
  };
  const auto add_list = [&](const char* name, const Indices& values) {
    if (!values.empty()) add(name, fmt::format("[{}]", fmt::join(values, ", ")));
  };
  const auto add_flag = [&](const char* name, bool flag) {
    if (flag) add(name, "True");
  };
  add_list("heads", o.heads);
  if (o.top_weights > 0) add("top_weights", std::to_string(o.top_weights));
  add_flag("entropy", o.entropy);
  add_flag("received", o.received);
  if (o.pooled_map) {
    const auto& [queries, keys] = o.pool_cells;
    add("pooled_map", queries + keys == 0 ? "True" : fmt::format("({}, {})", queries, keys));
  }
  add_flag("distance", o.distance);
  add_list("rows", o.rows);
  add_list("columns", o.columns);
  if (o.mass_first > 0) add("mass_first", std::to_string(o.mass_first));
  add_flag("mass_self", o.mass_self);
  add_flag("mass_previous", o.mass_previous);
  if (o.query_labels.given()) add("query_labels", to_string(o.query_labels.shape()));
  if (o.key_labels.given()) add("key_labels", to_string(o.key_labels.shape()));
  add_flag("row_statistics", o.row_statistics);
  if (o.own != nullptr) add("on_tile or on_weights", "given");
  return fmt::format("fovea.Observe({})", text);
}

void make(ObserveRequest* self, Indices heads, std::int64_t top_weights, bool entropy,
          bool received, nb::handle pooled_map, bool distance, Indices rows, Indices columns,
          std::int64_t mass_first, bool mass_self, bool mass_previous, nb::handle query_labels,
          nb::handle key_labels, bool row_statistics, nb::handle on_tile, nb::handle on_weights) {
  auto made = std::make_unique<ObserveRequest>();
  made->observe = {.heads = std::move(heads),
                   .top_weights = top_weights,
                   .entropy = entropy,
                   .received = received,
                   .distance = distance,
                   .rows = std::move(rows),
                   .columns = std::move(columns),
                   .mass_first = mass_first,
                   .mass_self = mass_self,
                   .mass_previous = mass_previous,
                   .row_statistics = row_statistics};
  read_pooled_map(pooled_map, made->observe);
  made->query_labels = labels_of(query_labels, "observe: query_labels", made->observe.query_labels);
  made->key_labels = labels_of(key_labels, "observe: key_labels", made->observe.key_labels);
  made->callbacks = callbacks(on_tile, on_weights);
  made->observe.own = made->callbacks.get();
  new (self) ObserveRequest(std::move(*made));
}

constexpr const char* kObserveText =
    R"(Shapes are those of arguments with batch and heads; axes that the query has not, they have not.

  heads           query heads to observe, rising; empty = all. The others cost nothing
  top_weights     the k largest weights of each row, 1 to 64: top_weights and top_indices [batch, heads, queries, k]
  entropy         of each row's weights, in nats [batch, heads, queries]
  received        weight that each key gets from all rows [batch, heads, keys]
  pooled_map      sums over cells of (queries, keys) tokens, or True: at most 64 cells a side [batch, heads, cells, cells]
  distance        how far back each head looks, in buckets [batch, heads, buckets]
  rows, columns   queries or keys whose weights are wanted in full [batch, heads, rows, keys], [batch, heads, columns, queries]
  mass_first      weight on the first n keys, at most 1,024 [batch, heads, queries]
  mass_self       weight on the row's own key; mass_previous: on the key before it
  query_labels, key_labels
                  [batch, queries] and [batch, keys] int32, or without batch: weight on keys of the row's label, mass_match
  row_statistics  what a Lens needs: log2_max and row_sum [batch, heads, queries]
  on_tile, on_weights
                  functions of a Tile: shown each part of the scores as it is computed, or with final weights once all keys
                  of its rows were seen. Called one at a time, from any thread; of one row by rising keys; what is hidden as a
                  whole is left out. What they raise ends the call and comes out of attend.

Raises TypeError and ValueError; what contradicts the question is refused by attend.)";

}  // namespace

void bind_observe(nb::module_& module) {
  nb::class_<HeldTile>(module, "Tile",
                       "A part of a head's scores, as Observe's on_tile and on_weights get it: "
                       "queries from first_query on, keys from first_key on.")
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
  nb::class_<ObserveRequest>(
      module, "Observe",
      "What to observe in the pass that computes the output. What is not asked for costs nothing; "
      "nothing changes a bit of the output.")
      .def("__init__", &make, nb::kw_only(), nb::arg("heads") = Indices{},
           nb::arg("top_weights") = 0, nb::arg("entropy") = false, nb::arg("received") = false,
           nb::arg("pooled_map") = false, nb::arg("distance") = false, nb::arg("rows") = Indices{},
           nb::arg("columns") = Indices{}, nb::arg("mass_first") = 0, nb::arg("mass_self") = false,
           nb::arg("mass_previous") = false, nb::arg("query_labels") = nb::none(),
           nb::arg("key_labels") = nb::none(), nb::arg("row_statistics") = false,
           nb::arg("on_tile") = nb::none(), nb::arg("on_weights") = nb::none(),
           nb::sig(
               "def __init__(self, *, heads: collections.abc.Sequence[int] = (), top_weights: "
               "int = 0, entropy: bool = False, received: bool = False, pooled_map: bool | "
               "tuple[int, int] = False, distance: bool = False, rows: "
               "collections.abc.Sequence[int] = (), columns: collections.abc.Sequence[int] = "
               "(), mass_first: int = 0, mass_self: bool = False, mass_previous: bool = False, "
               "query_labels: object | None = None, key_labels: object | None = None, "
               "row_statistics: bool = False, on_tile: collections.abc.Callable[[Tile], object] | "
               "None = None, on_weights: collections.abc.Callable[[Tile], object] | None = "
               "None) -> None"),
           kObserveText)
      .def("__repr__", &representation);
}

}  // namespace fovea::bind
