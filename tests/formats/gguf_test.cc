// What a GGUF file holds comes out as it is, and a large header costs what it should. The malformed
// ones are in hostile_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "formats/call_cost.h"
#include "formats/gguf_bytes.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

std::string refusal_of(std::string_view file, ErrorKind kind = ErrorKind::format) {
  return error_text(kind, [&] { parse_gguf_text(file); });
}

TEST(Gguf, ReadsWhatPythonsGgufWrites) {
  const Checkpoint file = read_gguf(FOVEA_SOURCE_DIR "/tests/golden/quantized.gguf");
  EXPECT_EQ(file.format(), "gguf v3");
  EXPECT_EQ(*file.value<std::string>("general.architecture"), "golden");
  EXPECT_THAT(file.value<Tensor>("golden.numbers")->values<std::int32_t>(), ElementsAre(1, -2, 3));
  EXPECT_THAT(*file.value<std::vector<std::string>>("golden.texts"),
              ElementsAre("", "ä", "a text of more than fifteen bytes"));
  EXPECT_EQ(*file.value<double>("golden.half"), 0.5);
  EXPECT_EQ(*file.value<std::uint64_t>("golden.large"), UINT64_MAX);
  EXPECT_EQ(*file.value<bool>("golden.true"), true);
  const StoredTensor& blocks = file.tensor("q4_k");
  EXPECT_EQ(blocks.type, StoredType::q4_k);
  EXPECT_EQ(blocks.shape, (Shape{4, 512}));
  EXPECT_EQ(blocks.bytes.size(), 4U * 2 * 144);
}

TEST(Gguf, GivesWholeNumbersOfAllTypesAsInt64) {
  const CheckpointContent content =
      parse_gguf_text(gguf_start(0, 4) + gguf_key("u8", 0, "\xFF") + gguf_key("i8", 1, "\xFF") +
                      gguf_key("u64", 10, raw_number(std::uint64_t{INT64_MAX})) +
                      gguf_key("above", 10, raw_number(std::uint64_t{INT64_MAX} + 1)));
  EXPECT_EQ(std::get<std::int64_t>(content.metadata.at("u8")), 255);
  EXPECT_EQ(std::get<std::int64_t>(content.metadata.at("i8")), -1);
  EXPECT_EQ(std::get<std::int64_t>(content.metadata.at("u64")), INT64_MAX);
  EXPECT_EQ(std::get<std::uint64_t>(content.metadata.at("above")), std::uint64_t{INT64_MAX} + 1);
}

