// What a file looks like by its first bytes: for saying so when another format was wanted.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace fovea::formats {

/// Bytes of a file's beginning that are enough for kind_of_content.
inline constexpr std::size_t kKindBytes = 512;

/// What kind_of_content calls the two formats of models.
inline constexpr std::string_view kGgufKind = "a GGUF model";
inline constexpr std::string_view kSafetensorsKind = "a safetensors file";

/// Returns "a zip archive (or .npz)", "an HTML page", "a git-lfs pointer ...", "a GGUF model", "all
/// zeros", "text", ...; "unknown bytes" when nothing is recognised and "nothing" when `first` is
/// empty. Never fails.
std::string_view kind_of_content(std::span<const std::byte> first) noexcept;

}  // namespace fovea::formats
