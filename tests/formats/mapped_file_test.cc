// A file as memory, and what can be known of it when it is cut.
#include "fovea/formats/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error_text.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

std::string text_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

TEST(MappedFile, ShowsTheFilesBytes) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  const MappedFile file(folder.path("a"));
  EXPECT_EQ(text_of(file), "0123456789");
  EXPECT_EQ(file.name(), folder.path("a"));
  file.require_whole();
}

TEST(MappedFile, MayBeEmpty) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "");
  EXPECT_TRUE(MappedFile(folder.path("a")).bytes().empty());
}

TEST(MappedFile, StaysWhereItIsWhenItIsMoved) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123");
  write_file(folder.path("b"), "4567");
  MappedFile first(folder.path("a"));
  const std::byte* const start = first.bytes().data();
  MappedFile second(std::move(first));
  EXPECT_EQ(second.bytes().data(), start);
  MappedFile third(folder.path("b"));
  third = std::move(second);
  EXPECT_EQ(third.bytes().data(), start);
  EXPECT_EQ(text_of(third), "0123");
}

TEST(MappedFile, OutlivesItsName) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  const MappedFile file(folder.path("a"));
  std::filesystem::remove(folder.path("a"));
  EXPECT_EQ(text_of(file), "0123456789");
  file.require_whole();
}

TEST(MappedFile, SaysThatTheFileWasCut) {
  const TemporaryFolder folder;
  write_file(folder.path("a"), "0123456789");
  const MappedFile file(folder.path("a"));
  ASSERT_EQ(::truncate(folder.path("a").c_str(), 5), 0);
  EXPECT_EQ(error_text(ErrorKind::io, [&] { file.require_whole(); }),
            folder.path("a") + ": had 10 bytes when it was opened and now has 5");
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  EXPECT_THAT(error_text(ErrorKind::io, [] { MappedFile file("/dev/zero"); }),
              testing::HasSubstr("is a device"));
}

}  // namespace
}  // namespace fovea::formats
