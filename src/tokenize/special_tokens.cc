// Special tokens by their spelling.
#include "tokenize/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::tokenize {

TypedSpecials::TypedSpecials(const std::vector<std::string>& pieces,
                             const std::vector<std::int32_t>& ids, const std::string& name)
    : is_special_(pieces.size()) {
  std::vector<ByteTrie::Entry> entries;
  for (const std::int32_t id : ids) {
    const auto index = static_cast<std::size_t>(id);
    const std::string& piece = pieces[index];
    if (piece.size() > kMostBytes) {
      throw Error(ErrorKind::format,
                  fmt::format("{}: special token {} is {}; at most {} bytes are wanted", name, id,
                              in_quotes(piece), kMostBytes));
    }
    if (is_special_[index] == 0) entries.emplace_back(piece, id);
    is_special_[index] = 1;
  }
  trie_ = ByteTrie(std::move(entries));
}

void refuse_without_memory(std::size_t text_bytes) {
  throw Error(ErrorKind::out_of_memory,
              fmt::format("encode: no memory for the tokens of {} bytes", text_bytes));
}

void require_id(std::int64_t id, std::int64_t size, std::string_view where) {
  if (id >= 0 && id < size) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: token {}; wanted 0 to {}", where, id, size - 1));
}

}  // namespace fovea::tokenize
