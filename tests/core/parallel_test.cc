// The thread pool: every task once, nested, concurrent, oversubscribed, cancelled, forked.
#include "fovea/core/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <thread>
#include <vector>

#include "core/float_mode.h"
#include "fovea/core/error.h"

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

namespace fovea {
namespace {

// Runs `tasks` tasks; returns how often each ran.
std::vector<int> runs_of_each(std::int64_t tasks, int threads) {
  std::vector<std::atomic<int>> counts(static_cast<std::size_t>(tasks));
  EXPECT_TRUE(parallel_for(tasks, threads, {}, [&](std::int64_t task, int) noexcept {
    counts[static_cast<std::size_t>(task)].fetch_add(1);
  }));
  return {counts.begin(), counts.end()};
}

TEST(ParallelFor, RunsEachTaskOnceWithAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 8, 16, 64, 1'000'000})
    for (const std::int64_t tasks : {0, 1, 2, 7, 1000})
      EXPECT_THAT(runs_of_each(tasks, threads), testing::Each(1))
          << threads << " threads, " << tasks << " tasks";
}

TEST(ParallelFor, GivesNoTwoRunningBodiesTheSameWorker) {
  constexpr int kThreads = 8;
  std::array<std::atomic<bool>, kThreads> busy{};
  std::atomic<bool> clash{false};
  for (int call = 0; call < 200; ++call) {
    parallel_for(64, kThreads, {}, [&](std::int64_t, int worker) noexcept {
      if (worker < 0 || worker >= kThreads || busy[static_cast<std::size_t>(worker)].exchange(true))
        clash = true;
      std::this_thread::yield();
      busy[static_cast<std::size_t>(worker)] = false;
    });
  }
  EXPECT_FALSE(clash);
}

TEST(ParallelFor, UsesOtherThreads) {
  // Two bodies that wait for each other: they can only both end on two threads.
  std::atomic<int> inside{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  parallel_for(2, 2, {}, [&](std::int64_t, int) noexcept {
    inside.fetch_add(1);
    while (inside.load() < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  EXPECT_EQ(inside, 2);
  EXPECT_LT(std::chrono::steady_clock::now(), end);
}

TEST(ParallelFor, MayBeCalledFromItsOwnBody) {
  std::atomic<std::int64_t> sum{0};
  parallel_for(8, 4, {}, [&](std::int64_t outer, int) noexcept {
    parallel_for(8, 4, {},
                 [&](std::int64_t inner, int) noexcept { sum.fetch_add(8 * outer + inner); });
  });
  EXPECT_EQ(sum, 63 * 64 / 2);
}

TEST(ParallelFor, MayBeCalledFromManyThreadsAtOnce) {
  constexpr int kCallers = 64;
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&wrong] {
        for (int call = 0; call < 10; ++call) {
          std::atomic<std::int64_t> sum{0};
          parallel_for(100, 3, {}, [&](std::int64_t task, int) noexcept { sum.fetch_add(task); });
          if (sum != 99 * 100 / 2) wrong.fetch_add(1);
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(ParallelFor, MakesTheTasksWritesVisibleToItsCaller) {
  std::vector<std::int64_t> squares(1000);
  for (int call = 0; call < 50; ++call) {
    parallel_for(1000, 4, {}, [&](std::int64_t task, int) noexcept {
      squares[static_cast<std::size_t>(task)] = task * task + call;
    });
    ASSERT_EQ(squares[999], 999 * 999 + call);
    ASSERT_EQ(squares[1], 1 + call);
  }
}

TEST(ParallelFor, StartsNoTaskAfterStopIsRequested) {
  std::stop_source source;
  std::atomic<int> ran{0};
  EXPECT_FALSE(parallel_for(1'000'000, 3, source.get_token(), [&](std::int64_t task, int) noexcept {
    ran.fetch_add(1);
    if (task == 10) source.request_stop();
  }));
  EXPECT_GE(ran, 11);
  EXPECT_LT(ran, 1'000'000);
  EXPECT_FALSE(
      parallel_for(5, 3, source.get_token(), [&](std::int64_t, int) noexcept { ran = -1; }));
  EXPECT_NE(ran, -1);
}

TEST(ParallelFor, IsDoneWhenStopComesWithTheLastTask) {
  std::stop_source source;
  EXPECT_TRUE(parallel_for(1, 2, source.get_token(),
                           [&](std::int64_t, int) noexcept { source.request_stop(); }));
}

TEST(ParallelFor, RoundsToNearestOnEveryThreadAndRestoresTheCallersMode) {
  ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
  std::atomic<int> other_modes{0};
  parallel_for(64, 4, {}, [&](std::int64_t, int) noexcept {
    volatile float one = 1.0f;
    if (one + 0x1p-30f != 1.0f) other_modes.fetch_add(1);
  });
  const int after = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(other_modes, 0);
  EXPECT_EQ(after, FE_UPWARD);
}

#if defined(__SSE__)
TEST(ParallelFor, KeepsSubnormalsForACallerThatFlushesThem) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);  // flush to zero, denormals are zero
  std::atomic<int> flushed{0};
  parallel_for(64, 4, {}, [&](std::int64_t, int) noexcept {
    volatile float tiny = 0x1p-140f;
    if (tiny * 2.0f != 0x1p-139f) flushed.fetch_add(1);
  });
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(flushed, 0);
  EXPECT_EQ(after & 0x8040u, 0x8040u);
}
#endif

TEST(ParallelFor, WorksInAForkedChild) {
  if (kThreadSanitizer)
    GTEST_SKIP() << "ThreadSanitizer does not support threads made after a fork";
  ASSERT_THAT(runs_of_each(100, 3), testing::Each(1));
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    alarm(5);  // a hang ends as a signal
    std::atomic<int> ran{0};
    parallel_for(100, 3, {}, [&](std::int64_t, int) noexcept { ran.fetch_add(1); });
    _exit(ran == 100 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "the child hung or crashed";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(runs_of_each(100, 3), testing::Each(1));
}

TEST(Threads, ZeroMeansTheDefaultAndManyAreCapped) {
  EXPECT_EQ(resolve_threads(0, "attend"), default_threads());
  EXPECT_EQ(resolve_threads(3, "attend"), 3);
  EXPECT_EQ(resolve_threads(1'000'000, "attend"), kMaxThreads);
}

TEST(Threads, RefuseNegativeNumbers) {
  try {
    resolve_threads(-1, "attend");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_STREQ(error.what(), "attend: threads is -1; it must be 0 (the default) or more");
  }
}

TEST(Threads, ComeFromTheEnvironment) {
  EXPECT_EQ(parallel::threads_of_setting("5"), 5);
  EXPECT_EQ(parallel::threads_of_setting("1000000"), kMaxThreads);
  EXPECT_EQ(parallel::threads_of_setting("99999999999999999999"), kMaxThreads);
  for (const char* bad : {"", "0", "-1", "-99999999999999999999", "abc", "3x", " 3", "1e3"})
    EXPECT_THROW(parallel::threads_of_setting(bad), Error) << bad;
}

}  // namespace
}  // namespace fovea
