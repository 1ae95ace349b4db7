// The notebooks' modules by their names, on arrays.
#include <nanobind/stl/string.h>

#include <utility>

#include "bind/generator.h"
#include "bind/layers.h"
#include "fovea/nn/causal_attention.h"
#include "fovea/nn/embedding.h"
#include "fovea/nn/feed_forward.h"
#include "fovea/nn/layer_norm.h"
#include "fovea/nn/linear.h"
#include "fovea/nn/multi_head_attention.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"

// Its std::vector of modules says that it can be copied, and they cannot.
template <>
struct nanobind::detail::is_copy_constructible<fovea::nn::MultiHeadAttentionWrapper>
    : std::false_type {};

namespace fovea::bind {
namespace {

nn::Bias bias_of(bool has_bias) {
  return has_bias ? nn::Bias::yes : nn::Bias::no;
}

nb::object numpy_copy(const TensorView& view) {
  if (!view.given()) return nb::none();
  return to_array(Tensor::copy_of(view), {});
}

// What a module makes of an array, as an array of the same kind.
template <typename Module>
nb::object call(const Module& self, nb::handle x) {
  ArrayArgument input;
  input.look(x, "nn: x");
  Tensor result;
  run_released(Length::short_, [&](std::stop_token) { result = self.forward(input.view()); });
  return to_array(std::move(result), input.kind());
}

// Steps as a dict of arrays: query, key, value, scores, weights, context.
template <typename Module>
nb::dict steps(const Module& self, nb::handle x) {
  ArrayArgument input;
  input.look(x, "nn: x");
  nn::AttentionSteps made = self.steps(input.view());
  nb::dict out;
  out["query"] = to_array(std::move(made.query), input.kind());
  out["key"] = to_array(std::move(made.key), input.kind());
  out["value"] = to_array(std::move(made.value), input.kind());
  out["scores"] = to_array(std::move(made.scores), input.kind());
  out["weights"] = to_array(std::move(made.weights), input.kind());
  out["context"] = to_array(std::move(made.context), input.kind());
  return out;
}

constexpr const char* kCall =
    "Context vectors [..., tokens, d_out] of x [..., tokens, d_in], float32, without dropout. "
    "Raises ValueError for another size, TypeError for what is no array.";
constexpr const char* kSteps =
    "The same with all that leads to it: a dict of query, key, value [..., tokens, size], scores, "
    "weights [..., tokens, tokens] and context.";

template <typename Class>
Class& with_call(Class& bound, const char* text) {
  using Module = typename Class::Type;
  bound.def("__call__", &call<Module>, nb::arg("x"),
            nb::sig("def __call__(self, x: typing.Any) -> typing.Any"), text);
  return bound;
}

template <typename Class>
Class& with_steps(Class& bound) {
  using Module = typename Class::Type;
  with_call(bound, kCall)
      .def("steps", &steps<Module>, nb::arg("x"),
           nb::sig("def steps(self, x: typing.Any) -> dict[str, typing.Any]"), kSteps);
  return bound;
}

void bind_linear(nb::module_& module) {
  auto linear = nb::class_<nn::Linear>(
      module, "Linear", "torch.nn.Linear: x · weightᵀ + bias, drawn as torch draws it.");
  linear.def(
      "__init__",
      [](nn::Linear* self, std::int64_t in, std::int64_t out, bool bias) {
        new (self) nn::Linear(in, out, bias_of(bias), default_generator());
      },
      nb::arg("in_features"), nb::arg("out_features"), nb::arg("bias") = true);
  with_call(linear, "[..., out_features] of x [..., in_features], float32.");
  linear
      .def_prop_ro(
          "weight", [](const nn::Linear& self) { return numpy_copy(self.weight()); },
          "[out_features, in_features], a copy.")
      .def_prop_ro(
          "bias", [](const nn::Linear& self) { return numpy_copy(self.bias()); },
          "[out_features], a copy, or None.")
      .def(
          "set_weight",
          [](nn::Linear& self, nb::handle weight) {
            ArrayArgument given;
            given.look(weight, "nn.Linear: weight");
            self.set_weight(given.view());
          },
          nb::arg("weight"), nb::sig("def set_weight(self, weight: typing.Any) -> None"),
          "Copies another weight in.")
      .def("__repr__", &nn::Linear::repr);

  auto embedding = nb::class_<nn::Embedding>(module, "Embedding",
                                             "torch.nn.Embedding, drawn as torch draws it.");
  embedding.def(
      "__init__",
      [](nn::Embedding* self, std::int64_t entries, std::int64_t size) {
        new (self) nn::Embedding(entries, size, default_generator());
      },
      nb::arg("entries"), nb::arg("size"));
  with_call(embedding, "[..., size]: the row of each id of x [...], int32 or int64.");
  embedding
      .def_prop_ro(
          "weight", [](const nn::Embedding& self) { return numpy_copy(self.weight()); },
          "[entries, size], a copy.")
      .def("__repr__", &nn::Embedding::repr);

  auto norm =
      nb::class_<nn::LayerNorm>(module, "LayerNorm", "torch.nn.LayerNorm over the last axis.");
  norm.def(nb::init<std::int64_t, double>(), nb::arg("size"), nb::arg("epsilon") = 1e-5);
  with_call(norm, "The shape of x [..., size], float32.");

  auto feed_forward = nb::class_<nn::FeedForward>(
      module, "FeedForward", "Linear to 4 times the size, GELU (tanh form), Linear back.");
  feed_forward.def(
      "__init__",
      [](nn::FeedForward* self, std::int64_t size) {
        new (self) nn::FeedForward(size, default_generator());
      },
      nb::arg("size"));
  with_call(feed_forward, "[..., size] of x [..., size], float32.");
}

void bind_self_attention(nb::module_& module) {
  using Plain = nn::TinySelfAttentionQKV;
  using Layers = nn::TinySelfAttentionQKVLinear;
  auto plain = nb::class_<Plain>(module, "TinySelfAttentionQKV",
                                 "Self-attention with weight matrices [d_in, d_out] from rand.");
  plain.def(
      "__init__",
      [](Plain* self, std::int64_t d_in, std::int64_t d_out) {
        new (self) Plain(d_in, d_out, default_generator());
      },
      nb::arg("d_in"), nb::arg("d_out"));
  with_steps(plain)
      .def_prop_ro(
          "W_query", [](const Plain& self) { return numpy_copy(self.query_weight()); },
          "[d_in, d_out], a copy.")
      .def_prop_ro("W_key", [](const Plain& self) { return numpy_copy(self.key_weight()); })
      .def_prop_ro("W_value", [](const Plain& self) { return numpy_copy(self.value_weight()); });

  auto layers = nb::class_<Layers>(module, "TinySelfAttentionQKVLinear",
                                   "Self-attention with linear layers.");
  layers.def(
      "__init__",
      [](Layers* self, std::int64_t d_in, std::int64_t d_out, bool bias) {
        new (self) Layers(d_in, d_out, default_generator(), bias_of(bias));
      },
      nb::arg("d_in"), nb::arg("d_out"), nb::arg("qkv_bias") = false);
  with_steps(layers)
      .def_prop_ro("W_query", &Layers::query, nb::rv_policy::reference_internal)
      .def_prop_ro("W_key", &Layers::key, nb::rv_policy::reference_internal)
      .def_prop_ro("W_value", &Layers::value, nb::rv_policy::reference_internal);
  plain.def("set_weights", &Plain::set_weights, nb::arg("other"),
            "Takes over the other module's weights, transposed: both then give the same vectors.");
}

nn::CausalAttentionOptions options_of(std::int64_t d_in, std::int64_t d_out,
                                      std::int64_t context_length, double dropout, bool qkv_bias) {
  return {.d_in = d_in,
          .d_out = d_out,
          .context_length = context_length,
          .dropout = dropout,
          .qkv_bias = bias_of(qkv_bias)};
}

void bind_heads(nb::module_& module) {
  using Causal = nn::CausalAttention;
  using Wrapper = nn::MultiHeadAttentionWrapper;
  using Heads = nn::MultiHeadAttention;
  auto causal = nb::class_<Causal>(
      module, "CausalAttention", "Linear layers and attention in which no token sees a later one.");
  causal.def(
      "__init__",
      [](Causal* self, std::int64_t d_in, std::int64_t d_out, std::int64_t context_length,
         double dropout, bool bias) {
        new (self)
            Causal(options_of(d_in, d_out, context_length, dropout, bias), default_generator());
      },
      nb::arg("d_in"), nb::arg("d_out"), nb::arg("context_length"), nb::arg("dropout") = 0.0,
      nb::arg("qkv_bias") = false);
  with_steps(causal)
      .def_prop_ro("W_query", &Causal::query, nb::rv_policy::reference_internal)
      .def_prop_ro("W_key", &Causal::key, nb::rv_policy::reference_internal)
      .def_prop_ro("W_value", &Causal::value, nb::rv_policy::reference_internal);

  auto wrapper = nb::class_<Wrapper>(
      module, "MultiHeadAttentionWrapper",
      "Whole CausalAttention modules side by side: d_out is the size of one head.");
  wrapper.def(
      "__init__",
      [](Wrapper* self, std::int64_t d_in, std::int64_t d_out, std::int64_t context_length,
         double dropout, std::int64_t num_heads, bool bias) {
        new (self) Wrapper(options_of(d_in, d_out, context_length, dropout, bias), num_heads,
                           default_generator());
      },
      nb::arg("d_in"), nb::arg("d_out"), nb::arg("context_length"), nb::arg("dropout"),
      nb::arg("num_heads"), nb::arg("qkv_bias") = false);
  with_call(wrapper,
            "[..., tokens, num_heads · d_out] of x [..., tokens, d_in], float32, without dropout.");

  auto heads = nb::class_<Heads>(
      module, "MultiHeadAttention",
      "One projection split into heads, and an output projection: d_out is all heads together.");
  heads.def(
      "__init__",
      [](Heads* self, std::int64_t d_in, std::int64_t d_out, std::int64_t context_length,
         double dropout, std::int64_t num_heads, bool bias) {
        new (self) Heads(options_of(d_in, d_out, context_length, dropout, bias), num_heads,
                         default_generator());
      },
      nb::arg("d_in"), nb::arg("d_out"), nb::arg("context_length"), nb::arg("dropout"),
      nb::arg("num_heads"), nb::arg("qkv_bias") = false);
  with_steps(heads)
      .def_prop_ro("num_heads", &Heads::heads)
      .def_prop_ro("head_dim", &Heads::head_size)
      .def_prop_ro("W_query", &Heads::query, nb::rv_policy::reference_internal)
      .def_prop_ro("W_key", &Heads::key, nb::rv_policy::reference_internal)
      .def_prop_ro("W_value", &Heads::value, nb::rv_policy::reference_internal)
      .def_prop_ro("out_proj", &Heads::out_proj, nb::rv_policy::reference_internal)
      .def("parameter_count", &Heads::parameter_count);
}

template <Tensor (*function)(const TensorView&)>
nb::object of_one(nb::handle x) {
  ArrayArgument input;
  input.look(x, "nn: x");
  return to_array(function(input.view()), input.kind());
}

void bind_functions(nb::module_& module) {
  module.def("softmax", &of_one<nn::softmax>, nb::arg("x"),
             nb::sig("def softmax(x: typing.Any) -> typing.Any"),
             "exp(x - max x) / sum(exp(x - max x)) over the last axis, float32, in torch's order "
             "of operations.");
  module.def("naive_softmax", &of_one<nn::naive_softmax>, nb::arg("x"),
             nb::sig("def naive_softmax(x: typing.Any) -> typing.Any"),
             "exp(x) / sum(exp(x)): NaN as soon as a score exceeds 88.7.");
  module.def("normalise_by_sum", &of_one<nn::normalise_by_sum>, nb::arg("x"),
             nb::sig("def normalise_by_sum(x: typing.Any) -> typing.Any"),
             "x / sum(x): wrong as soon as a score is negative.");
  module.def("hide_future", &of_one<nn::hide_future>, nb::arg("x"),
             nb::sig("def hide_future(x: typing.Any) -> typing.Any"),
             "[..., n, m] scores with -inf above the diagonal.");
}

}  // namespace

void bind_nn(nb::module_& module) {
  bind_linear(module);
  bind_self_attention(module);
  bind_heads(module);
  bind_functions(module);
}

}  // namespace fovea::bind
