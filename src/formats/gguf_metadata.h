// The keys and values of a GGUF file.
#pragma once

#include <cstdint>
#include <string>

#include "formats/byte_reader.h"
#include "formats/memory_budget.h"
#include "fovea/formats/checkpoint.h"

namespace fovea::formats {

/// The shortest key with its value: a length, one letter, a type, a bool.
inline constexpr std::int64_t kLeastKeyBytes = 8 + 1 + 4 + 1;

/// Takes `count` keys with their values. Throws Error{format} with the byte and the key.
Metadata take_gguf_metadata(ByteReader& reader, std::int64_t count, MemoryBudget& budget);

/// Takes a string: its length, which counts 8 bytes, and its text, part of the file.
std::string_view take_gguf_string(ByteReader& reader, std::string_view what);

/// What tensors' offsets are multiples of: general.alignment, 32 unless given. Throws Error{format}
/// when it is no power of two of at most 1 MiB.
std::int64_t gguf_alignment(const Metadata& metadata, const std::string& file);

}  // namespace fovea::formats
