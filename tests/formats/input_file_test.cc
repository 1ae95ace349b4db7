// What cannot be read is refused when it is opened.
#include "fovea/formats/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error_text.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string refusal_of(const std::string& path) {
  return error_text(ErrorKind::io, [&] { InputFile file(path); });
}

TEST(InputFile, ReadsAtAnyOffset) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  const InputFile file(folder.path("a"));
  EXPECT_EQ(file.size(), 10);
  std::string text(4, ' ');
  file.read_at(3, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "3456");
}

TEST(InputFile, SaysThatAFileWasCutAfterItWasOpened) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  const InputFile file(folder.path("a"));
  ASSERT_EQ(::truncate(folder.path("a").c_str(), 5), 0);
  EXPECT_THAT(error_text(ErrorKind::io, [&] { read_text(file); }),
              EndsWith("had 10 bytes when it was opened and now ends at byte 5"));
}

TEST(InputFile, NamesThePathAndTheSystemsReason) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal_of(folder.path("none.npy")),
            folder.path("none.npy") + ": No such file or directory");
  EXPECT_THAT(refusal_of(""), HasSubstr("No such file"));
}

TEST(InputFile, RefusesWhatIsNoRegularFileAtOnce) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal_of(folder.path("pipe")), HasSubstr("is a FIFO"));
  EXPECT_THAT(refusal_of(folder.root()), HasSubstr("is a directory"));
  EXPECT_EQ(refusal_of("/dev/zero"), "/dev/zero: is a device; a regular file is wanted");
  EXPECT_THAT(refusal_of("/dev/full"), HasSubstr("is a device"));
}

TEST(InputFile, EscapesThePathInMessages) {
  EXPECT_EQ(refusal_of("a\x1b[31m"), "a\\x1b[31m: No such file or directory");
  EXPECT_THAT(refusal_of(std::string("a\0b", 3)), HasSubstr("NUL"));
  EXPECT_LT(refusal_of(std::string(100000, 'a')).size(), 300U);
}

TEST(ReadText, RefusesMoreThanIsWelcome) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  EXPECT_EQ(read_text(InputFile(folder.path("a")), 10), "0123456789");
  EXPECT_THAT(error_text(ErrorKind::format, [&] { read_text(InputFile(folder.path("a")), 9); }),
              EndsWith("has 10 bytes; at most 9 are read"));
}

}  // namespace
}  // namespace fovea::formats
