// The files of tests/hostile do what their list says, and no damage to a small good file makes a
// reader crash or reach out of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "formats/checkpoint_content.h"
#include "formats/temporary_folder.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

const std::string kFolder = FOVEA_SOURCE_DIR "/tests/hostile/";

struct Expected {
  std::string file;
  std::string verdict;
  std::string text;
};

std::vector<Expected> read_expected() {
  std::vector<Expected> all;
  std::ifstream stream(kFolder + "expected.tsv");
  std::string line;
  std::getline(stream, line);  // the heading
  while (std::getline(stream, line)) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    all.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                   line.substr(second + 1)});
  }
  return all;
}

/// "name TYPE shape; " of each tensor, then the number of keys.
std::string summary_of(const Checkpoint& checkpoint) {
  std::string text;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    text += fmt::format("{} {} {}; ", printable(tensor.name), name_of(tensor.type),
                        to_string(tensor.shape));
  }
  return text + fmt::format("{} keys", checkpoint.metadata().size());
}

/// Reads the file, and what became of it: its verdict and the text that goes with it.
Expected outcome_of(const std::string& file) {
  try {
    return {file, "loads", summary_of(read_checkpoint(kFolder + file))};
  } catch (const Error& error) {
    const std::string verdict = error.kind() == ErrorKind::format        ? "rejected"
                                : error.kind() == ErrorKind::unsupported ? "unsupported"
                                                                         : "failed otherwise";
    return {file, verdict, error.what()};
  }
}

TEST(HostileFiles, AreRejectedOrLoadedAsTheirListSays) {
  const std::vector<Expected> all = read_expected();
  ASSERT_GT(all.size(), 200U);
  for (const Expected& expected : all) {
    const Expected found = outcome_of(expected.file);
    EXPECT_EQ(found.verdict, expected.verdict) << expected.file << ": " << found.text;
    if (expected.verdict == "loads") {
      EXPECT_EQ(found.text, expected.text) << expected.file;
    } else {
      EXPECT_THAT(found.text, testing::HasSubstr(expected.text)) << expected.file;
      EXPECT_THAT(found.text, testing::StartsWith(kFolder + expected.file + ": "));
      EXPECT_EQ(found.text.find('\n'), std::string::npos) << expected.file;
      EXPECT_EQ(found.text, printable(found.text)) << expected.file;
      EXPECT_LT(found.text.size(), kFolder.size() + 400) << expected.file;
    }
  }
}

TEST(HostileFiles, AreAllInTheirList) {
  std::set<std::string> listed{"expected.tsv"};
  for (const Expected& expected : read_expected()) listed.insert(expected.file);
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.is_regular_file()) {
      EXPECT_TRUE(listed.contains(entry.path().filename())) << entry.path();
    }
  }
}

using Parse = CheckpointContent (*)(std::span<const std::byte> file, const std::string& name);

/// A copy of its own size, so that a sanitizer sees a read past its end.
CheckpointContent parse_copy(Parse parse, std::string_view file, std::vector<std::byte>& copy) {
  const auto bytes = std::as_bytes(std::span(file));
  copy.assign(bytes.begin(), bytes.end());
  copy.shrink_to_fit();
  return parse(copy, "a file");
}

bool lies_within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  const std::less_equal<> is_not_after;
  return part.empty() || (is_not_after(whole.data(), part.data()) &&
                          is_not_after(part.data() + part.size(), whole.data() + whole.size()));
}

/// Parses the file; whether it loads. A failure where a tensor reaches out of it, or its size is not
/// what its type and shape say.
bool loads_in_bounds(Parse parse, std::string_view file) {
  std::vector<std::byte> copy;
  try {
    const CheckpointContent content = parse_copy(parse, file, copy);
    for (const StoredTensor& tensor : content.tensors) {
      EXPECT_TRUE(lies_within(tensor.bytes, copy));
      const BlockSize block = block_size(tensor.type);
      EXPECT_EQ(static_cast<std::int64_t>(tensor.bytes.size()),
                tensor.shape.element_count() / block.numbers * block.bytes);
      const auto sum = std::accumulate(
          tensor.bytes.begin(), tensor.bytes.end(), 0,
          [](int total, std::byte byte) { return total ^ std::to_integer<int>(byte); });
      EXPECT_LT(sum, 256);  // all bytes were read
    }
    return true;
  } catch (const Error& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::format || error.kind() == ErrorKind::unsupported)
        << error.what();
    return false;
  }
}

struct Damaged {
  int loaded = 0;
  int rejected = 0;
};

Damaged cut_everywhere(Parse parse, const std::string& file) {
  Damaged counts;
  for (std::size_t length = 0; length < file.size(); ++length) {
    ++(loads_in_bounds(parse, std::string_view(file).substr(0, length)) ? counts.loaded
                                                                        : counts.rejected);
  }
  return counts;
}

Damaged change_every_byte(Parse parse, const std::string& file) {
  Damaged counts;
  for (std::size_t at = 0; at < file.size(); ++at) {
    const auto was = static_cast<unsigned char>(file[at]);
    for (const int value : {0, 1, 0x7F, 0x80, 0xFF, was + 1, was - 1, was ^ 0x20, was ^ 0x80}) {
      std::string changed = file;
      changed[at] = static_cast<char>(value);
      ++(loads_in_bounds(parse, changed) ? counts.loaded : counts.rejected);
    }
  }
  return counts;
}

std::string content(const std::string& name) {
  return content_of(kFolder + name);
}

TEST(Gguf, EveryTruncationIsRejectedOrLoadsInBounds) {
  const Damaged counts = cut_everywhere(parse_gguf, content("gguf_every_tensor_type.gguf"));
  // Only the padding behind the last tensor can go: 24 bytes behind the 8 of BF16's four numbers.
  EXPECT_EQ(counts.loaded, 24);
  EXPECT_GT(cut_everywhere(parse_gguf, content("gguf_every_kind_of_value.gguf")).rejected, 500);
}

TEST(Gguf, EveryChangedByteIsRejectedOrLoadsInBounds) {
  for (const std::string name : {"gguf_every_tensor_type.gguf", "gguf_every_kind_of_value.gguf",
                                 "gguf_alignment_of_64.gguf", "gguf_tensors_in_reverse.gguf"}) {
    const std::string file = content(name);
    ASSERT_TRUE(loads_in_bounds(parse_gguf, file)) << name;
    const Damaged counts = change_every_byte(parse_gguf, file);
    EXPECT_GT(counts.loaded, 0) << name;  // a name's letter is another name
    EXPECT_GT(counts.rejected, 0) << name;
  }
}

TEST(Safetensors, EveryTruncationIsRejected) {
  for (const std::string name :
       {"safetensors_every_dtype.safetensors", "safetensors_of_metadata_alone.safetensors"}) {
    EXPECT_EQ(cut_everywhere(parse_safetensors, content(name)).loaded, 0) << name;
  }
}

TEST(Safetensors, EveryChangedByteIsRejectedOrLoadsInBounds) {
  for (const std::string name :
       {"safetensors_every_dtype.safetensors", "safetensors_of_metadata_alone.safetensors",
        "safetensors_entries_in_reverse.safetensors", "safetensors_padded.safetensors"}) {
    const std::string file = content(name);
    ASSERT_TRUE(loads_in_bounds(parse_safetensors, file)) << name;
    const Damaged counts = change_every_byte(parse_safetensors, file);
    EXPECT_GT(counts.loaded, 0) << name;
    EXPECT_GT(counts.rejected, 0) << name;
  }
}

}  // namespace
}  // namespace fovea::formats
