// Lens: any weight after the fact. Portraits: what kind of head it is.
#include <fmt/format.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "bind/layers.h"
#include "bind/scalars.h"
#include "fovea/insight/lens.h"
#include "fovea/insight/portrait.h"

namespace fovea::bind {
namespace {

// A Lens and all that it looks at.
struct HeldLens {
  std::shared_ptr<Question> question;
  Lens lens;
};

void make(HeldLens* self, const Answer& answer) {
  if (answer.question() == nullptr) {
    throw nb::value_error(
        "lens: the answer has no row statistics; attend(..., "
        "observe=fovea.Observe(row_statistics=True)) leaves them");
  }
  const auto lock = answer.question()->lock_cache();
  new (self) HeldLens{answer.question(), Lens(answer.question()->attention(), *answer.attended())};
}

// Runs `body` without the GIL and gives out the tensor that it returns.
template <typename F>
nb::object tensor_of(const HeldLens& self, double products, const F& body) {
  const auto lock = self.question->lock_cache();
  Tensor result;
  run_released(length_of(products), [&](std::stop_token) { result = body(); });
  return to_array(std::move(result), self.question->kind());
}

double head_size(const HeldLens& self) {
  const TensorView& query = self.question->attention().query;
  return static_cast<double>(query.size(query.rank() - 1));
}

IndexRange range_of(nb::handle object) {
  if (PyRange_Check(object.ptr()) == 0) {
    throw nb::type_error(
        fmt::format("lens: {} for queries or keys; wanted a range, as range(0, 8)", shown(object))
            .c_str());
  }
  const auto first = integer_of(object.attr("start"), "lens: a range's start");
  const auto end = integer_of(object.attr("stop"), "lens: a range's end");
  if (integer_of(object.attr("step"), "lens: a range's step") != 1 || end < first)
    throw nb::value_error("lens: a range of queries or keys rises by 1");
  return {.first = first, .count = end - first};
}

nb::object row(const HeldLens& self, std::int64_t head, std::int64_t query, std::int64_t batch) {
  return tensor_of(self, head_size(self) * static_cast<double>(self.lens.keys()),
                   [&] { return self.lens.row({.head = head, .batch = batch}, query); });
}

nb::object column(const HeldLens& self, std::int64_t head, std::int64_t key, std::int64_t batch) {
  return tensor_of(self, head_size(self) * static_cast<double>(self.lens.queries()),
                   [&] { return self.lens.column({.head = head, .batch = batch}, key); });
}

nb::object block(const HeldLens& self, std::int64_t head, nb::handle queries, nb::handle keys,
                 std::int64_t batch) {
  const IndexRange rows = range_of(queries);
  const IndexRange columns = range_of(keys);
  return tensor_of(
      self, head_size(self) * static_cast<double>(rows.count) * static_cast<double>(columns.count),
      [&] { return self.lens.block({.head = head, .batch = batch}, rows, columns); });
}

nb::object dense(const HeldLens& self, std::int64_t batch, bool any_size) {
  const Lens& lens = self.lens;
  return tensor_of(self, 1e10, [&] {
    return lens.dense(batch, any_size ? DenseLimit::none : DenseLimit::mib_256);
  });
}

std::vector<std::pair<std::int64_t, float>> top(const HeldLens& self, std::int64_t head,
                                                std::int64_t query, std::int64_t k,
                                                std::int64_t batch) {
  const auto lock = self.question->lock_cache();
  std::vector<std::pair<std::int64_t, float>> found;
  for (const KeyWeight& each : self.lens.top({.head = head, .batch = batch}, query, k))
    found.emplace_back(each.key, each.weight);
  return found;
}

float cell(const HeldLens& self, std::int64_t head, std::int64_t query, std::int64_t key,
           std::int64_t batch) {
  const auto lock = self.question->lock_cache();
  return self.lens.cell({.head = head, .batch = batch}, query, key);
}

std::vector<Portrait> lens_portraits(const HeldLens& self, nb::handle tokens) {
  ArrayArgument ids;
  ids.look(tokens, "portraits: tokens");
  const auto lock = self.question->lock_cache();
  std::vector<Portrait> result;
  run_released(self.question->length(), [&](std::stop_token stop) {
    result = portraits(self.question->attention(), ids.view(), {.stop = std::move(stop)});
  });
  return result;
}

nb::object mean_of(const RowMean& mean) {
  if (mean.rows == 0) return nb::none();
  return nb::float_(mean.mean);
}

template <RowMean Portrait::*member>
nb::object mean_at(const Portrait& portrait) {
  return mean_of(portrait.*member);
}

void bind_portrait(nb::module_& module) {
  const auto mean = nb::sig("def _(self, /) -> float | None");
  nb::class_<Portrait>(module, "Portrait",
                       "What kind of head it is, by mean weights over its rows; None = not "
                       "measured. Kinds are named where a number is above a stated threshold: no "
                       "label rather than a wrong one.")
      .def_ro("head", &Portrait::head)
      .def_prop_ro("labels",
                   [](const Portrait& p) {
                     std::vector<std::pair<std::string, double>> labels;
                     for (const HeadLabel& each : p.labels)
                       labels.emplace_back(each.name, each.number);
                     return labels;
                   })
      .def_prop_ro("previous", &mean_at<&Portrait::previous>, mean,
                   "Mean weight on the key before the row's own.")
      .def_prop_ro("own", &mean_at<&Portrait::self>, mean, "Mean weight on the row's own key.")
      .def_prop_ro("first", &mean_at<&Portrait::first>, mean, "Mean weight on key 0.")
      .def_prop_ro("sink", &mean_at<&Portrait::sink>, mean, "Mean weight on the sink.")
      .def_prop_ro("duplicate", &mean_at<&Portrait::duplicate>, mean,
                   "Mean weight on other keys with the row's token.")
      .def_prop_ro("induction", &mean_at<&Portrait::induction>, mean,
                   "Mean weight on keys that follow an earlier copy of the row's token.")
      .def_prop_ro("entropy", &mean_at<&Portrait::entropy>, mean, "Mean, in nats.")
      .def_prop_ro("breadth", &mean_at<&Portrait::breadth>, mean,
                   "Mean of entropy / ln(visible keys).")
      .def_ro("local_width", &Portrait::local_width,
              "Keys around its own that hold most of the weight; 0 = not measured.")
      .def("__str__", &describe)
      .def("__repr__", [](const Portrait& p) {
        return fmt::format("fovea.Portrait(head {}: {})", p.head, describe(p));
      });
}

}  // namespace

void bind_insight(nb::module_& module) {
  bind_portrait(module);
  nb::class_<HeldLens>(
      module, "Lens",
      "The weights of an answered question, computed when they are asked for: the bits that "
      "observers have. It keeps the question's arrays, which must not change, and two numbers a "
      "row.\n\n    answer = fovea.attend(q, k, v, observe=fovea.Observe(row_statistics=True))\n   "
      " fovea.Lens(answer).row(3, 17)  # what query 17 looks at in head 3\n\nRaises ValueError "
      "for what does not lie in the question, and for a head that was not observed.")
      .def("__init__", &make, nb::arg("answer"))
      .def("__repr__",
           [](const HeldLens& self) {
             const Lens& lens = self.lens;
             return fmt::format("fovea.Lens(batch {}, heads {}, queries {}, keys {})", lens.batch(),
                                lens.heads().size(), lens.queries(), lens.keys());
           })
      .def_prop_ro("batch", [](const HeldLens& self) { return self.lens.batch(); })
      .def_prop_ro("query_heads", [](const HeldLens& self) { return self.lens.query_heads(); })
      .def_prop_ro("queries", [](const HeldLens& self) { return self.lens.queries(); })
      .def_prop_ro("keys", [](const HeldLens& self) { return self.lens.keys(); })
      .def_prop_ro(
          "heads", [](const HeldLens& self) { return self.lens.heads(); },
          "Query heads that it can answer for.")
      .def("cell", &cell, nb::arg("head"), nb::arg("query"), nb::arg("key"), nb::kw_only(),
           nb::arg("batch") = 0, "One weight.")
      .def("row", &row, nb::arg("head"), nb::arg("query"), nb::kw_only(), nb::arg("batch") = 0,
           nb::sig("def row(self, head: int, query: int, *, batch: int = 0) -> typing.Any"),
           "What one query gives to all keys: [keys], float32.")
      .def("column", &column, nb::arg("head"), nb::arg("key"), nb::kw_only(), nb::arg("batch") = 0,
           nb::sig("def column(self, head: int, key: int, *, batch: int = 0) -> typing.Any"),
           "What one key gets from all queries: [queries], float32.")
      .def("top", &top, nb::arg("head"), nb::arg("query"), nb::arg("k"), nb::kw_only(),
           nb::arg("batch") = 0,
           "The k largest weights of a row as (key, weight), by falling weight; keys of weight 0 "
           "are left out.")
      .def("block", &block, nb::arg("head"), nb::arg("queries"), nb::arg("keys"), nb::kw_only(),
           nb::arg("batch") = 0,
           nb::sig("def block(self, head: int, queries: range, keys: range, *, batch: int = 0) -> "
                   "typing.Any"),
           "A part of the matrix: [queries, keys], float32.")
      .def("dense", &dense, nb::arg("batch") = 0, nb::kw_only(), nb::arg("any_size") = false,
           nb::sig("def dense(self, batch: int = 0, *, any_size: bool = False) -> typing.Any"),
           "All weights of a batch entry: [query_heads, queries, keys], float32. Raises "
           "NotImplementedError above 256 MiB unless any_size.")
      .def("portraits", &lens_portraits, nb::arg("tokens"),
           nb::sig("def portraits(self, tokens: typing.Any) -> list[Portrait]"),
           "What kind of head each is; tokens [keys] or [batch, keys] int32. Asks attend twice.");
}

}  // namespace fovea::bind
