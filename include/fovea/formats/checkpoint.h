// The weights of a model as a file holds them: one interface over .safetensors and .gguf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fovea/core/shape.h"
#include "fovea/core/tensor.h"
#include "fovea/formats/mapped_file.h"
#include "fovea/formats/stored_type.h"

namespace fovea::formats {

/// A tensor of a file. `bytes` lies in the file's mapping and is exactly as long as type and shape
/// say.
struct StoredTensor {
  std::string name;  ///< any UTF-8: printable() before it is shown
  StoredType type = StoredType::f32;
  Shape shape;  ///< outermost axis first, whatever the file's order
  std::span<const std::byte> bytes;
};

/// A value of a file's metadata. Whole numbers are int64 where they fit, else uint64; arrays of
/// numbers are tensors of rank 1 in their own type; a number array of length 0 too.
using MetadataValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string,
                                   std::vector<std::string>, Tensor>;

/// Sorted by key.
using Metadata = std::map<std::string, MetadataValue, std::less<>>;

/// Move-only. Immutable; const calls may run at once. Pointers and spans live as long as it does (a
/// move keeps them).
class Checkpoint {
 public:
  /// For the readers. The tensors are in file order, their names unlike.
  Checkpoint(MappedFile file, std::string format, std::vector<StoredTensor> tensors,
             Metadata metadata);

  const std::string& name() const noexcept { return file_.name(); }  ///< the path, for messages
  const std::string& format() const noexcept { return format_; }     ///< "safetensors", "gguf v3"
  const MappedFile& file() const noexcept { return file_; }

  std::span<const StoredTensor> tensors() const noexcept { return tensors_; }
  /// nullptr when there is none.
  const StoredTensor* find(std::string_view name) const noexcept;
  /// Throws Error{format} that names the file and the tensor.
  const StoredTensor& tensor(std::string_view name) const;

  const Metadata& metadata() const noexcept { return metadata_; }
  /// nullptr when the key is absent or of another type: `value<std::string>("general.name")`.
  template <typename T>
  const T* value(std::string_view key) const noexcept {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : std::get_if<T>(&found->second);
  }

 private:
  MappedFile file_;
  std::string format_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::size_t> by_name_;  // places in tensors_; no hash that a file could make collide
  Metadata metadata_;
};

/// Reads a file of either format, told apart by the end of its name, or, where that is neither .gguf
/// nor .safetensors, by its first bytes. Throws as InputFile, read_gguf and
/// read_safetensors; Error{format} that says what the file looks like when it is neither.
Checkpoint read_checkpoint(const std::string& path);

/// Throw Error{format} with the file, the place (byte, key or tensor), what was found and what is
/// allowed, for all that the format forbids; Error{unsupported} for what it allows and fovea does not
/// read (big-endian GGUF, tensor types outside of StoredType). They read the header, allocate no more
/// than a small multiple of it, and leave the data where it is.
/// Source: github.com/huggingface/safetensors, "Format".
Checkpoint read_safetensors(const std::string& path);
/// Source: github.com/ggml-org/ggml, docs/gguf.md, versions 2 and 3.
Checkpoint read_gguf(const std::string& path);

}  // namespace fovea::formats
