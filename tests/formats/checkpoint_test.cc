// One interface over both formats; what is neither is named.
#include "fovea/formats/checkpoint.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "core/error_text.h"
#include "formats/call_cost.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const std::string kGolden = FOVEA_SOURCE_DIR "/tests/golden/";

TEST(Checkpoint, FindsTensorsByName) {
  const Checkpoint file = read_checkpoint(kGolden + "plain.safetensors");
  for (const StoredTensor& tensor : file.tensors()) EXPECT_EQ(file.find(tensor.name), &tensor);
  EXPECT_EQ(file.find(""), nullptr);
  EXPECT_EQ(file.find("half"), nullptr);
  EXPECT_EQ(file.find("zzz"), nullptr);
  EXPECT_EQ(error_text(ErrorKind::format, [&] { file.tensor("h\x1b"); }),
            kGolden + "plain.safetensors: holds no tensor 'h\\x1b'; it has 5 others");
}

TEST(Checkpoint, GivesValuesOfTheTypeAskedForOnly) {
  const Checkpoint file = read_checkpoint(kGolden + "quantized.gguf");
  EXPECT_NE(file.value<std::string>("general.architecture"), nullptr);
  EXPECT_EQ(file.value<double>("general.architecture"), nullptr);
  EXPECT_EQ(file.value<std::string>("general.name"), nullptr);
}

TEST(Checkpoint, KeepsItsPlacesWhenItIsMoved) {
  Checkpoint first = read_checkpoint(kGolden + "quantized.gguf");
  const StoredTensor* const tensor = first.find("q4_1");
  const std::byte* const bytes = tensor->bytes.data();
  const Checkpoint second = std::move(first);
  EXPECT_EQ(second.find("q4_1"), tensor);
  EXPECT_EQ(second.find("q4_1")->bytes.data(), bytes);
  EXPECT_FALSE(second.file().bytes().empty());
}

TEST(ReadCheckpoint, GoesByTheContentWhereTheNameSaysNothing) {
  const TemporaryFolder folder;
  write_file(folder.path("sha256-1234"), content_of(kGolden + "quantized.gguf"));
  EXPECT_EQ(read_checkpoint(folder.path("sha256-1234")).format(), "gguf v3");
  write_file(folder.path("model"), content_of(kGolden + "plain.safetensors"));
  EXPECT_EQ(read_checkpoint(folder.path("model")).format(), "safetensors");
  write_file(folder.path("pytorch_model.bin"), "PK\x03\x04 and so on");
  EXPECT_THAT(
      error_text(ErrorKind::format, [&] { read_checkpoint(folder.path("pytorch_model.bin")); }),
      EndsWith(
          "pytorch_model.bin: looks like a zip archive (.npz and PyTorch checkpoints are such); "
          "a GGUF or safetensors file is wanted"));
}

TEST(ReadCheckpoint, RefusesWhatIsNoRegularFileAtOnce) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("folder.gguf"));
  ASSERT_EQ(::mkfifo(folder.path("pipe.safetensors").c_str(), 0600), 0);
  const auto refusal_of = [](const std::string& path) {
    return error_text(ErrorKind::io, [&] { read_checkpoint(path); });
  };
  EXPECT_THAT(refusal_of(folder.path("folder.gguf")), HasSubstr("is a directory"));
  EXPECT_THAT(refusal_of(folder.path("pipe.safetensors")), HasSubstr("is a FIFO"));
  EXPECT_THAT(refusal_of("/dev/zero"), HasSubstr("is a device"));
  EXPECT_THAT(refusal_of(folder.path("none.gguf")), HasSubstr("No such file"));
}

TEST(ReadCheckpoint, RefusesFourGibibytesOfZerosFromTheFirstBytes) {
  const TemporaryFolder folder;
  for (const std::string name : {"zeros.gguf", "zeros.safetensors", "zeros"}) {
    const int file = ::open(folder.path(name).c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_EQ(::ftruncate(file, std::int64_t{1} << 32), 0);
    ::close(file);
    std::string said;
    std::int64_t memory = 0;
    const double seconds = processor_seconds_of([&] {
      memory = peak_memory_of([&] {
        said = error_text(ErrorKind::format, [&] { read_checkpoint(folder.path(name)); });
      });
    });
    EXPECT_THAT(said, HasSubstr("looks like all zeros"));
    EXPECT_LT(seconds, 0.05 * kSlowdown);
    EXPECT_LT(memory, std::int64_t{1} << 20);
  }
}

TEST(ReadCheckpoint, MapsTheDataAndDoesNotReadIt) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[1024,262144],"data_offsets":[0,1073741824]}})";
  std::string file("\0\0\0\0\0\0\0\0", 8);
  file[0] = static_cast<char>(header.size());
  write_file(folder.path("large.safetensors"), file + header);
  ASSERT_EQ(::truncate(folder.path("large.safetensors").c_str(),
                       static_cast<std::int64_t>(8 + header.size()) + (std::int64_t{1} << 30)),
            0);
  const std::int64_t memory = peak_memory_of([&] {
    const Checkpoint checkpoint = read_checkpoint(folder.path("large.safetensors"));
    EXPECT_EQ(checkpoint.tensor("a").bytes.size(), std::size_t{1} << 30);
  });
  EXPECT_LT(memory, std::int64_t{2} << 20);
}

}  // namespace
}  // namespace fovea::formats
