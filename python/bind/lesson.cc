// The notebooks' lessons, as data and as lines of text.
#include "fovea/lesson/lesson.h"

#include <fmt/format.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "bind/layers.h"
#include "fovea/report/lesson_json.h"
#include "fovea/report/terminal.h"

namespace fovea::bind {
namespace {

using Words = std::vector<std::string>;

lesson::LessonInputs inputs_of(const std::optional<Words>& words, nb::handle vectors) {
  if (vectors.is_none()) return words ? lesson::inputs_for_words(*words) : lesson::journey_inputs();
  ArrayArgument given;
  given.look(vectors, "walk: vectors");
  check_floating(given, "walk: vectors");
  const TensorView& view = given.view();
  if (view.rank() != 2) {
    throw nb::value_error(
        fmt::format("walk: vectors has shape {}; wanted [words, size]", to_string(view.shape()))
            .c_str());
  }
  lesson::LessonInputs inputs;
  inputs.vectors = Tensor::uninitialized(DType::f32, view.shape());
  auto next = inputs.vectors.values<float>().begin();
  for (std::int64_t i = 0; i < view.size(0); ++i) {
    for (std::int64_t j = 0; j < view.size(1); ++j)
      *next++ = static_cast<float>(view.number_at(i, j));
  }
  if (words) inputs.tokens = *words;
  for (std::int64_t i = 0; !words && i < view.size(0); ++i)
    inputs.tokens.push_back(fmt::format("x{}", i));
  inputs.query = inputs.tokens.size() > 1 ? 1 : 0;
  return inputs;
}

lesson::Lesson make(const std::string& name, const std::optional<Words>& words, nb::handle vectors,
                    std::optional<std::int64_t> query, std::optional<std::int64_t> seed,
                    std::int64_t d_out, std::int64_t heads, int digits) {
  lesson::LessonInputs inputs = inputs_of(words, vectors);
  if (query) inputs.query = *query;
  if (seed) inputs.seed = static_cast<std::uint64_t>(*seed);
  inputs.d_out = d_out;
  inputs.heads = heads;
  inputs.digits = digits;
  return lesson::make_lesson(name, inputs);
}

std::string text_of(const lesson::Lesson& lesson, int columns, bool colour, bool unicode) {
  return report::terminal_view(
      lesson, {.columns = std::max(columns, 40), .colour = colour, .unicode = unicode});
}

nb::dict list() {
  nb::dict out;
  for (const lesson::LessonInfo& info : lesson::list_lessons())
    out[nb::str(info.id.data(), info.id.size())] = nb::str(info.title.data(), info.title.size());
  return out;
}

}  // namespace

void bind_lesson(nb::module_& module) {
  nb::class_<lesson::Lesson>(module, "LessonData", "A lesson's steps: fovea.walk makes them.")
      .def_ro("title", &lesson::Lesson::title)
      .def("json",
           [](const lesson::Lesson& self) { return report::lessons_to_json(std::span(&self, 1)); })
      .def("text", &text_of, nb::kw_only(), nb::arg("columns") = 80, nb::arg("colour") = false,
           nb::arg("unicode") = true);
  module.def("make_lesson", &make, nb::arg("name"), nb::kw_only(), nb::arg("words") = nb::none(),
             nb::arg("vectors") = nb::none(), nb::arg("query") = nb::none(),
             nb::arg("seed") = nb::none(), nb::arg("d_out") = 2, nb::arg("heads") = 2,
             nb::arg("digits") = 4,
             nb::sig("def make_lesson(name: str, *, words: collections.abc.Sequence[str] | None = "
                     "None, vectors: typing.Any = None, query: int | None = None, seed: int | "
                     "None = None, d_out: int = 2, heads: int = 2, digits: int = 4) -> "
                     "LessonData"));
  module.def("list_lessons", &list, nb::sig("def list_lessons() -> dict[str, str]"),
             "Names and titles of the lessons, in the order in which they build on each other.");
}

}  // namespace fovea::bind
