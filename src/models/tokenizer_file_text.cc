// Tokenizers of plain text files: BERT's vocab.txt, and GPT-2's merges with their ids in JSON.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "formats/strict_json.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/file_kind.h"
#include "fovea/formats/input_file.h"
#include "fovea/tokenize/byte_bpe.h"
#include "fovea/tokenize/wordpiece.h"
#include "models/json_place.h"
#include "models/tokenizer_readers.h"
#include "tokenize/utf8.h"

namespace fovea::models {
namespace {

[[noreturn]] void fail(const std::string& file, std::string_view what) {
  throw Error(ErrorKind::format, fmt::format("{}: {}", file, what));
}

void require_utf8(const TextFile& file) {
  for (std::size_t i = 0; i < file.text.size();) {
    const tokenize::Utf8Char c = tokenize::read_utf8(file.text, i);
    if (!c.is_valid) fail(file.name, fmt::format("byte {}: the text is not UTF-8", i));
    i += c.length;
  }
}

constexpr std::int64_t kJsonMemory = std::int64_t{40} << 20;

// GPT-2's own tokenizer files name no special token; the vocabulary has this one.
constexpr std::string_view kEndOfText = "<|endoftext|>";

}  // namespace

TextFile read_text_file(const std::string& path) {
  const formats::InputFile input(path);
  if (input.size() > kMostTokenizerBytes) {
    fail(input.name(), fmt::format("{} bytes are too many for a tokenizer; at most {} are read",
                                   input.size(), kMostTokenizerBytes));
  }
  TextFile file{input.name(), formats::read_text(input, kMostTokenizerBytes)};
  const std::string_view start = std::string_view(file.text).substr(0, formats::kKindBytes);
  const std::string_view kind = formats::kind_of_content(std::as_bytes(std::span(start)));
  if (kind != "text" && kind != "JSON text") {
    fail(file.name, fmt::format("a text is wanted; this looks like {}", kind));
  }
  require_utf8(file);
  return file;
}

JsonFile read_json_file(const std::string& path) {
  const TextFile file = read_text_file(path);
  return {file.name, formats::parse_strict_json(file.text, file.name, {.memory = kJsonMemory})};
}

std::vector<std::string_view> lines_of(const TextFile& file) {
  std::string_view text = file.text;
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    if (lines.size() == kMostPieces) {
      fail(file.name, fmt::format("more than {} lines; at most that many are read", kMostPieces));
    }
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string> pieces_by_id(const nlohmann::json::object_t& ids,
                                      const std::string& place) {
  std::size_t bytes = 0;
  for (const auto& [piece, id] : ids) bytes += piece.size();
  if (ids.size() > kMostPieces || bytes > kMostPieceBytes) {
    fail(place, fmt::format("{} pieces of {} bytes; at most {} of {} are read", ids.size(), bytes,
                            kMostPieces, kMostPieceBytes));
  }
  std::vector<std::string> pieces(ids.size());
  std::vector<char> is_taken(ids.size());
  for (const auto& [piece, id] : ids) {
    if (!id.is_number_integer()) {
      fail(place, fmt::format("{}: a whole number is wanted, not {}", in_quotes(piece),
                              formats::kind_of_json(id)));
    }
    const bool is_in_range = id.is_number_unsigned() && id.get<std::uint64_t>() < ids.size();
    if (!is_in_range) {
      fail(place, fmt::format("{}: id {}; {} pieces have ids from 0 to {}", in_quotes(piece),
                              id.dump(), ids.size(), ids.size() - 1));
    }
    const auto index = id.get<std::size_t>();
    if (is_taken[index] != 0) {
      fail(place, fmt::format("{} and {} both have id {}", in_quotes(pieces[index]),
                              in_quotes(piece), index));
    }
    is_taken[index] = 1;
    pieces[index] = piece;
  }
  return pieces;
}

std::unique_ptr<tokenize::Tokenizer> read_bpe_files(const std::string& merges_path,
                                                    const std::string& vocabulary_path) {
  const JsonFile vocabulary = read_json_file(vocabulary_path);
  tokenize::ByteBpeData data;
  data.pieces =
      pieces_by_id(JsonPlace(vocabulary.value, vocabulary.name).object(), vocabulary.name);
  const auto end_of_text = std::ranges::find(data.pieces, kEndOfText);
  if (end_of_text != data.pieces.end()) {
    data.special = {static_cast<std::int32_t>(end_of_text - data.pieces.begin())};
  }
  const TextFile merges = read_text_file(merges_path);
  data.name = merges.name;
  std::int64_t number = 0;
  for (const std::string_view line : lines_of(merges)) {
    ++number;
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    const bool is_pair = space != line.npos && space > 0 && space + 1 < line.size() &&
                         line.find(' ', space + 1) == line.npos;
    if (!is_pair) {
      fail(merges.name, fmt::format("line {}: {}: two pieces with one space between are wanted",
                                    number, in_quotes(line)));
    }
    data.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return tokenize::make_byte_bpe(std::move(data));
}

std::unique_ptr<tokenize::Tokenizer> read_wordpiece_lines(const std::string& path) {
  const TextFile file = read_text_file(path);
  if (file.text.size() > kMostPieceBytes) {
    fail(file.name, fmt::format("{} bytes are too many for a vocabulary; at most {} are read",
                                file.text.size(), kMostPieceBytes));
  }
  tokenize::WordPieceData data;
  data.name = file.name;
  for (const std::string_view line : lines_of(file)) {
    data.pieces.emplace_back(line);
    if (line.empty()) fail(file.name, fmt::format("line {} is empty", data.pieces.size()));
  }
  const std::filesystem::path beside =
      std::filesystem::path(path).parent_path() / "tokenizer_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(beside, ignored)) {
    const JsonFile config = read_json_file(beside.string());
    data.is_lower_case = JsonPlace(config.value, config.name).flag_or("do_lower_case", true);
  }
  return tokenize::make_wordpiece(std::move(data));
}

}  // namespace fovea::models
