// What a family is loaded from: the weights, and the files beside them.
#pragma once

#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "fovea/formats/checkpoint.h"
#include "fovea/models/model.h"

namespace fovea::models {

/// The weights of a model and what describes them.
struct ModelFiles {
  std::string path;    ///< as given
  std::string folder;  ///< where the weights lie
  std::shared_ptr<const formats::Checkpoint> weights;
  nlohmann::json config;  ///< config.json; null for a GGUF, whose metadata says all

  bool is_gguf() const noexcept { return config.is_null(); }

  /// The architecture that the files state: "llama"; config.json's model_type, or
  /// general.architecture.
  std::string architecture() const;

  /// A number that must be there, within [least, most]: of a GGUF under "<architecture>.<gguf_key>",
  /// else under `config_key`. Throws Error{format} that names the file and the key.
  std::int64_t integer(std::string_view gguf_key, std::string_view config_key, std::int64_t least,
                       std::int64_t most) const;
  /// The same where it may be absent.
  std::int64_t integer_or(std::string_view gguf_key, std::string_view config_key,
                          std::int64_t absent, std::int64_t least, std::int64_t most) const;
  double real_or(std::string_view gguf_key, std::string_view config_key, double absent) const;
  bool flag_or(std::string_view config_key, bool absent) const;
  std::string text_or(std::string_view config_key, std::string_view absent) const;

  /// A tensor of a weight type and exactly this shape. Throws Error{format} that names the file, the
  /// tensor, the shape found and the shape that the sizes ask for.
  const formats::StoredTensor& tensor(std::string_view name, const Shape& shape) const;
  /// nullptr when there is none of that name.
  const formats::StoredTensor* optional_tensor(std::string_view name, const Shape& shape) const;
  /// A tensor as float32, copied: norms and biases.
  Tensor floats(std::string_view name, const Shape& shape) const;

  /// Throws Error{format} for a tensor that nobody has asked for, but those whose name ends with one
  /// of `ignored`: a layer more than the sizes say, say.
  void require_all_used(std::initializer_list<std::string_view> ignored = {}) const;

  /// Names that tensor, optional_tensor and floats were asked for.
  mutable std::set<std::string, std::less<>> used = {};

 private:
  const nlohmann::json* config_value(std::string_view key) const;
};

/// What sizes of a model may be at most: beyond, a file is damaged or hostile.
inline constexpr std::int64_t kMostLayers = 1 << 12;
inline constexpr std::int64_t kMostHeads = 1 << 12;
inline constexpr std::int64_t kMostSize = 1 << 20;  // hidden and feed-forward sizes
inline constexpr std::int64_t kMostVocabulary = 1 << 24;
inline constexpr std::int64_t kMostContext = 1 << 24;

/// Opens what load_model was given.
ModelFiles open_model_files(const std::string& path);

/// The tokenizer that the files hold: in the GGUF, or tokenizer.json, or vocab.txt, or vocab.bpe (or
/// merges.txt) with encoder.json (or vocab.json). Null when there is none. Throws Error{format}.
std::unique_ptr<tokenize::Tokenizer> read_tokenizer(const ModelFiles& files);

}  // namespace fovea::models
