// Random numbers as torch draws them, and what the machine has.
#include <nanobind/stl/string.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bind/generator.h"
#include "bind/layers.h"
#include "bind/scalars.h"
#include "fovea/core/cpu.h"
#include "fovea/core/parallel.h"
#include "fovea/core/printable.h"
#include "fovea/nn/linear.h"

namespace fovea::bind {

Generator& default_generator() {
  static Generator generator;
  return generator;
}

namespace {

Shape shape_of(nb::args sizes) {
  nb::handle given = sizes;
  if (sizes.size() == 1 && !nb::isinstance<nb::int_>(sizes[0]))
    given = sizes[0];  // rand((2, 3)) is rand(2, 3)
  std::vector<std::int64_t> numbers;
  for (const nb::handle size : nb::borrow(given))
    numbers.push_back(integer_of(size, "random: a size"));
  return Shape(std::span<const std::int64_t>(numbers));
}

// torch takes any 64 bits, signed or not.
void manual_seed(nb::handle seed) {
  const nb::object index = nb::steal(PyNumber_Index(seed.ptr()));
  if (!index.is_valid()) throw nb::python_error();
  int overflow = 0;
  const long long small = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow == 0) return default_generator().manual_seed(static_cast<std::uint64_t>(small));
  const unsigned long long large = PyLong_AsUnsignedLongLong(index.ptr());
  if (PyErr_Occurred() != nullptr) throw nb::python_error();
  default_generator().manual_seed(large);
}

nb::object linear(std::int64_t in_features, std::int64_t out_features, bool bias) {
  const nn::Linear layer(in_features, out_features, bias ? nn::Bias::yes : nn::Bias::no,
                         default_generator());
  return nb::make_tuple(to_array(Tensor::copy_of(layer.weight()), {}),
                        bias ? to_array(Tensor::copy_of(layer.bias()), {}) : nb::none());
}

nb::dict cpu_info() {
  nb::dict info;
  info["cores"] = usable_cores();
  info["threads"] = default_threads();
  return info;
}

}  // namespace

void bind_core(nb::module_& module) {
  module.def("cpu_info", &cpu_info, nb::sig("def cpu_info() -> dict[str, int]"),
             "Cores that this process may use, and threads that a call uses unless told.");
  module.def(
      "printable", [](const std::string& text) { return printable(text); }, nb::arg("text"),
      nb::sig("def printable(text: str) -> str"),
      "The text with everything escaped that a terminal would act on or a reader would not see.");
  module.def("manual_seed", &manual_seed, nb::arg("seed"),
             nb::sig("def manual_seed(seed: int) -> None"),
             "Starts the numbers anew, as torch.manual_seed does.");
  module.def(
      "rand",
      [](nb::args sizes) { return to_array(rand(shape_of(sizes), default_generator()), {}); },
      nb::arg("sizes"), nb::sig("def rand(*sizes: int) -> numpy.typing.NDArray[typing.Any]"),
      "torch.rand(*sizes) as a numpy array: float32 in [0, 1).");
  module.def(
      "randn",
      [](nb::args sizes) { return to_array(randn(shape_of(sizes), default_generator()), {}); },
      nb::arg("sizes"), nb::sig("def randn(*sizes: int) -> numpy.typing.NDArray[typing.Any]"),
      "torch.randn(*sizes) as a numpy array: float32, within 3 ulp of torch.");
  module.def("linear", &linear, nb::arg("in_features"), nb::arg("out_features"), nb::kw_only(),
             nb::arg("bias") = true,
             nb::sig("def linear(in_features: int, out_features: int, *, bias: bool = True) -> "
                     "tuple[numpy.typing.NDArray[typing.Any], numpy.typing.NDArray[typing.Any] | "
                     "None]"),
             "What torch.nn.Linear(in_features, out_features, bias) draws: weight [out, in] and "
             "bias [out] or None.");
}

}  // namespace fovea::bind
