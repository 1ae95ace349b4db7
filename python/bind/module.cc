// The extension module: it only converts and forwards.
#include <nanobind/nanobind.h>

#include "bind/errors.h"
#include "bind/layers.h"
#include "bind/running.h"

namespace {

// What calls share is guarded by the GIL. A free-threaded interpreter switches it on for this module, unless it was told
// not to.
void require_gil() {
  namespace nb = nanobind;
  const nb::object is_enabled =
      nb::getattr(nb::module_::import_("sys"), "_is_gil_enabled", nb::none());
  if (is_enabled.is_none() || nb::cast<bool>(is_enabled())) return;
  throw nb::import_error("fovea needs the GIL; start Python without PYTHON_GIL=0 and -X gil=0");
}

}  // namespace

NB_MODULE(_fovea, module) {
  namespace bind = fovea::bind;
  require_gil();
  bind::bind_errors();
  bind::bind_running(module);
  bind::bind_core(module);
  bind::bind_observe(module);
  bind::bind_engine(module);
  bind::bind_attention(module);
  bind::bind_insight(module);
  bind::bind_nn(module);
  bind::bind_lesson(module);
  bind::bind_report(module);
  module.attr("version") = FOVEA_VERSION;
}
