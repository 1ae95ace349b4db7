// Work without the GIL that Ctrl-C stops and that the interpreter's end waits for.
#pragma once

#include <nanobind/nanobind.h>

#include <stop_token>

namespace fovea::bind {

namespace nb = nanobind;

/// How long a piece of work may take.
enum class Length : std::uint8_t {
  instant,  ///< less than handing over the GIL would: the GIL is kept
  short_,   ///< too short for anyone to interrupt it: the GIL is released
  long_,    ///< done by another thread, while this one looks for Ctrl-C
};

/// The length of a call that computes so many products.
Length length_of(double products) noexcept;

/// Work, without its type.
struct Work {
  const void* context;
  void (*run)(const void* context, std::stop_token stop);
};

/// Runs the work and returns when it is done; what it throws comes out. Throws the exception of a signal's handler
/// (KeyboardInterrupt), after the work was asked to stop and did; RuntimeError once the interpreter has begun to end. With
/// the GIL.
void run_work(Length length, const Work& work);

template <typename F>
void run_released(Length length, const F& body) {
  run_work(length, {&body, [](const void* context, std::stop_token stop) {
                      (*static_cast<const F*>(context))(std::move(stop));
                    }});
}

/// Asks all running work to stop, waits until it has, and refuses more: for atexit. A thread that would come back for the GIL
/// of an interpreter that has ended takes the process down.
void bind_running(nb::module_& module);

}  // namespace fovea::bind
