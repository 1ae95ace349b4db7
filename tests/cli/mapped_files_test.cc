// A file that is cut while it is mapped ends the program with a line, not with a crash.
#include "cli/mapped_files.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "formats/temporary_folder.h"
#include "fovea/formats/mapped_file.h"

namespace fovea::cli {
namespace {

using formats::TemporaryFolder;

/// How a forked child ended, and what it wrote to standard error.
struct Ended {
  int status = 0;
  std::string error_text;
};

template <typename Call>
Ended end_of_child(Call call) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    call();
    ::_exit(77);
  }
  ::close(pipe[1]);
  Ended ended;
  std::array<char, 256> part{};
  for (ssize_t count = 0; (count = ::read(pipe[0], part.data(), part.size())) > 0;) {
    ended.error_text.append(part.data(), static_cast<std::size_t>(count));
  }
  ::close(pipe[0]);
  ::waitpid(child, &ended.status, 0);
  return ended;
}

TEST(HandleCutFiles, EndsWithOneLineAndLeavesNoUnfinishedOutput) {
  const TemporaryFolder folder;
  formats::write_file(folder.path("weights"), std::string(1 << 20, 'w'));
  const Ended ended = end_of_child([&] {
    handle_cut_files();
    const formats::MappedFile file(folder.path("weights"));
    formats::OutputFile output(folder.path("answer"));
    output.write(file.bytes().first(10));
    if (::truncate(folder.path("weights").c_str(), 0) != 0) return;
    const volatile std::byte lost = file.bytes()[1 << 19];
    static_cast<void>(lost);
  });
  ASSERT_TRUE(WIFEXITED(ended.status)) << ended.status;
  EXPECT_EQ(WEXITSTATUS(ended.status), 1);
  EXPECT_EQ(ended.error_text, "fovea: a file was cut or its disk failed while it was being read\n");
  EXPECT_EQ(folder.names(), std::set<std::string>{"weights"});
}

TEST(HandleCutFiles, LeavesASignalOfAnotherCauseAsItWas) {
  const Ended ended = end_of_child([] {
    ::signal(SIGBUS, SIG_DFL);
    handle_cut_files();
    ::raise(SIGBUS);
    ::raise(SIGBUS);  // the first of no known cause puts the default back
  });
  ASSERT_TRUE(WIFSIGNALED(ended.status)) << ended.status;
  EXPECT_EQ(WTERMSIG(ended.status), SIGBUS);
  EXPECT_EQ(ended.error_text, "");
}

}  // namespace
}  // namespace fovea::cli
