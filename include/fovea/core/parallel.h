// parallel_for: independent tasks over the library's own threads.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string_view>
#include <type_traits>

namespace fovea {

/// More threads than this are never used, whatever is asked for.
inline constexpr int kMaxThreads = 256;

/// Threads that a call uses when it does not say: FOVEA_THREADS where that is set and not empty,
/// else usable_cores(). Found once, at the first call. Throws Error{invalid_argument} when
/// FOVEA_THREADS is not a whole number from 1 up; more than kMaxThreads is capped.
int default_threads();

/// Returns the threads to use: `requested` capped at kMaxThreads, the default for 0. Throws
/// Error{invalid_argument} for a negative number ("attend: threads is -1; ..."; `where` begins the
/// text).
int resolve_threads(int requested, const char* where);

namespace parallel {

/// What FOVEA_THREADS asks for: as default_threads.
int threads_of_setting(std::string_view setting);

/// A call's body without its type: what the pool sees.
struct Body {
  const void* context;
  void (*run)(const void* context, std::int64_t task, int worker) noexcept;
};

/// As parallel_for.
bool run(std::int64_t tasks, int threads, const std::stop_token& stop, Body body);

}  // namespace parallel

/// Calls `body(task, worker)` once for each task of [0, tasks), in rising order of start, on up to
/// `threads` threads: this one and threads of the process-wide pool. `worker` is in [0, threads)
/// and no two bodies run at once with the same one: it indexes scratch. The body must be noexcept,
/// and runs in the default floating-point mode (DefaultFloatMode) on every thread, this one too.
/// Returns when all are done: true; or, when `stop` is requested, as soon as the running bodies
/// have ended, without starting another: false.
///
/// Thread-safe; a body may itself call parallel_for. More threads than cores are slow, never stuck:
/// this thread needs no other to finish, and waits only for those that have begun. After fork the
/// child makes new threads when it needs them; a fork from inside a body leaves that call
/// unfinished in the child. Where a thread cannot be started, fewer run.
template <typename F>
bool parallel_for(std::int64_t tasks, int threads, const std::stop_token& stop, const F& body) {
  static_assert(std::is_nothrow_invocable_v<const F&, std::int64_t, int>,
                "the body of parallel_for must be noexcept");
  return parallel::run(
      tasks, threads, stop,
      {std::addressof(body), [](const void* context, std::int64_t task, int worker) noexcept {
         (*static_cast<const F*>(context))(task, worker);
       }});
}

}  // namespace fovea