TEST(Gguf, GivesArraysInTheirOwnType) {
  const CheckpointContent content = parse_gguf_text(
      gguf_start(0, 3) +
      gguf_key("floats", kGgufArray,
               raw_number(kGgufF32) + raw_number(std::uint64_t{2}) + raw_number(1.5F) +
                   raw_number(-2.0F)) +
      gguf_key("bools", kGgufArray,
               raw_number(kGgufBool) + raw_number(std::uint64_t{2}) + std::string("\0\1", 2)) +
      gguf_key("none", kGgufArray, raw_number(kGgufU32) + raw_number(std::uint64_t{0})));
  EXPECT_THAT(std::get<Tensor>(content.metadata.at("floats")).values<float>(),
              ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(std::get<Tensor>(content.metadata.at("bools")).values<bool>(),
              ElementsAre(false, true));
  EXPECT_EQ(std::get<Tensor>(content.metadata.at("none")).shape(), (Shape{0}));
  EXPECT_EQ(std::get<Tensor>(content.metadata.at("none")).dtype(), DType::u32);
}

TEST(Gguf, GivesTensorsInTheOrderOfTheirBytes) {
  std::string file = gguf_start(2, 0) + gguf_floats("b", 2, 32) + gguf_floats("a", 8, 0);
  file.resize((file.size() + 31) / 32 * 32);
  const std::size_t start = file.size();
  file += std::string(32, '\1') + std::string(8, '\2');
  const CheckpointContent content = parse_gguf_text(file);
  ASSERT_EQ(content.tensors.size(), 2U);
  EXPECT_EQ(content.tensors[0].name, "a");
  EXPECT_EQ(content.tensors[1].name, "b");
  const auto bytes = std::as_bytes(std::span(file));
  EXPECT_EQ(content.tensors[1].bytes.data(), bytes.data() + start + 32);
  EXPECT_EQ(content.tensors[1].bytes.size(), 8U);
}

TEST(Gguf, TakesKeysOfUpTo65535Bytes) {
  const auto with_key_of = [](std::size_t length) {
    return gguf_start(0, 1) + gguf_key(std::string(length, 'k'), kGgufBool, "\1");
  };
  EXPECT_EQ(parse_gguf_text(with_key_of(65535)).metadata.size(), 1U);
  EXPECT_EQ(refusal_of(with_key_of(65536)),
            "a.gguf: byte 24: a key is 65536 bytes long; at most 65535 are allowed");
}

std::string with_keys(int count) {
  std::string file = gguf_start(0, static_cast<std::uint64_t>(count));
  // The last digits first: a search tree that does not balance itself would suffer.
  for (int i = 0; i < count; ++i) {
    file += gguf_key("some.long.enough.key." + std::to_string(i), kGgufU32, raw_number(i));
  }
  return file;
}

TEST(Gguf, ReadsAHundredThousandKeysInUnderASecond) {
  const std::string file = with_keys(100000);
  CheckpointContent content;
  const double seconds = processor_seconds_of([&] { content = parse_gguf_text(file); });
  EXPECT_EQ(content.metadata.size(), 100000U);
  EXPECT_LT(seconds, 1.0 * kSlowdown);
  EXPECT_EQ(std::get<std::int64_t>(content.metadata.at("some.long.enough.key.99999")), 99999);
}

TEST(Gguf, RefusesTheTwinOfAHundredThousandKeys) {
  std::string file = with_keys(100000) + gguf_key("some.long.enough.key.50000", kGgufBool, "\1");
  const std::string start = gguf_start(0, 100001);
  file.replace(0, start.size(), start);
  EXPECT_THAT(refusal_of(file), EndsWith("the key 'some.long.enough.key.50000' is given twice"));
}

TEST(Gguf, ReadsTheVocabulariesOfLargeModels) {
  // Gemma 3 has 262,144 tokens and 514,906 merges.
  const int count = 262144 + 514906;
  std::string file = gguf_start(0, 1) + gguf_string("tokens") + raw_number(kGgufArray) +
                     raw_number(kGgufString) + raw_number(std::uint64_t{count});
  for (int i = 0; i < count; ++i) file += gguf_string("token " + std::to_string(i));
  const CheckpointContent content = parse_gguf_text(file);
  const auto& tokens = std::get<std::vector<std::string>>(content.metadata.at("tokens"));
  EXPECT_EQ(tokens.size(), static_cast<std::size_t>(count));
  EXPECT_EQ(tokens.back(), "token 777049");
}

/// Costs of a file that is refused, or not: less than a second and 64 MiB.
void expect_cheap(const std::string& file) {
  std::string said = "loads";
  std::int64_t memory = 0;
  const double seconds = processor_seconds_of([&] {
    memory = peak_memory_of([&] {
      try {
        parse_gguf_text(file);
      } catch (const Error& error) {
        said = error.what();
      }
    });
  });
  EXPECT_LT(seconds, 1.0 * kSlowdown) << said;
  EXPECT_LT(memory, 64 * kMebibyte) << said;
}

TEST(Gguf, TakesNoMoreThan64MebibytesForAHeaderOfAnyKind) {
  const std::string empty_strings = gguf_start(0, 1) + gguf_string("k") + raw_number(kGgufArray) +
                                    raw_number(kGgufString) + raw_number(std::uint64_t{10} << 20) +
                                    std::string(std::size_t{80} << 20, '\0');
  EXPECT_THAT(refusal_of(empty_strings, ErrorKind::unsupported),
              HasSubstr("key 'k': the metadata so far takes more than 60 MiB of memory"));
  expect_cheap(empty_strings);

  EXPECT_THAT(refusal_of(with_keys(800000), ErrorKind::unsupported),
              HasSubstr("800000 keys are more than 60 MiB of memory hold"));
  expect_cheap(with_keys(800000));

  std::string tensors = gguf_start(800000, 0);
  for (int i = 0; i < 800000; ++i) tensors += gguf_floats(std::to_string(i), 0, 0);
  EXPECT_THAT(refusal_of(tensors, ErrorKind::unsupported),
              HasSubstr("800000 tensors are more than 60 MiB of memory hold"));
  expect_cheap(tensors);

  const std::string numbers = gguf_start(0, 1) + gguf_string("k") + raw_number(kGgufArray) +
                              raw_number(kGgufF32) + raw_number(std::uint64_t{16} << 20) +
                              std::string(std::size_t{64} << 20, '\0');
  EXPECT_THAT(refusal_of(numbers, ErrorKind::unsupported), HasSubstr("more than 60 MiB of memory"));
}

}  // namespace
}  // namespace fovea::formats
