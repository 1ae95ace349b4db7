// Work without the GIL that Ctrl-C stops and that the interpreter's end waits for.
#include "bind/running.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

namespace fovea::bind {
namespace {

// A core computes about 80 products in a nanosecond at best. Releasing the GIL and taking it again costs 0.1 us alone, and
// the wait for another thread's turn (5 ms) when there is one; a thread of its own costs 20 us.
constexpr double kInstantProducts = 2e5;
constexpr double kShortProducts = 2e9;
constexpr auto kSignalPause = std::chrono::milliseconds(20);

// All work that runs without the GIL. Guarded by the GIL alone: nobody looks at it without.
struct Running {
  std::list<std::stop_source> calls;
  bool has_ended = false;
};

Running& running() {
  static Running* const all = new Running;  // outlives every thread
  return *all;
}

// One entry of `running`. Made and destroyed with the GIL.
class Entry {
 public:
  Entry() {
    if (running().has_ended)
      throw std::runtime_error("fovea: the interpreter is ending; no call can begin");
    at_ = running().calls.emplace(running().calls.end());
  }
  ~Entry() { running().calls.erase(at_); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  std::stop_source& stop() { return *at_; }

 private:
  std::list<std::stop_source>::iterator at_;
};

// What the working thread and the waiting one share.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_done = false;
  std::exception_ptr error = nullptr;
};

void do_work(const Work& work, const std::stop_token& stop, Shared& shared) noexcept {
  std::exception_ptr error;
  try {
    work.run(work.context, stop);
  } catch (...) {
    error = std::current_exception();
  }
  const std::lock_guard lock(shared.mutex);
  shared.error = std::move(error);
  shared.is_done = true;
  shared.changed.notify_one();
}

// Waits without the GIL until the work is done (true) or it is time to look for signals (false).
bool wait_a_while(Shared& shared) {
  const nb::gil_scoped_release released;
  std::unique_lock lock(shared.mutex);
  return shared.changed.wait_for(lock, kSignalPause, [&] { return shared.is_done; });
}

void run_watched(const Work& work, std::stop_source& stop) {
  Shared shared;
  std::thread worker;
  try {
    worker = std::thread([&] { do_work(work, stop.get_token(), shared); });
  } catch (const std::system_error&) {  // no thread to be had: do it here
    const nb::gil_scoped_release released;
    work.run(work.context, stop.get_token());
    return;
  }
  bool is_interrupted = false;
  while (!wait_a_while(shared)) {
    if (is_interrupted || PyErr_CheckSignals() == 0) continue;
    is_interrupted = true;
    stop.request_stop();
  }
  {
    const nb::gil_scoped_release released;
    worker.join();
  }
  if (is_interrupted) throw nb::python_error();
  if (shared.error) std::rethrow_exception(shared.error);
}

void stop_all() {
  running().has_ended = true;
  for (std::stop_source& call : running().calls) call.request_stop();
  while (!running().calls.empty()) {
    const nb::gil_scoped_release released;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Length length_of(double products) noexcept {
  if (products < kInstantProducts) return Length::instant;
  return products < kShortProducts ? Length::short_ : Length::long_;
}

void run_work(Length length, const Work& work) {
  if (length == Length::instant) return work.run(work.context, {});
  Entry entry;
  if (length == Length::long_) return run_watched(work, entry.stop());
  const nb::gil_scoped_release released;
  work.run(work.context, entry.stop().get_token());
}

void bind_running(nb::module_& module) {
  module.def("_stop_running_calls", &stop_all);
  nb::module_::import_("atexit").attr("register")(module.attr("_stop_running_calls"));
}

}  // namespace fovea::bind
