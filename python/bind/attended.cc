// The answer as Python sees it.
#include "bind/attended.h"

#include <fmt/format.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace fovea::bind {
namespace {

constexpr auto any_mass = [](const Observe& o) {
  return o.mass_first > 0 || o.mass_self || o.mass_previous || o.query_labels.given();
};

const ObservedName kNames[] = {
    {"top_weights", &Observed::top_weights, [](const Observe& o) { return o.top_weights > 0; }},
    {"top_indices", &Observed::top_indices, [](const Observe& o) { return o.top_weights > 0; }},
    {"entropy", &Observed::entropy, [](const Observe& o) { return o.entropy; }},
    {"received", &Observed::received, [](const Observe& o) { return o.received; }},
    {"pooled_map", &Observed::pooled_map, [](const Observe& o) { return o.pooled_map; }},
    {"distance", &Observed::distance, [](const Observe& o) { return o.distance; }},
    {"rows", &Observed::rows, [](const Observe& o) { return !o.rows.empty(); }},
    {"columns", &Observed::columns, [](const Observe& o) { return !o.columns.empty(); }},
    {"mass_first", &Observed::mass_first, [](const Observe& o) { return o.mass_first > 0; }},
    {"mass_self", &Observed::mass_self, [](const Observe& o) { return o.mass_self; }},
    {"mass_previous", &Observed::mass_previous, [](const Observe& o) { return o.mass_previous; }},
    {"mass_match", &Observed::mass_match, [](const Observe& o) { return o.query_labels.given(); }},
    {"mass_sink", &Observed::mass_sink, any_mass},
    {"log2_max", &Observed::log2_max, [](const Observe& o) { return o.row_statistics; }},
    {"row_sum", &Observed::row_sum, [](const Observe& o) { return o.row_statistics; }},
};

nb::object explained(const Plan& plan) {
  nb::dict out;
  out["implementation"] = plan.implementation;
  out["target"] = plan.target;
  out["threads"] = plan.threads;
  out["query_block"] = plan.query_block;
  out["key_block"] = plan.key_block;
  out["scratch_bytes"] = plan.scratch_bytes;
  return out;
}

}  // namespace

std::vector<const ObservedName*> observed_names(const Observe& observe,
                                                const Attention& attention) {
  std::vector<const ObservedName*> names;
  for (const ObservedName& each : kNames) {
    if (each.tensor == &Observed::mass_sink && !attention.sinks.given()) continue;
    if (each.wanted(observe)) names.push_back(&each);
  }
  return names;
}

nb::object Answer::output() {
  if (!output_.is_valid()) output_ = array(attended_->output);
  return output_;
}

nb::object Answer::observed() {
  if (observed_object_.is_valid()) return observed_object_;
  nb::dict arrays;
  for (const ObservedName* each : observed_)
    arrays[each->name] = array(attended_->observed.*each->tensor);
  observed_object_ = nb::module_::import_("fovea._observed").attr("Observed")(arrays);
  return observed_object_;
}

void bind_attended(nb::module_& module) {
  nb::class_<Plan>(module, "Plan",
                   "What ran, or would run, for a call, and why nothing better did.")
      .def_ro("implementation", &Plan::implementation, "Its name in `fovea list implementations`.")
      .def_ro("target", &Plan::target,
              "The instruction set: \"AVX3\", \"AVX2\", ...; \"scalar\" for the reference.")
      .def_ro("threads", &Plan::threads)
      .def_ro("query_block", &Plan::query_block, "Rows that one task computes.")
      .def_ro("key_block", &Plan::key_block, "Keys that are folded in at a time.")
      .def_ro("scratch_bytes", &Plan::scratch_bytes,
              "Beyond inputs and outputs, all threads together.")
      .def("explain", &Plan::explain, "The above in sentences, a line each.")
      .def("__str__", &Plan::explain)
      .def("__repr__", [](const Plan& plan) {
        return nb::cast<std::string>(nb::str("fovea.Plan({})").attr("format")(explained(plan)));
      });

  nb::class_<Answer>(module, "Attended",
                     "The answer of attend. Arrays are of the query's kind; shapes follow its "
                     "rank: [batch, heads, queries, ...], [heads, queries, ...] or [queries, ...].")
      .def("__repr__",
           [](const Answer& a) {
             const Attended& answer = *a.attended();
             return fmt::format("fovea.Attended(rows {}, by {})",
                                to_string(answer.log_sum_exp.shape()), answer.plan.implementation);
           })
      .def_prop_ro("output", &Answer::output, nb::sig("def output(self, /) -> typing.Any"),
                   "[batch, query_heads, queries, value_size], of the query's type.")
      .def_prop_ro(
          "log_sum_exp", [](const Answer& a) { return a.array(a.attended()->log_sum_exp); },
          nb::sig("def log_sum_exp(self, /) -> typing.Any"),
          "[batch, query_heads, queries] float32, natural log, with scale, bias and sink in it; "
          "-inf = no key.")
      .def_prop_ro(
          "row_max", [](const Answer& a) { return a.array(a.attended()->row_max); },
          nb::sig("def row_max(self, /) -> typing.Any"),
          "[batch, query_heads, queries] float32: the largest score, natural units; -inf = no key.")
      .def_prop_ro(
          "row_sum", [](const Answer& a) { return a.array(a.attended()->row_sum); },
          nb::sig("def row_sum(self, /) -> typing.Any"),
          "[batch, query_heads, queries] float32: sum of exp(score - row_max), at least 1; 0 = no "
          "key.")
      .def_prop_ro(
          "empty_rows", [](const Answer& a) { return a.attended()->empty_rows; },
          "Rows without a visible key: their output is 0.")
      .def_prop_ro(
          "nan_rows", [](const Answer& a) { return a.attended()->observed.nan_rows; },
          "Rows that are NaN: totals over rows (received, pooled_map, distance) leave them out. "
          "Counted when something is observed.")
      .def_prop_ro(
          "plan", [](const Answer& a) { return a.attended()->plan; }, "What ran, and why.")
      .def_prop_ro("observed", &Answer::observed, nb::sig("def observed(self, /) -> typing.Any"),
                   "What the Observe asked for, by name: `answer.observed.entropy`, "
                   "`answer.observed[\"entropy\"]`.");
}

}  // namespace fovea::bind
