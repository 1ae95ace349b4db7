// What to observe, as Python says it.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/attended.h"

namespace fovea::bind {
namespace {

// `pooled_map`: True, or the cells' sizes in tokens (queries, keys).
void read_pooled_map(nb::handle object, Observe& observe) {
  if (nb::isinstance<nb::tuple>(object)) {
    if (nb::len(object) != 2)
      throw nb::value_error("observe: pooled_map is a tuple that is not (queries, keys)");
    observe.pooled_map = true;
    observe.pool_cells = {.queries = nb::cast<std::int64_t>(object[0]),
                          .keys = nb::cast<std::int64_t>(object[1])};
    return;
  }
  observe.pooled_map = nb::cast<bool>(object);
}

std::unique_ptr<ArrayArgument> labels_of(nb::handle object, const char* name, TensorView& view) {
  if (object.is_none()) return nullptr;
  auto labels = std::make_unique<ArrayArgument>();
  labels->look(object, name);
  view = labels->view();
  return labels;
}

using Indices = std::vector<std::int64_t>;

void make(ObserveRequest* self, Indices heads, std::int64_t top_weights, bool entropy,
          bool received, nb::handle pooled_map, bool distance, Indices rows, Indices columns,
          std::int64_t mass_first, bool mass_self, bool mass_previous, nb::handle query_labels,
          nb::handle key_labels, bool row_statistics) {
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
  new (self) ObserveRequest(std::move(*made));
}

}  // namespace

void bind_observe(nb::module_& module) {
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
           nb::sig("def __init__(self, *, heads: collections.abc.Sequence[int] = (), top_weights: "
                   "int = 0, entropy: bool = False, received: bool = False, pooled_map: bool | "
                   "tuple[int, int] = False, distance: bool = False, rows: "
                   "collections.abc.Sequence[int] = (), columns: collections.abc.Sequence[int] = "
                   "(), mass_first: int = 0, mass_self: bool = False, mass_previous: bool = False, "
                   "query_labels: object | None = None, key_labels: object | None = None, "
                   "row_statistics: bool = False) -> None"));
}

}  // namespace fovea::bind
