// A file is whole or as it was before.
#include "fovea/formats/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/error_text.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

void write(OutputFile& file, std::string_view text) {
  file.write(std::as_bytes(std::span(text)));
}

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0);
  return facts.st_mode & 0777;
}

TEST(OutputFile, AppearsWhenItIsCommitted) {
  const TemporaryFolder folder;
  OutputFile file(folder.path("a"));
  write(file, "one ");
  write(file, "two");
  EXPECT_FALSE(std::filesystem::exists(folder.path("a")));
  file.commit();
  EXPECT_EQ(content_of(folder.path("a")), "one two");
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(OutputFile, LeavesNothingWhenItIsNotCommitted) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "before");
  {
    OutputFile file(folder.path("a"));
    write(file, "after");
    file.finish();
  }
  EXPECT_EQ(content_of(folder.path("a")), "before");
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(OutputFile, IsRemovedByAHandlerThatEndsTheProgram) {
  const TemporaryFolder folder;
  OutputFile file(folder.path("a"));
  write(file, "half");
  remove_unfinished_outputs();
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(OutputFile, StaysWhenItWasCommittedBeforeTheHandlerRan) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "whole");
  remove_unfinished_outputs();
  EXPECT_EQ(content_of(folder.path("a")), "whole");
}

TEST(OutputFile, KeepsPermissionsAndFollowsLinks) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "before");
  ASSERT_EQ(::chmod(folder.path("a").c_str(), 0640), 0);
  std::filesystem::create_symlink("a", folder.path("link"));
  write_file(folder.path("link"), "after");
  EXPECT_EQ(content_of(folder.path("a")), "after");
  EXPECT_EQ(mode_of(folder.path("a")), 0640U);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link")));
  EXPECT_EQ(OutputFile(folder.path("link")).target(), OutputFile(folder.path("a")).target());
}

TEST(OutputFile, FollowsALinkToWhatIsNotThereYet) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("inner"));
  std::filesystem::create_symlink("inner/second", folder.path("first"));
  std::filesystem::create_symlink("made", folder.path("inner/second"));
  write_file(folder.path("first"), "text");
  EXPECT_EQ(content_of(folder.path("inner/made")), "text");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("first")));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("inner/second")));
}

TEST(OutputFile, RefusesALinkThatLeadsNowhereAndSaysWhy) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("none/file", folder.path("lost"));
  EXPECT_THAT(error_text(ErrorKind::io, [&] { OutputFile(folder.path("lost")); }),
              AllOf(HasSubstr("lost: cannot write"), HasSubstr("No such file or directory")));
  std::filesystem::create_symlink("round", folder.path("round"));
  EXPECT_THAT(error_text(ErrorKind::io, [&] { OutputFile(folder.path("round")); }),
              HasSubstr("Too many levels"));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("lost", "round"));
}

TEST(OutputFile, OfASinkGivesWhatIsWrittenAsItComes) {
  std::string seen;
  OutputFile file("-", [&](std::span<const std::byte> bytes) {
    seen.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  write(file, "one ");
  EXPECT_EQ(seen, "one ");
  OutputFile moved = std::move(file);
  write(moved, "two");
  moved.commit();
  EXPECT_EQ(seen, "one two");
  EXPECT_EQ(moved.target(), "-");
}

// /dev/stdout is such a link, to /proc/self/fd/1: it must not be replaced.
TEST(OutputFile, WritesAFileWithoutANameThroughItsLink) {
  const TemporaryFolder folder;
  const std::string path = folder.path("named");
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const std::string link = folder.path("link");
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(descriptor), link);
  OutputFile file(link);
  write(file, "text");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  char content[4] = {};
  EXPECT_EQ(::pread(descriptor, content, 4, 0), 4);
  EXPECT_EQ(std::string(content, 4), "text");
  ::close(descriptor);
}

TEST(OutputFile, ReportsAFullDisk) {
  OutputFile file("/dev/full");
  EXPECT_EQ(error_text(ErrorKind::io, [&] { write(file, "text"); }),
            "/dev/full: cannot write: No space left on device");
}

TEST(OutputFile, NamesThePathAndTheSystemsReason) {
  const TemporaryFolder folder;
  const auto refusal = [](const std::string& path) {
    return error_text(ErrorKind::io, [&] { OutputFile file(path); });
  };
  EXPECT_THAT(refusal(folder.path("none/a")), EndsWith("cannot write: No such file or directory"));
  EXPECT_THAT(refusal(folder.root()), EndsWith("cannot write: Is a directory"));
  EXPECT_THAT(refusal(""), HasSubstr("No such file"));
  EXPECT_THAT(refusal(std::string("a\0b", 3)), HasSubstr("NUL"));
  if (::geteuid() == 0) return;  // nothing is forbidden to root
  std::filesystem::permissions(
      folder.root(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(refusal(folder.path("a")), EndsWith("Permission denied"));
}

}  // namespace
}  // namespace fovea::formats
