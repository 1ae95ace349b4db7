// GPT-2's tokenizer files as OpenAI published them, made again from the merges.
#pragma once

#include <filesystem>

#include "formats/temporary_folder.h"
#include "tokenize/golden_tokenizers.h"

namespace fovea::tokenize {

/// The bytes of encoder.json: Python's json.dumps of {piece: id}.
inline std::string gpt2_encoder_json() {
  std::string text;
  std::int64_t id = 0;
  for (const std::string& piece : gpt2_data().pieces) {
    text += fmt::format("{}{}: {}", id == 0 ? "{" : ", ", nlohmann::json(piece).dump(-1, ' ', true),
                        id);
    ++id;
  }
  return text + "}";
}

/// Puts vocab.bpe and encoder.json into `folder`, which is made.
inline void write_gpt2_files(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string merges;
  for (const std::string& line : golden_lines("gpt2_merges.txt")) merges += line + "\n";
  formats::write_file(folder / "vocab.bpe", merges);
  formats::write_file(folder / "encoder.json", gpt2_encoder_json());
}

}  // namespace fovea::tokenize
