// What each layer adds to the module, one file a layer.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "bind/attended.h"
#include "bind/question.h"

namespace fovea::bind {

/// How a question is to be answered, as Python says it. None = not given.
struct CallArguments {
  nb::handle observe;
  nb::handle out;
  nb::handle threads;
};

/// attend: releases the GIL while it works.
Answer ask(const std::shared_ptr<Question>& question, const CallArguments& call);

void bind_core(nb::module_& module);
void bind_attention(nb::module_& module);
void bind_engine(nb::module_& module);
void bind_insight(nb::module_& module);
void bind_nn(nb::module_& module);
void bind_lesson(nb::module_& module);
void bind_report(nb::module_& module);

}  // namespace fovea::bind
