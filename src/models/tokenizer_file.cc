// Which kind of tokenizer file a path is, and where a folder has one.
#include "fovea/models/tokenizer_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/file_kind.h"
#include "fovea/formats/input_file.h"
#include "models/model_files.h"
#include "models/tokenizer_readers.h"

namespace fovea::models {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWanted =
    "a .gguf, tokenizer.json, vocab.txt, or vocab.bpe (merges.txt) with encoder.json (vocab.json) "
    "is wanted";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The first of the files that there is in the folder.
std::optional<std::string> first_of(const fs::path& folder,
                                    const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (is_there(folder / name)) return (folder / name).string();
  }
  return std::nullopt;
}

std::unique_ptr<tokenize::Tokenizer> read_bpe(const std::string& merges) {
  const fs::path folder = fs::path(merges).parent_path();
  const auto vocabulary = first_of(folder, {"encoder.json", "vocab.json"});
  if (!vocabulary) {
    throw Error(ErrorKind::format,
                fmt::format("{}: encoder.json or vocab.json is wanted beside it: the merges' ids",
                            printable(merges)));
  }
  return read_bpe_files(merges, *vocabulary);
}

// Null when the folder has none.
std::unique_ptr<tokenize::Tokenizer> read_from_folder(const fs::path& folder) {
  if (const auto file = first_of(folder, {"tokenizer.json"})) return read_tokenizer_json(*file);
  if (const auto file = first_of(folder, {"vocab.txt"})) return read_wordpiece_lines(*file);
  if (const auto file = first_of(folder, {"vocab.bpe", "merges.txt"})) return read_bpe(*file);
  return nullptr;
}

std::unique_ptr<tokenize::Tokenizer> read_gguf_file(const std::string& path) {
  const formats::Checkpoint checkpoint = formats::read_gguf(path);
  auto tokenizer = tokenizer_of(checkpoint);
  if (tokenizer) return tokenizer;
  throw Error(ErrorKind::format,
              fmt::format("{}: tokenizer.ggml.model: missing: this GGUF holds no tokenizer",
                          checkpoint.name()));
}

std::optional<std::string> gguf_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".gguf") found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found.front();
  return std::nullopt;
}

bool looks_like_gguf(const std::string& path) {
  const formats::InputFile file(path);
  std::array<std::byte, 4> first{};
  if (file.size() < static_cast<std::int64_t>(first.size())) return false;
  file.read_at(0, first);
  return std::string_view(reinterpret_cast<const char*>(first.data()), first.size()) == "GGUF";
}

std::unique_ptr<tokenize::Tokenizer> read_file(const std::string& path) {
  const fs::path file(path);
  const std::string name = file.filename().string();
  const std::string extension = file.extension().string();
  if (looks_like_gguf(path) || extension == ".gguf") return read_gguf_file(path);
  if (extension == ".bpe" || name == "merges.txt") return read_bpe(path);
  if (name == "encoder.json" || name == "vocab.json") {
    const auto merges = first_of(file.parent_path(), {"vocab.bpe", "merges.txt"});
    if (merges) return read_bpe_files(*merges, path);
    throw Error(ErrorKind::format,
                fmt::format("{}: vocab.bpe or merges.txt is wanted beside it", printable(path)));
  }
  if (extension == ".json") return read_tokenizer_json(path);
  if (extension == ".txt") return read_wordpiece_lines(path);
  if (extension == ".safetensors") {
    if (auto tokenizer = read_from_folder(file.parent_path())) return tokenizer;
  }
  const formats::InputFile input(path);
  std::vector<std::byte> first(static_cast<std::size_t>(
      std::min(input.size(), static_cast<std::int64_t>(formats::kKindBytes))));
  input.read_at(0, first);
  throw Error(ErrorKind::format, fmt::format("{}: no tokenizer: it looks like {}; {}", input.name(),
                                             formats::kind_of_content(first), kWanted));
}

}  // namespace

std::unique_ptr<tokenize::Tokenizer> load_tokenizer(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return read_file(path);
  if (auto tokenizer = read_from_folder(path)) return tokenizer;
  if (const auto gguf = gguf_in(path)) return read_gguf_file(*gguf);
  throw Error(ErrorKind::format,
              fmt::format("{}: no tokenizer in this folder; {}", printable(path), kWanted));
}

std::unique_ptr<tokenize::Tokenizer> read_tokenizer(const ModelFiles& files) {
  if (files.is_gguf()) return tokenizer_of(*files.weights);
  return read_from_folder(files.folder);
}

}  // namespace fovea::models
