// The explanation of a model that someone else runs, and its page.
#include <fmt/format.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bind/layers.h"
#include "fovea/report/explainer.h"
#include "fovea/report/page.h"

namespace fovea::bind {
namespace {

using Names = std::vector<std::pair<std::int64_t, std::int64_t>>;  // layer, head
using Guesses = std::vector<std::tuple<std::int32_t, std::string, double>>;
// id, text, piece, first byte, bytes
using Tokens =
    std::vector<std::tuple<std::int32_t, std::string, std::string, std::int64_t, std::int64_t>>;

std::string text_at(const nb::dict& facts, const char* name) {
  return nb::cast<std::string>(facts[name]);
}
std::int64_t number_at(const nb::dict& facts, const char* name) {
  return nb::cast<std::int64_t>(facts[name]);
}

models::ModelFacts facts_of(const nb::dict& facts) {
  models::ModelFacts made{.family = text_at(facts, "family"),
                          .name = text_at(facts, "name"),
                          .origin = text_at(facts, "origin"),
                          .layers = number_at(facts, "layers"),
                          .query_heads = number_at(facts, "query_heads"),
                          .key_heads = number_at(facts, "key_heads"),
                          .head_size = number_at(facts, "head_size"),
                          .hidden_size = number_at(facts, "hidden_size"),
                          .vocabulary = number_at(facts, "vocabulary"),
                          .context_length = number_at(facts, "context_length"),
                          .parameters = number_at(facts, "parameters"),
                          .is_causal = nb::cast<bool>(facts["is_causal"]),
                          .has_logits = nb::cast<bool>(facts["has_logits"])};
  made.weights = text_at(facts, "weights");
  return made;
}

std::vector<report::ExplainedToken> tokens_of(Tokens tokens) {
  std::vector<report::ExplainedToken> made;
  for (auto& [id, text, piece, first, count] : tokens) {
    made.push_back({.id = id,
                    .text = std::move(text),
                    .piece = std::move(piece),
                    .first_byte = first,
                    .byte_count = count});
  }
  return made;
}

std::vector<report::HeadName> heads_of(const Names& names) {
  std::vector<report::HeadName> heads;
  for (const auto& [layer, head] : names) heads.push_back({.layer = layer, .head = head});
  return heads;
}

std::vector<report::Guess> guesses_of(Guesses guesses) {
  std::vector<report::Guess> made;
  for (auto& [id, text, probability] : guesses)
    made.push_back({.id = id, .text = std::move(text), .probability = probability});
  return made;
}

report::KeepOptions keep_of(std::int64_t most_bytes, const Names& first) {
  report::KeepOptions keep = report::keep_for({.most_bytes = most_bytes});
  keep.first = heads_of(first);
  return keep;
}

void make(report::Explainer* self, const nb::dict& facts, Tokens tokens, const Names& only_heads,
          const Names& first_heads, std::int64_t most_bytes) {
  new (self) report::Explainer(
      facts_of(facts), tokens_of(std::move(tokens)),
      {.only_heads = heads_of(only_heads), .keep = keep_of(most_bytes, first_heads)});
}

std::shared_ptr<Question> question_of(nb::handle query, nb::handle key, nb::handle value,
                                      const nb::dict& modifiers) {
  const auto at = [&](const char* name) -> nb::handle {
    return modifiers.contains(name) ? nb::handle(modifiers[name]) : nb::handle(Py_None);
  };
  const nb::handle causal = at("causal").is_none() ? nb::handle(Py_False) : at("causal");
  return std::make_shared<Question>(
      query, key, value,
      ModifierArguments{at("scale"), at("softcap"), at("bias"), at("keep"), causal, at("window"),
                        at("diagonal"), at("alibi"), at("sinks"), at("key_lengths")});
}

// How a layer made its query and key, as far as that is known.
struct Making {
  ArrayArgument input;
  std::optional<models::RopeFacts> rope;
};

// of: input (an array, or None) and rope (layout, base, angles; or None).
std::shared_ptr<Making> making_of(const nb::dict& of) {
  auto making = std::make_shared<Making>();
  if (!of["input"].is_none()) making->input.look(of["input"], "explain: input");
  check_floating(making->input, "explain: input");
  if (of["rope"].is_none()) return making;
  auto [layout, base, angles] =
      nb::cast<std::tuple<std::string, double, std::vector<double>>>(of["rope"]);
  making->rope = {
      .layout = layout == "interleaved" ? nn::RopeLayout::interleaved : nn::RopeLayout::half_split,
      .base = base,
      .angles = std::move(angles)};
  return making;
}

// Asks attend with what the explainer wants to see, and shows it the answer. Returns the output.
nb::object attend_layer(report::Explainer& self, std::int64_t layer, nb::handle query,
                        nb::handle key, nb::handle value, const nb::dict& modifiers,
                        const nb::dict& made, nb::handle threads) {
  const auto question = question_of(query, key, value, modifiers);
  const auto making = making_of(made);
  const int at_most = threads_of(threads);
  const auto answer = std::make_shared<Attended>();
  run_released(question->length(), [&](std::stop_token stop) {
    *answer = attend(question->attention(), self.observe(layer),
                     {.threads = at_most, .stop = std::move(stop)});
    self.take({.layer = layer,
               .question = question->attention(),
               .answer = *answer,
               .input = making->input.view(),
               .rope = making->rope ? &*making->rope : nullptr});
  });
  return to_array(answer->output, answer, question->kind());
}

// Whose copy would be one of tensors that have none.
struct HeldExplanation {
  std::unique_ptr<report::Explanation> explanation;
};

// Weights are arrays [head_size, size of the input] f32; biases empty without.
using Projection = std::tuple<nb::object, nb::object, std::vector<float>, std::vector<float>>;

Tensor copy_of(nb::handle weight) {
  ArrayArgument argument;
  argument.look(weight, "explain: weight");
  return Tensor::copy_of(argument.view());
}

models::HeadProjection projection_of(Projection made) {
  auto& [query_weight, key_weight, query_bias, key_bias] = made;
  return {.query_weight = copy_of(query_weight),
          .key_weight = copy_of(key_weight),
          .query_bias = std::move(query_bias),
          .key_bias = std::move(key_bias)};
}

void keep_projections(HeldExplanation& self, const nb::callable& of, std::int64_t most_bytes) {
  report::keep_projections(
      [&](const report::HeadName& name) {
        return std::optional(projection_of(nb::cast<Projection>(of(name.layer, name.head))));
      },
      report::keep_for({.most_bytes = most_bytes}), self.explanation->kept);
}

HeldExplanation finish(report::Explainer& self, std::string text, Guesses guesses,
                       std::vector<Guesses> row_guesses, std::vector<float> sentence_vector) {
  auto explanation = std::make_unique<report::Explanation>(self.finish(std::move(text)));
  explanation->guesses = guesses_of(std::move(guesses));
  for (Guesses& row : row_guesses) explanation->row_guesses.push_back(guesses_of(std::move(row)));
  explanation->sentence_vector = std::move(sentence_vector);
  return {std::move(explanation)};
}

std::string json(const HeldExplanation& self) {
  return explanation_json(*self.explanation);
}

std::pair<std::string, std::string> page(const HeldExplanation& self, std::int64_t most_bytes) {
  report::Page made;
  run_released(Length::short_, [&](std::stop_token) {
    made = report::explanation_page(*self.explanation, {.most_bytes = most_bytes});
  });
  std::string line = describe(made, "most_bytes=0");
  return {std::move(made.html), std::move(line)};
}

}  // namespace

void bind_report(nb::module_& module) {
  nb::class_<report::Explainer>(
      module, "Explainer", "Gathers an explanation from a model's layers as they pass, in order.")
      .def("__init__", &make, nb::arg("facts"), nb::arg("tokens"), nb::arg("only_heads"),
           nb::arg("first_heads"), nb::arg("most_bytes"),
           nb::sig("def __init__(self, facts: dict[str, Any], tokens: list[tuple[int, str, str, "
                   "int, int]], "
                   "only_heads: list[tuple[int, int]], first_heads: list[tuple[int, int]], "
                   "most_bytes: int) -> None"))
      .def("attend", &attend_layer, nb::arg("layer"), nb::arg("query"), nb::arg("key"),
           nb::arg("value"), nb::arg("modifiers"), nb::arg("made"), nb::arg("threads"),
           nb::sig("def attend(self, layer: int, query: Any, key: Any, value: Any, modifiers: "
                   "dict[str, Any], made: dict[str, Any], "
                   "threads: int | None) -> Any"),
           "Computes a layer's output, watched. made: input, an array [tokens, hidden_size] or "
           "None; rope, (layout, base, angles) or None: as far as they say how query and key were "
           "made.")
      .def("finish", &finish, nb::arg("text"), nb::arg("guesses"), nb::arg("row_guesses"),
           nb::arg("sentence_vector"), "Ends it.");
  nb::class_<HeldExplanation>(module, "ExplanationData",
                              "What a model's attention did with a text.")
      .def("keep_projections", &keep_projections, nb::arg("of"), nb::arg("most_bytes"),
           nb::sig("def keep_projections(self, of: Any, most_bytes: int) -> None"),
           "Adds the matrices of kept heads whose input was kept: of(layer, head) gives query and "
           "key weight, arrays [head_size, hidden_size] of float32, and their biases, lists that "
           "are empty without.")
      .def("json", &json, "As `fovea explain --json` writes it.")
      .def("page", &page, nb::arg("most_bytes"),
           "The page's HTML, and a line on what fitted; most_bytes 0: no limit.");
  module.def(
      "most_page_bytes", &report::most_page_bytes, nb::arg("tokens"),
      "How large the page of a text of so many tokens may be unless all heads are asked for.");
}

}  // namespace fovea::bind
