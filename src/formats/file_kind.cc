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
    Magic{"PK\x07\x08"sv, "a part of a zip archive"sv},
    Magic{"GGUF"sv, kGgufKind},
    Magic{"tjgg"sv, "a GGML model (ggjt), the format before GGUF"sv},
    Magic{"fmgg"sv, "a GGML model (ggmf), the format before GGUF"sv},
    Magic{"lmgg"sv, "a GGML model, the format before GGUF"sv},
    Magic{"algg"sv, "a GGLA adapter, a format before GGUF"sv},
    Magic{"version https://git-lfs"sv,
          "a git-lfs pointer: the file itself was not downloaded (git lfs pull)"sv},
    Magic{"\x1f\x8b"sv, "gzip-compressed data"sv},
    Magic{"\x28\xb5\x2f\xfd"sv, "zstd-compressed data"sv},
    Magic{"\xfd"
          "7zXZ"sv,
          "xz-compressed data"sv},
    Magic{"BZh"sv, "bzip2-compressed data"sv},
    Magic{"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"sv},
    Magic{"Rar!\x1a"sv, "a RAR archive"sv},
    Magic{"\x89HDF\r\n"sv, "an HDF5 file (Keras saves such)"sv},
    Magic{"SQLite format 3"sv, "an SQLite database"sv},
    Magic{"PAR1"sv, "a Parquet file"sv},
    Magic{"ARROW1"sv, "an Arrow file"sv},
    Magic{"GIF8"sv, "a GIF image"sv},
    Magic{"RIFF"sv, "a RIFF file (WAV, WebP, AVI)"sv},
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
         "\"} \t\r\n"sv.find(text[9]) != std::string_view::npos;
}

struct Placed {
  std::size_t offset;
  std::string_view bytes;
  std::string_view kind;
};

// Magics that do not stand at the beginning.
constexpr std::array kPlaced{
    Placed{4, "TFL3"sv, "a TensorFlow Lite model"sv},
    Placed{257, "ustar"sv, "a tar archive"sv},
};

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
  // First: the length that it begins with may look like a magic of two bytes.
  if (is_safetensors(text)) return kSafetensorsKind;
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.kind;
  }
  for (const Placed& placed : kPlaced) {
    if (text.size() > placed.offset && text.substr(placed.offset).starts_with(placed.bytes)) {
      return placed.kind;
    }
  }
  if (text.find_first_not_of('\0') == std::string_view::npos) return "all zeros";
  if (!is_text(text)) return "unknown bytes";
  std::string_view start = text;
  if (start.starts_with("\xEF\xBB\xBF")) start.remove_prefix(3);
  start.remove_prefix(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<!--"}) {
    if (begins_with_word(start, tag)) return "an HTML page";
  }
  if (start.starts_with("<?xml")) return "an XML document";
  if (start.starts_with('{') || start.starts_with('[')) return "JSON text";
  return "text";
}

}  // namespace fovea::formats
