// The readers of the kinds of tokenizer files, and what they share.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/tokenize/tokenizer.h"

namespace fovea::models {

/// The most that is read, so that a file cannot fill the machine: known vocabularies of these kinds
/// have at most 262,144 pieces of some 2 MB in all.
inline constexpr std::int64_t kMostTokenizerBytes = std::int64_t{32} << 20;  // of a file
inline constexpr std::size_t kMostPieces = std::size_t{1} << 18;
inline constexpr std::size_t kMostPieceBytes = std::size_t{4} << 20;  // of all pieces

/// Reads tokenizer.json. Throws Error{unsupported} for what fovea's tokenizers do not do, by its
/// name there.
std::unique_ptr<tokenize::Tokenizer> read_tokenizer_json(const std::string& path);

/// Reads merges.txt or vocab.bpe and, of the same folder, vocab.json or encoder.json: GPT-2's way.
std::unique_ptr<tokenize::Tokenizer> read_bpe_files(const std::string& merges_path,
                                                    const std::string& vocabulary_path);

/// Reads vocab.txt: a piece a line. A tokenizer_config.json beside it may say that case counts.
std::unique_ptr<tokenize::Tokenizer> read_wordpiece_lines(const std::string& path);

/// The content of a text file. Throws Error{format} for one that is not UTF-8 or is something else:
/// an HTML page, a zip archive, a git-lfs pointer.
struct TextFile {
  std::string name;  ///< for messages
  std::string text;
};
TextFile read_text_file(const std::string& path);

/// The same, parsed.
struct JsonFile {
  std::string name;
  nlohmann::json value;
};
JsonFile read_json_file(const std::string& path);

/// Its lines, without "\n" or "\r\n"; empty ones at the end are left out. Throws Error{format} for
/// more than kMostPieces of them.
std::vector<std::string_view> lines_of(const TextFile& file);

/// The pieces of a JSON object {"piece": id, ...} in the order of their ids: 0 to size - 1, each
/// once. `place` begins messages. Throws Error{format} for other ids and for more than kMostPieces or
/// kMostPieceBytes.
std::vector<std::string> pieces_by_id(const nlohmann::json::object_t& ids,
                                      const std::string& place);

}  // namespace fovea::models
