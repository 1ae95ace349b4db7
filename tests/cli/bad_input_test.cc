// What the command line does with everything that it should not be given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "cli/attend_folder.h"

namespace fovea::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// One line on standard error that begins with the program's name, and nothing else.
void expect_one_line(const Finished& done, int exit_code) {
  EXPECT_EQ(done.exit_code, exit_code) << done.error;
  EXPECT_THAT(done.error, StartsWith("fovea: "));
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  EXPECT_LE(done.error.size(), 1000U);
  EXPECT_EQ(done.output, "");
}

class BadInput : public testing::Test {
 protected:
  // attend with `path` in place of the query.
  Finished with_query(const std::string& path) const {
    Launch launch = folder_.launch({"--output", "o.npy"});
    launch.words[2] = path;
    return Program(launch).finish(std::chrono::seconds(20));
  }
  AttendFolder folder_;
};

TEST_F(BadInput, NoArgumentsShowUsageOnStandardError) {
  const Finished done = run(Launch{});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(done.output, "");
  EXPECT_THAT(done.error,
              testing::AllOf(HasSubstr("walk"), HasSubstr("attend"), HasSubstr("list")));
}

TEST_F(BadInput, UnknownCommandsAndFlagsAreNamedWithTheNearest) {
  const Finished command = run({"wlak"});
  expect_one_line(command, 2);
  EXPECT_THAT(command.error, testing::AllOf(HasSubstr("'wlak'"), HasSubstr("did you mean walk?")));
  const Finished flag = run({"walk", "--tokns", "a b"});
  expect_one_line(flag, 2);
  EXPECT_THAT(flag.error, testing::AllOf(HasSubstr("'--tokns'"), HasSubstr("--tokens?")));
  const Finished kind = run({"list", "implementation"});
  expect_one_line(kind, 2);
  EXPECT_THAT(kind.error, HasSubstr("did you mean implementations?"));
  expect_one_line(run({"--bogus"}), 2);
}

TEST_F(BadInput, SwitchesTakeNoValue) {
  for (const std::string word :
       {"--json=banana", "--json=true", "--json=0", "--json=", "--help=x"}) {
    for (const std::string command : {"walk", "explain", "tokenize", "generate"}) {
      const Finished done = run({command, "text", word});
      expect_one_line(done, 2);
      const std::string name = word.substr(0, word.find('='));
      EXPECT_THAT(done.error, HasSubstr(command + ": " + name + " takes no value; '"));
    }
  }
  EXPECT_THAT(run({"list", "--json=banana"}).error, HasSubstr("unknown flag"));
  const Finished causal = folder_.attend({"--causal=False", "--output", "o.npy"});
  expect_one_line(causal, 2);
  EXPECT_THAT(causal.error, HasSubstr("--causal takes no value; 'False' was given"));
  // After "--" it is a text.
  EXPECT_THAT(run({"tokenize", "--model", "built-in", "--", "--json=banana"}).error,
              testing::Not(HasSubstr("takes no value")));
}

TEST_F(BadInput, FilesThatCannotBeReadAreNamedWithTheReason) {
  const Finished missing = with_query("nope.npy");
  expect_one_line(missing, 1);
  EXPECT_THAT(missing.error, HasSubstr("nope.npy: No such file or directory"));
  const Finished directory = with_query(".");
  expect_one_line(directory, 1);
  EXPECT_THAT(directory.error, HasSubstr("directory"));
  ASSERT_EQ(::chmod(folder_.folder.path("q.npy").c_str(), 0), 0);
  ASSERT_EQ(::chmod(folder_.folder.root().c_str(), 0755), 0);
  Launch unreadable = folder_.launch({"--explain"});
  unreadable.as_nobody = true;
  const Finished denied = run(unreadable);
  expect_one_line(denied, 1);
  EXPECT_THAT(denied.error, HasSubstr("q.npy: Permission denied"));
}

