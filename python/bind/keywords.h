// The keyword arguments that every question takes, in the one order in which functions have them.
#pragma once

#include <nanobind/nanobind.h>

#include <tuple>

namespace fovea::bind {

/// For `def`, by std::apply; before them come the function's positional arguments, after them its
/// own keywords.
inline auto question_keywords() {
  namespace nb = nanobind;
  return std::make_tuple(nb::kw_only(), nb::arg("scale") = nb::none(),
                         nb::arg("softcap") = nb::none(), nb::arg("bias") = nb::none(),
                         nb::arg("keep") = nb::none(), nb::arg("causal").none() = false,
                         nb::arg("window") = nb::none(), nb::arg("diagonal") = nb::none(),
                         nb::arg("alibi") = nb::none(), nb::arg("sinks") = nb::none(),
                         nb::arg("key_lengths") = nb::none(), nb::arg("observe") = nb::none());
}

/// The same, as a signature for stubs says it.
inline constexpr const char* kQuestionTypes =
    "scale: float | None = None, softcap: float | None = None, bias: typing.Any = None, "
    "keep: typing.Any = None, causal: bool = False, window: tuple[int | None, int | None] | None = "
    "None, diagonal: typing.Literal['bottom_right', 'top_left'] | int | None = None, "
    "alibi: typing.Any = None, sinks: typing.Any = None, key_lengths: typing.Any = None, "
    "observe: Observe | None = None";

}  // namespace fovea::bind
