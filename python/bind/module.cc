// The extension module: it only converts and forwards.
#include <nanobind/nanobind.h>

#include "bind/errors.h"
#include "bind/layers.h"
#include "bind/running.h"

NB_MODULE(_fovea, module) {
  namespace bind = fovea::bind;
  bind::bind_errors();
  bind::bind_running(module);
  bind::bind_observe(module);
  bind::bind_engine(module);
}
