// The extension module: it only converts and forwards.
#include <nanobind/nanobind.h>

#include "bind/errors.h"
#include "bind/layers.h"
#include "bind/running.h"

NB_MODULE(_fovea, module) {
  namespace bind = fovea::bind;
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
