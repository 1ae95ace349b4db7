// Calls from threads, processes and float modes that are not ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cfenv>
#include <cstring>
#include <thread>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "cli/run_program.h"
#include "engine/random_question.h"
#include "formats/temporary_folder.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/formats/npy.h"

namespace fovea::environment {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

/// A question with the causal mask.
struct Numbers : RandomQuestion {
  using RandomQuestion::RandomQuestion;
  Attended attend(const Execution& execution = {}) const {
    Attention question = attention();
    question.causal = true;
    return fovea::attend(question, execution);
  }
};

bool same_bits(const Attended& a, const Attended& b) {
  const auto same = [](const Tensor& x, const Tensor& y) {
    return std::memcmp(x.bytes().data(), y.bytes().data(), x.bytes().size()) == 0;
  };
  return same(a.output, b.output) && same(a.log_sum_exp, b.log_sum_exp);
}

std::vector<std::string> names_of_implementations() {
  return {"prefill", "decode", "small", "reference"};
}

TEST(FloatMode, OfTheCallerChangesNoBitAndIsRestored) {
  const Numbers numbers({2, 70, 16}, {2, 300, 16});
  for (const std::string& name : names_of_implementations()) {
    const Execution execution{.threads = 2, .implementation = name};
    const Attended plain = numbers.attend(execution);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      ASSERT_EQ(std::fesetround(mode), 0);
      const Attended other = numbers.attend(execution);
      const int after = std::fegetround();
      std::fesetround(FE_TONEAREST);
      EXPECT_EQ(after, mode);
      EXPECT_TRUE(same_bits(plain, other)) << name << " in mode " << mode;
    }
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040U);  // flush to zero, denormals are zero
    const Attended flushed = numbers.attend(execution);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(after & 0x8040U, 0x8040U);
    EXPECT_TRUE(same_bits(plain, flushed)) << name;
#endif
  }
}

TEST(FloatMode, SubnormalValuesSurviveACallerThatFlushesThem) {
#if defined(__SSE__)
  const auto query = Tensor::of<float>({1, 1}, {1});
  const auto value = Tensor::of<float>({1, 1}, {0x1p-140F});
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040U);
  const Attended answer = attend({.query = query, .key = query, .value = value});
  _mm_setcsr(before);
  EXPECT_EQ(answer.output.values<float>()[0], 0x1p-140F);
#endif
}

TEST(Threads, SixtyFourThatShareOneQuestionGetTheBitsOfOne) {
  const Numbers numbers({4, 130, 32}, {2, 260, 32});
  const Attended expected = numbers.attend({.threads = 1});
  std::vector<int> same(64);
  {
    std::vector<std::jthread> threads;
    for (int& result : same) {
      threads.emplace_back(
          [&] { result = same_bits(numbers.attend({.threads = 2}), expected) ? 1 : 0; });
    }
  }
  EXPECT_THAT(same, testing::Each(1));
}

TEST(Threads, ManyMoreThanCoresAreSlowAndNeverStuck) {
  const Numbers numbers({8, 64, 32}, {8, 512, 32});
  const Attended expected = numbers.attend({.threads = 1});
  for (int repeat = 0; repeat < 20; ++repeat)
    EXPECT_TRUE(same_bits(numbers.attend({.threads = 16}), expected));
}

TEST(Fork, AfterACallTheChildMayCallToo) {
  if (kThreadSanitizer)
    GTEST_SKIP() << "ThreadSanitizer does not support threads made after a fork";
  const Numbers numbers({8, 64, 32}, {8, 512, 32});
  const Attended expected = numbers.attend({.threads = 4});
  const pid_t child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    ::alarm(5);  // a hang ends as a signal
    ::_exit(same_bits(numbers.attend({.threads = 4}), expected) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "the child hung or crashed";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(same_bits(numbers.attend({.threads = 4}), expected));
}

// The environment is read once a process: each case is a process of its own.
class TargetVariable : public testing::Test {
 protected:
  TargetVariable() {
    Generator generator(1);
    const Tensor numbers = randn({300, 16}, generator);
    formats::write_npy(folder_.path("x.npy"), numbers);
  }
  cli::Finished attend(const std::string& name, const std::string& value) const {
    return cli::run(cli::Launch{
        .words = {"attend", "--query", "x.npy", "--key", "x.npy", "--value", "x.npy", "--explain"},
        .environment = {{name, value}},
        .folder = folder_.root()});
  }
  formats::TemporaryFolder folder_;
};

TEST_F(TargetVariable, ForcesATargetInAnyCase) {
  for (const char* name : {"scalar", "SCALAR", "Scalar"}) {
    const cli::Finished done = attend("FOVEA_TARGET", name);
    EXPECT_EQ(done.exit_code, 0) << done.error;
    EXPECT_THAT(done.error, testing::HasSubstr("runs on SCALAR"));
  }
  EXPECT_EQ(attend("FOVEA_TARGET", "").exit_code, 0);
}

TEST_F(TargetVariable, ThatIsUnknownIsAnErrorThatListsTheTargets) {
  const cli::Finished done = attend("FOVEA_TARGET", "avx1024");
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.error,
              testing::AllOf(testing::StartsWith("fovea: FOVEA_TARGET: "),
                             testing::HasSubstr("\"avx1024\""), testing::HasSubstr("SCALAR")));
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1);
}

TEST_F(TargetVariable, ThreadsThatAreNoneAreAnErrorToo) {
  EXPECT_EQ(attend("FOVEA_THREADS", "2").exit_code, 0);
  for (const char* value : {"0", "-1", "many", "1e3"}) {
    const cli::Finished done = attend("FOVEA_THREADS", value);
    EXPECT_EQ(done.exit_code, 1) << value;
    EXPECT_THAT(done.error, testing::HasSubstr("FOVEA_THREADS"));
  }
}

}  // namespace
}  // namespace fovea::environment
