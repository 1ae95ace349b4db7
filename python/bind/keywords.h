// The keyword arguments that every question takes, in the one order in which functions have them.
#pragma once

#include <nanobind/nanobind.h>

/// For `def`: after it come those of the function's own.
#define FOVEA_BIND_MODIFIERS                                                                            \
  nanobind::kw_only(), nanobind::arg("scale") = nanobind::none(),                                       \
      nanobind::arg("softcap") = nanobind::none(), nanobind::arg("bias") = nanobind::none(),            \
      nanobind::arg("keep") = nanobind::none(), nanobind::arg("causal") = false,                        \
      nanobind::arg("window") = nanobind::none(), nanobind::arg("diagonal") = nanobind::none(),         \
      nanobind::arg("alibi") = nanobind::none(), nanobind::arg("sinks") = nanobind::none(),             \
      nanobind::arg("key_lengths") = nanobind::none(), nanobind::arg("observe") = nanobind::none()

namespace fovea::bind {

/// The same, as a signature for stubs says it.
inline constexpr const char* kModifierTypes =
    "scale: float | None = None, softcap: float | None = None, bias: typing.Any = None, keep: typing.Any = None, "
    "causal: bool = False, window: tuple[int | None, int | None] | None = None, "
    "diagonal: typing.Literal['bottom_right', 'top_left'] | int | None = None, alibi: typing.Any = None, sinks: typing.Any = None, "
    "key_lengths: typing.Any = None, observe: Observe | None = None";

}  // namespace fovea::bind
