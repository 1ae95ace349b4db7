// The thread pool behind parallel_for. Each call is a Job on its caller's stack; idle threads join
// whatever open job they find. Nobody waits for a thread that has not joined, so nested calls,
// concurrent calls and more threads than cores cannot deadlock. Threads spin for a while after
// work, so that the next call of a busy program starts them within a microsecond, then sleep.
#include "fovea/core/parallel.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "core/float_mode.h"
#include "fovea/core/cpu.h"
#include "fovea/core/error.h"

namespace fovea {
namespace {

using Clock = std::chrono::steady_clock;
// A call that follows within this time finds the threads awake; waking a sleeping one took 5 to 50
// µs here.
constexpr std::chrono::microseconds kSpin{100};

void pause() noexcept {
#if defined(__SSE__)
  _mm_pause();
#endif
}

// Spins until `done`, at most kSpin. Returns whether it is done. Reads the clock seldom: a pause
// takes about 40 ns.
template <typename Done>
bool spin_until(const Done& done) {
  const Clock::time_point end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return done();
}

struct Job {
  parallel::Body body;
  std::int64_t tasks;
  const std::stop_token& stop;
  int max_workers;
  // Taken by every thread for every task: on a line of its own.
  alignas(64) std::atomic<std::int64_t> next{0};
  alignas(64) std::atomic<int> running{
      0};                    // pool threads inside; raised and lowered under the pool's mutex
  int joined = 1;            // workers so far, the caller being number 0; under the mutex
  Job* following = nullptr;  // in the pool's list; under the mutex

  void work(int worker) noexcept {
    const DefaultFloatMode mode;
    while (!stop.stop_requested()) {
      const std::int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks) return;
      body.run(body.context, task, worker);
    }
  }
  bool open() const noexcept {
    return joined < max_workers && next.load(std::memory_order_relaxed) < tasks &&
           !stop.stop_requested();
  }
};

class Pool {
 public:
  void run(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      start_threads(job.max_workers - 1);
      Job** end = &jobs_;
      while (*end != nullptr) end = &(*end)->following;
      *end = &job;
      calls_.fetch_add(1, std::memory_order_release);
      const int wanted =
          static_cast<int>(std::min<std::int64_t>(job.max_workers - 1, job.tasks - 1));
      for (int i = std::min(wanted, sleeping_); i > 0; --i) work_.notify_one();
    }
    job.work(0);
    {
      const std::lock_guard lock(mutex_);
      Job** link = &jobs_;
      while (*link != &job) link = &(*link)->following;
      *link = job.following;  // from here on nobody joins
    }
    const auto done = [&job] { return job.running.load(std::memory_order_acquire) == 0; };
    if (may_spin_.load(std::memory_order_relaxed) && spin_until(done)) {
      // The last worker lowers `running` under the mutex and may still hold it: the job dies only
      // after that.
      const std::lock_guard lock(mutex_);
      return;
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, done);
  }

 private:
  // Called with the mutex held.
  void start_threads(int count) {
    while (threads_ < count) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::exception&) {
        break;  // fewer threads do the same work
      }
      ++threads_;
    }
    // Where threads outnumber cores, one that spins takes the core from one that works.
    may_spin_.store(threads_ < cores_, std::memory_order_relaxed);
  }

  [[noreturn]] void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      while (Job* const job = open_job()) {
        const int worker = job->joined++;
        job->running.fetch_add(1, std::memory_order_relaxed);
        lock.unlock();
        job->work(worker);
        lock.lock();
        if (job->running.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
      }
      wait_for_call(lock);
    }
  }

  Job* open_job() const noexcept {
    Job* job = jobs_;
    while (job != nullptr && !job->open()) job = job->following;
    return job;
  }

  void wait_for_call(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t seen = calls_.load(std::memory_order_relaxed);
    const auto called = [this, seen] { return calls_.load(std::memory_order_acquire) != seen; };
    lock.unlock();
    const bool spun = may_spin_.load(std::memory_order_relaxed) && spin_until(called);
    lock.lock();
    if (spun) return;
    ++sleeping_;
    work_.wait(lock, called);
    --sleeping_;
  }

  const int cores_ = usable_cores();
  std::atomic<std::uint64_t> calls_{0};  // what idle threads watch
  std::atomic<bool> may_spin_{true};
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  Job* jobs_ = nullptr;  // the calls under way, oldest first
  int threads_ = 0;
  int sleeping_ = 0;
};

// Never destroyed: the process may exit while a detached thread still uses it. In a forked child
// only the forking thread lives on, so the child forgets the parent's pool (whose mutex may be
// locked for ever) and makes its own.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
  static_cast<void>(registered);
  Pool* current = the_pool.load(std::memory_order_acquire);
  if (current != nullptr) return *current;
  auto made = std::make_unique<Pool>();
  if (the_pool.compare_exchange_strong(current, made.get(), std::memory_order_acq_rel))
    return *made.release();
  return *current;
}

}  // namespace

int default_threads() {
  static const int threads = [] {
    const char* const setting = std::getenv("FOVEA_THREADS");
    const bool given = setting != nullptr && *setting != '\0';
    return given ? parallel::threads_of_setting(setting) : std::min(usable_cores(), kMaxThreads);
  }();
  return threads;
}

int resolve_threads(int requested, const char* where) {
  if (requested < 0) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("{}: threads is {}; it must be 0 (the default) or more", where, requested));
  }
  return requested == 0 ? default_threads() : std::min(requested, kMaxThreads);
}

namespace parallel {

int threads_of_setting(std::string_view setting) {
  int threads = 0;
  const char* const last = setting.data() + setting.size();
  const auto [end, problem] = std::from_chars(setting.data(), last, threads);
  if (end == last && problem == std::errc::result_out_of_range && setting.front() != '-')
    return kMaxThreads;
  if (end != last || problem != std::errc() || threads < 1) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("FOVEA_THREADS is '{:.32}'; it must be a whole number from 1 up", setting));
  }
  return std::min(threads, kMaxThreads);
}

bool run(std::int64_t tasks, int threads, const std::stop_token& stop, Body body) {
  const auto workers =
      static_cast<int>(std::clamp<std::int64_t>(tasks, 1, std::clamp(threads, 1, kMaxThreads)));
  Job job{.body = body, .tasks = tasks, .stop = stop, .max_workers = workers};
  if (workers == 1) {
    job.work(0);
  } else {
    pool().run(job);
  }
  return job.next.load(std::memory_order_relaxed) >= tasks;
}

}  // namespace parallel
}  // namespace fovea
