// Finding tensors by name, and the reader that a file's first bytes ask for.
#include "fovea/formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/file_kind.h"

namespace fovea::formats {

Checkpoint::Checkpoint(MappedFile file, std::string format, std::vector<StoredTensor> tensors,
                       Metadata metadata)
    : file_(std::move(file)),
      format_(std::move(format)),
      tensors_(std::move(tensors)),
      by_name_(tensors_.size()),
      metadata_(std::move(metadata)) {
  std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
  std::ranges::sort(by_name_, {},
                    [this](std::size_t i) { return std::string_view(tensors_[i].name); });
}

const StoredTensor* Checkpoint::find(std::string_view name) const noexcept {
  const auto name_at = [this](std::size_t i) { return std::string_view(tensors_[i].name); };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_at);
  return found == by_name_.end() || name_at(*found) != name ? nullptr : &tensors_[*found];
}

const StoredTensor& Checkpoint::tensor(std::string_view name) const {
  if (const StoredTensor* const found = find(name)) return *found;
  throw Error(ErrorKind::format, fmt::format("{}: holds no tensor {}; it has {} others",
                                             this->name(), in_quotes(name), tensors_.size()));
}

Checkpoint read_checkpoint(const std::string& path) {
  if (path.ends_with(".gguf")) return read_gguf(path);
  if (path.ends_with(".safetensors")) return read_safetensors(path);
  const InputFile file(path);
  std::array<std::byte, kKindBytes> first{};
  const auto count = std::min<std::size_t>(first.size(), static_cast<std::size_t>(file.size()));
  const std::span<std::byte> start = std::span(first).first(count);
  file.read_at(0, start);
  const std::string_view kind = kind_of_content(start);
  if (kind == kGgufKind) return read_gguf(path);
  if (kind == kSafetensorsKind) return read_safetensors(path);
  throw Error(
      ErrorKind::format,
      fmt::format("{}: looks like {}; a GGUF or safetensors file is wanted", file.name(), kind));
}

}  // namespace fovea::formats
