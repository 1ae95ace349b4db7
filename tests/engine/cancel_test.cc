// A stop token ends a call on every implementation, before it begins or under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/every_implementation.h"
#include "engine/random_question.h"
#include "fovea/core/error.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

/// The error's kind, or nothing when the call came to its end.
std::optional<ErrorKind> outcome(RandomQuestion& numbers, const Execution& execution) {
  try {
    attend_into(numbers.attention(), {.output = numbers.output.mutable_view()}, execution);
    return std::nullopt;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("cancelled"));
    return error.kind();
  }
}

class Cancel : public WithImplementation {};

TEST_P(Cancel, BeforeTheCallWritesNothing) {
  RandomQuestion numbers({2, 3, 8}, {2, 5, 8});
  std::stop_source source;
  const Execution execution{.implementation = GetParam().implementation,
                            .stop = source.get_token()};
  EXPECT_EQ(outcome(numbers, execution), std::nullopt);
  std::ranges::fill(numbers.output.values<float>(), 7.0F);
  source.request_stop();
  EXPECT_EQ(outcome(numbers, execution), ErrorKind::cancelled);
  EXPECT_THAT(numbers.output.values<float>(), testing::Each(7.0F));
  EXPECT_EQ(attend(numbers.attention(), {.implementation = GetParam().implementation}).empty_rows,
            0)
      << "calls without the token go on";
}

struct Size {
  std::string implementation;
  std::int64_t queries;
  std::int64_t keys;
};

// 64 heads, so 64 tasks at least, that take tens of milliseconds together.
TEST(CancelUnderWay, EndsTheCallEarly) {
  for (const Size& size : {Size{"prefill", 256, 1024},
                           {"decode", 16, 4096},
                           {"small", 16, 1024},
                           {"reference", 1, 1024}}) {
    RandomQuestion numbers({64, size.queries, 64}, {64, size.keys, 64});
    for (const int threads : {1, 2}) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(outcome(numbers, {.threads = threads, .implementation = size.implementation}),
                std::nullopt);
      const auto whole = std::chrono::steady_clock::now() - start;
      // A shared machine may run the other thread late: some of these stops come in time.
      bool stopped = false;
      for (int attempt = 0; attempt < 100 && !stopped; ++attempt) {
        std::stop_source source;
        const std::jthread other([&] {
          std::this_thread::sleep_for(whole / 8);
          source.request_stop();
        });
        stopped = outcome(numbers, {.threads = threads,
                                    .implementation = size.implementation,
                                    .stop = source.get_token()}) == ErrorKind::cancelled;
      }
      EXPECT_TRUE(stopped) << size.implementation << ", " << threads << " threads";
    }
  }
}

TEST_P(Cancel, ATokenThatIsNeverAskedChangesNothing) {
  RandomQuestion numbers({4, 40, 16}, {4, 300, 16});
  std::stop_source source;
  const Attended with = attend(numbers.attention(), {.implementation = GetParam().implementation,
                                                     .stop = source.get_token()});
  const Attended without =
      attend(numbers.attention(), {.implementation = GetParam().implementation});
  EXPECT_TRUE(std::ranges::equal(with.output.values<float>(), without.output.values<float>()));
}

INSTANTIATE_TEST_SUITE_P(All, Cancel, ::testing::ValuesIn(implementations_and_targets()),
                         test_name);

}  // namespace
}  // namespace fovea
