// What a safetensors file holds comes out as it is, and a large header costs what it should. The
// malformed ones are in hostile_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "formats/call_cost.h"
#include "formats/checkpoint_content.h"
#include "formats/gguf_bytes.h"

namespace fovea::formats {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

CheckpointContent parse(std::string_view file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "a.safetensors");
}

std::string with_header(const std::string& header) {
  return raw_number(std::uint64_t{header.size()}) + header;
}

TEST(Safetensors, ReadsWhatPythonsSafetensorsWrites) {
  const Checkpoint file = read_safetensors(FOVEA_SOURCE_DIR "/tests/golden/plain.safetensors");
  EXPECT_EQ(file.format(), "safetensors");
  EXPECT_EQ(*file.value<std::string>("made by"), "safetensors");
  EXPECT_EQ(file.tensors().size(), 5U);
  const StoredTensor& halves = file.tensor("halves");
  EXPECT_EQ(halves.type, StoredType::f16);
  EXPECT_EQ(halves.shape, (Shape{1, 3}));
  std::vector<float> floats(3);
  to_floats(halves.type, halves.bytes, floats);
  EXPECT_THAT(floats, testing::ElementsAre(0.5F, -2.0F, 65504.0F));
  floats.resize(6);
  to_floats(StoredType::f32, file.tensor("floats").bytes, floats);
  EXPECT_THAT(floats, testing::ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(file.tensor("wholes").type, StoredType::i64);
  EXPECT_EQ(file.tensor("none").shape, (Shape{0, 3}));
  EXPECT_EQ(file.tensor("scalar").shape, Shape{});
}

TEST(Safetensors, NamesTheByteOfTheFileWhereJsonIsWrong) {
  EXPECT_EQ(error_text(ErrorKind::format, [] { parse(with_header("{\"a\":NaN}")); }),
            "a.safetensors: byte 13: 'N' cannot stand here in JSON");
}

/// Costs of a file that is refused, or not: less than a second and 64 MiB. Returns what was said.
std::string expect_cheap(const std::string& file) {
  std::string said = "loads";
  std::int64_t memory = 0;
  const double seconds = processor_seconds_of([&] {
    memory = peak_memory_of([&] {
      try {
        parse(file);
      } catch (const Error& error) {
        said = error.what();
      }
    });
  });
  EXPECT_LT(seconds, 1.0 * kSlowdown) << said;
  EXPECT_LT(memory, 64 * kMebibyte) << said;
  return said;
}

std::string with_tensors(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    header += (i == 0 ? "\"model.layers.weight." : ",\"model.layers.weight.") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[0,16],"data_offsets":[0,0]})";
  }
  return with_header(header + "}");
}

TEST(Safetensors, ReadsFortyThousandTensors) {
  EXPECT_EQ(expect_cheap(with_tensors(40000)), "loads");
}

TEST(Safetensors, TakesNoMoreThan64MebibytesForAHeaderOfAnyKind) {
  EXPECT_THAT(expect_cheap(with_tensors(300000)), HasSubstr("take more than 36 MiB"));
  const std::string spaces(std::size_t{90} << 20, ' ');
  EXPECT_EQ(expect_cheap(with_header("{}" + spaces)), "loads");
  EXPECT_THAT(expect_cheap(with_header("{" + spaces + "}")), HasSubstr("more than 4 MiB"));
  const std::string letters(std::size_t{90} << 20, 'a');
  EXPECT_THAT(expect_cheap(with_header("{\"" + letters + "\":1}")), HasSubstr("more than 4 MiB"));
  std::string texts = "{\"__metadata__\":{\"0\":\"\"";
  for (int i = 1; i < 12; ++i) {
    texts += ",\"" + std::to_string(i) + "\":\"" + std::string(std::size_t{3} << 20, 'a') + "\"";
  }
  EXPECT_EQ(expect_cheap(with_header(texts + "}}")), "loads");
  std::string lists = "{\"a\":[[]";
  for (int i = 0; i < 4000000; ++i) lists += ",[]";
  EXPECT_THAT(expect_cheap(with_header(lists + "]}")), HasSubstr("take more than 36 MiB"));
}

}  // namespace
}  // namespace fovea::formats