TEST_F(BadInput, WhatIsNoFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(folder_.folder.path("fifo").c_str(), 0600), 0);
  for (const char* path : {"fifo", "/dev/zero", "/dev/full", "/proc/self/mem"}) {
    expect_one_line(with_query(path), 1);
    expect_one_line(run({"walk", "--vectors", folder_.folder.root() / path}), 1);
  }
}

TEST_F(BadInput, ADiskThatIsFullLeavesNoPartialFile) {
  const Finished full = folder_.attend({"--output", "/dev/full"});
  expect_one_line(full, 1);
  EXPECT_THAT(full.error, HasSubstr("No space left on device"));
  const Finished walk = run(Launch{.words = {"walk"}, .output_path = "/dev/full"});
  expect_one_line(walk, 1);
  EXPECT_THAT(walk.error, HasSubstr("No space left on device"));
  // A folder in which nothing may be written.
  ASSERT_EQ(::chmod(folder_.folder.root().c_str(), 0555), 0);
  Launch launch = folder_.launch({"--output", "o.npy"});
  launch.as_nobody = true;
  expect_one_line(run(launch), 1);
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

struct IntegerFlag {
  std::string flag;
  std::vector<std::string> before;
  std::string range;
};

TEST_F(BadInput, AFileAboveTheCallersLimitLeavesNoPartialFile) {
  const auto before = folder_.folder.names();
  Launch launch = folder_.launch({"--output", "o.npy"});
  launch.most_file_bytes = 600;
  const Finished done = run(launch);
  expect_one_line(done, 1);
  EXPECT_THAT(done.error, HasSubstr("o.npy: cannot write: File too large"));
  EXPECT_EQ(folder_.folder.names(), before);
}

TEST_F(BadInput, IntegersThatAreNoneNameTheFlagAndTheRange) {
  const std::vector<IntegerFlag> flags = {{"--digits", {"walk"}, "from 1 to 9"},
                                          {"--heads", {"walk"}, "from 1 to 64"},
                                          {"--d-out", {"walk"}, "from 1 to 1024"},
                                          {"--seed", {"walk"}, "from 0 to"},
                                          {"--threads", folder_.launch({}).words, "from 0 to"}};
  for (const IntegerFlag& each : flags) {
    for (const char* value : {"-1", "abc", "1e3", "", "99999999999999999999", " 3", "3x", "+3"}) {
      std::vector<std::string> words = each.before;
      words.insert(words.end(), {each.flag, value});
      const Finished done = run(words);
      expect_one_line(done, 2);
      EXPECT_THAT(done.error, testing::AllOf(HasSubstr(each.flag), HasSubstr(each.range))) << value;
    }
  }
}

TEST_F(BadInput, AReaderThatLeavesEndsItQuietly) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"walk", "all"}, {"--help"}, {"list"}, {"walk", "--json"}}) {
    const Finished done = run(Launch{.words = words, .reader_is_gone = true});
    EXPECT_EQ(done.exit_code, 0) << words[0];
    EXPECT_EQ(done.error, "");
  }
}

TEST_F(BadInput, StandardInputThatIsClosedOrEmptyIsSaid) {
  const Finished empty = run({"walk", "--vectors", "-"});
  expect_one_line(empty, 1);
  EXPECT_THAT(empty.error, HasSubstr("empty"));
  const Finished closed = run(Launch{.words = {"walk", "--vectors", "-"}, .input = std::nullopt});
  expect_one_line(closed, 1);
  EXPECT_THAT(closed.error, HasSubstr("--vectors"));
}

