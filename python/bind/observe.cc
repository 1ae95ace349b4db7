// What to observe, as Python says it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>

#include "bind/attended.h"
#include "bind/callbacks.h"
#include "bind/scalars.h"
#include "fovea/core/printable.h"

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
  const auto add_callback = [&](const char* name, const nb::object& callback) {
    if (callback.is_none()) return;
    const nb::object its_name = nb::getattr(callback, "__name__", nb::repr(callback));
    add(name, printable(nb::cast<std::string>(nb::str(its_name))));
  };
  add_callback("on_tile", request.callbacks.on_tile);
  add_callback("on_weights", request.callbacks.on_weights);
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
  made->callbacks = callbacks_of(on_tile, on_weights);
  new (self) ObserveRequest(std::move(*made));
}

// A callback may hold what holds its Observe: a method of an object that has both.
int visit_callbacks(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const Callbacks& callbacks = nb::inst_ptr<ObserveRequest>(self)->callbacks;
  Py_VISIT(callbacks.on_tile.ptr());
  Py_VISIT(callbacks.on_weights.ptr());
  return 0;
}

int clear_callbacks(PyObject* self) {
  nb::inst_ptr<ObserveRequest>(self)->callbacks = {};
  return 0;
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
                  of its rows were seen. A call shows one at a time, from any thread; of one row by rising keys; what is
                  hidden as a whole is left out. What they raise ends the call and comes out of attend. Not for float64, which is
                  computed by the textbook.

Raises TypeError and ValueError; what contradicts the question is refused by attend.)";

}  // namespace

void bind_observe(nb::module_& module) {
  bind_tile(module);
  static PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&visit_callbacks)},
                                {Py_tp_clear, reinterpret_cast<void*>(&clear_callbacks)},
                                {0, nullptr}};
  nb::class_<ObserveRequest>(
      module, "Observe", nb::type_slots(slots),
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
