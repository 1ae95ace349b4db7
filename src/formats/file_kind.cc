// Magic numbers of what people download, save or rename by mistake.
#include "fovea/formats/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace fovea::formats {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view kind;
};

constexpr std::array kMagics{
    Magic{"\x93NUMPY"sv, "a .npy array"sv},
    Magic{"PK\x03\x04"sv, "a zip archive (.npz and PyTorch checkpoints are such)"sv},
    Magic{"PK\x05\x06"sv, "an empty zip archive"sv},
    Magic{"GGUF"sv, "a GGUF model"sv},
    Magic{"version https://git-lfs"sv,
          "a git-lfs pointer: the file itself was not downloaded (git lfs pull)"sv},
    Magic{"\x1f\x8b"sv, "gzip-compressed data"sv},
    Magic{"\x28\xb5\x2f\xfd"sv, "zstd-compressed data"sv},
    Magic{"\xfd"
          "7zXZ"sv,
          "xz-compressed data"sv},
    Magic{"\x89HDF\r\n"sv, "an HDF5 file"sv},
    Magic{"\x89PNG"sv, "a PNG image"sv},
    Magic{"\xff\xd8\xff"sv, "a JPEG image"sv},
    Magic{"%PDF"sv, "a PDF"sv},
    Magic{"\x7f"
          "ELF"sv,
          "a program"sv},
    Magic{"\x80\x02"sv, "a Python pickle"sv},
    Magic{"\x80\x03"sv, "a Python pickle"sv},
    Magic{"\x80\x04"sv, "a Python pickle"sv},
    Magic{"\x80\x05"sv, "a Python pickle"sv},
};

bool begins_with_word(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

// A safetensors file is the length of its header in 8 bytes, little-endian and under 100 MB, then
// JSON.
bool is_safetensors(std::string_view text) {
  return text.size() > 9 && text.substr(4, 4) == "\0\0\0\0"sv && text[8] == '{' &&
         (text[9] == '"' || text[9] == '}');
}

bool is_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
  });
}

}  // namespace

std::string_view kind_of_content(std::span<const std::byte> first) noexcept {
  if (first.empty()) return "nothing";
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(first.data())),
                              std::min(first.size(), kKindBytes));
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.kind;
  }
  if (is_safetensors(text)) return "a safetensors file";
  if (text.find_first_not_of('\0') == std::string_view::npos) return "all zeros";
  if (!is_text(text)) return "unknown bytes";
  const std::string_view start =
      text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (begins_with_word(start, "<!doctype html") || begins_with_word(start, "<html"))
    return "an HTML page";
  if (start.starts_with("<?xml")) return "an XML document";
  if (start.starts_with('{') || start.starts_with('[')) return "JSON text";
  return "text";
}

}  // namespace fovea::formats