// The kernel passes at most 128 KiB as one argument.
TEST_F(BadInput, LongArgumentsAndBytesThatAreNotTextAreNamedOrUsed) {
  const std::string longest(120'000, 'x');
  expect_one_line(run({longest}), 2);
  expect_one_line(run({"walk", longest}), 2);
  expect_one_line(run({"walk", "--" + longest}), 2);
  expect_one_line(with_query(longest), 1);
  EXPECT_EQ(run({"walk", "--tokens", longest}).exit_code, 0);
  const std::string not_text = "\xff\xfe\x80";
  expect_one_line(run({not_text}), 2);
  expect_one_line(with_query(not_text), 1);
  EXPECT_EQ(run({"walk", "--tokens", not_text + " b"}).exit_code, 0);
  EXPECT_EQ(run({"walk", "--json", "--tokens", not_text + " b"}).exit_code, 0);
}

TEST_F(BadInput, InterruptedItEndsAtOnceAndLeavesNoTemporaryFile) {
  // The reference takes minutes for this.
  Generator generator(1);
  for (const char* name : {"q.npy", "k.npy", "v.npy"})
    folder_.write(name, randn({8, 2048, 64}, generator));
  for (const int signal : {SIGINT, SIGTERM}) {
    Program program(folder_.launch(
        {"--implementation", "reference", "--output", "o.npy", "--weights", "w.npy"}));
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (folder_.folder.names().size() < 5 && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(folder_.folder.names().size(), 5U) << "two unfinished files";
    const auto sent = std::chrono::steady_clock::now();
    program.send(signal);
    const Finished done = program.finish(std::chrono::seconds(20));
    EXPECT_EQ(done.exit_code, 128 + signal);
    EXPECT_LT(std::chrono::steady_clock::now() - sent, std::chrono::seconds(10));
    EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
  }
}

TEST_F(BadInput, TheLocaleDoesNotChangeNumbers) {
  const std::string plain = run({"walk", "--digits", "3"}).output;
  for (const char* locale : {"de_DE.UTF-8", "de_DE.utf8"}) {
    const Finished german =
        run(Launch{.words = {"walk", "--digits", "3"}, .environment = {{"LC_ALL", locale}}});
    EXPECT_EQ(german.output, plain);
  }
  EXPECT_EQ(folder_.launch({}).words.size(), 7U);
  Launch scaled = folder_.launch({"--scale", "0.5", "--output", "o.npy"});
  scaled.environment = {{"LC_ALL", "de_DE.UTF-8"}};
  EXPECT_EQ(run(scaled).exit_code, 0);
  expect_one_line(folder_.attend({"--scale", "0,5", "--output", "o.npy"}), 2);
}

TEST_F(BadInput, TerminalCommandsInTextsArePrintedEscaped) {
  const std::string hostile = "\x1b]0;title\x07\x1b[2J\xe2\x80\xae";
  const Finished walk = run({"walk", "--tokens", hostile + " b", "all"});
  EXPECT_EQ(walk.exit_code, 0) << walk.error;
  EXPECT_THAT(walk.output, HasSubstr("\\x1b"));
  const std::vector<Finished> all = {walk,
                                     run({"walk", "--list"}),
                                     run({hostile}),
                                     run({"walk", hostile}),
                                     with_query(hostile),
                                     run({"walk", "--query", hostile})};
  for (const Finished& done : all) {
    for (const char c : {'\x1b', '\x07'}) {
      EXPECT_EQ(done.output.find(c), std::string::npos);
      EXPECT_EQ(done.error.find(c), std::string::npos);
    }
    EXPECT_EQ(done.error.find("\xe2\x80\xae"), std::string::npos);
  }
}

TEST_F(BadInput, MemoryThatIsNotThereIsSaidWithItsSize) {
  if (!kCanLimitAddresses) GTEST_SKIP() << "the sanitizer needs more";
  folder_.write("q.npy", Tensor(DType::f32, {1 << 20, 80}));  // 320 MiB
  Launch launch = folder_.launch({"--output", "o.npy"});
  launch.most_address_space = std::int64_t{256} << 20;
  const Finished done = run(launch);
  expect_one_line(done, 1);
  EXPECT_THAT(done.error, testing::ContainsRegex("out of memory.*[0-9]"));
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

}  // namespace
}  // namespace fovea::cli
