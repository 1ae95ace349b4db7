// The file as a whole: counts, metadata, tensors, each checked against the bytes that are left.
#include <fmt/format.h>

#include <utility>

#include "formats/byte_reader.h"
#include "formats/checkpoint_content.h"
#include "formats/gguf_metadata.h"
#include "formats/gguf_tensors.h"
#include "formats/memory_budget.h"
#include "fovea/core/error.h"
#include "fovea/formats/file_kind.h"

namespace fovea::formats {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::int64_t kMemory = std::int64_t{60} << 20;

std::uint32_t take_version(ByteReader& reader) {
  if (reader.left() < 4 || reader.take<std::uint32_t>("the magic") != kMagic) {
    reader.fail(0,
                fmt::format("is no GGUF file: it looks like {}", kind_of_content(reader.bytes())));
  }
  const auto version = reader.take<std::uint32_t>("the version");
  const std::uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    reader.fail(
        4, fmt::format("version {} of a big-endian GGUF; little-endian ones are read", swapped),
        ErrorKind::unsupported);
  }
  if (version != 2 && version != 3) {
    reader.fail(4, fmt::format("GGUF version {}; 2 and 3 are read", version));
  }
  return version;
}

// A count of things that take at least `least_bytes` each in what is left of the file.
std::int64_t take_count(ByteReader& reader, std::string_view what, std::int64_t least_bytes) {
  const std::int64_t at = reader.offset();
  const auto count = reader.take<std::uint64_t>(what);
  const auto most = static_cast<std::uint64_t>(reader.left() / least_bytes);
  if (count > most) {
    reader.fail(at, fmt::format("{} is {}; the {} bytes left hold at most {}", what, count,
                                reader.left(), most));
  }
  return static_cast<std::int64_t>(count);
}

}  // namespace

CheckpointContent parse_gguf(std::span<const std::byte> file, const std::string& name) {
  ByteReader reader(file, name);
  const std::uint32_t version = take_version(reader);
  const std::int64_t tensor_count = take_count(reader, "the number of tensors", kLeastTensorBytes);
  const std::int64_t key_count = take_count(reader, "the number of keys", kLeastKeyBytes);
  MemoryBudget budget(kMemory);
  CheckpointContent content{fmt::format("gguf v{}", version), {}, {}};
  content.metadata = take_gguf_metadata(reader, key_count, budget);
  const std::int64_t alignment = gguf_alignment(content.metadata, name);
  content.tensors = take_gguf_tensors(reader, {tensor_count, alignment}, budget);
  return content;
}

Checkpoint read_gguf(const std::string& path) {
  MappedFile file(path);
  CheckpointContent content = parse_gguf(file.bytes(), file.name());
  file.require_whole();
  return {std::move(file), std::move(content.format), std::move(content.tensors),
          std::move(content.metadata)};
}

}  // namespace fovea::formats
