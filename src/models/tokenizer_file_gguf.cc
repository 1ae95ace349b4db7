// The tokenizer in a GGUF's metadata.
// Source: github.com/ggml-org/ggml, docs/gguf.md, "Tokenizer"; llama.cpp's enum llama_token_type.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/models/tokenizer_file.h"
#include "fovea/tokenize/byte_bpe.h"

namespace fovea::models {
namespace {

using formats::Checkpoint;

class GgufTokenizer {
 public:
  explicit GgufTokenizer(const Checkpoint& gguf) : gguf_(gguf) {}

  tokenize::ByteBpeData read() const {
    tokenize::ByteBpeData data;
    data.name = gguf_.name();
    data.split = split();
    data.pieces = require<std::vector<std::string>>("tokens", "an array of strings");
    read_types(data);
    read_merges(data);
    const auto count = static_cast<std::int64_t>(data.pieces.size());
    if (flag("add_bos_token")) data.added_before = {id("bos_token_id", count)};
    if (flag("add_eos_token")) data.added_after = {id("eos_token_id", count)};
    for (const std::string_view key :
         {"bos_token_id", "eos_token_id", "unknown_token_id", "padding_token_id"}) {
      if (has(key)) id(key, count);
    }
    return data;
  }

 private:
  static std::string full(std::string_view key) { return fmt::format("tokenizer.ggml.{}", key); }

  [[noreturn]] void fail(std::string_view key, std::string_view what,
                         ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, fmt::format("{}: {}: {}", gguf_.name(), full(key), what));
  }

  bool has(std::string_view key) const { return gguf_.metadata().contains(full(key)); }

  template <typename T>
  const T& require(std::string_view key, std::string_view wanted) const {
    const T* const found = gguf_.value<T>(full(key));
    if (found == nullptr) fail(key, fmt::format("{} is wanted", wanted));
    return *found;
  }

  bool flag(std::string_view key) const { return has(key) && require<bool>(key, "a boolean"); }

  std::int32_t id(std::string_view key, std::int64_t count) const {
    const auto value = require<std::int64_t>(key, "a token's id");
    if (value < 0 || value >= count) {
      fail(key, fmt::format("token {}; there are {} tokens", value, count));
    }
    return static_cast<std::int32_t>(value);
  }

  tokenize::WordSplit split() const {
    const auto& pre = require<std::string>("pre", "the name of the pre-tokenizer");
    if (pre == "gpt-2" || pre == "gpt2") return tokenize::WordSplit::gpt2;
    if (pre == "smollm") return tokenize::WordSplit::smollm;
    fail("pre", fmt::format("{}; fovea knows gpt-2 and smollm", in_quotes(pre)),
         ErrorKind::unsupported);
  }

  // Of the types only normal text may be split and merged; user-defined pieces, which must be found
  // in a text before it is split, are not known here.
  void read_types(tokenize::ByteBpeData& data) const {
    constexpr std::int32_t kNormal = 1;
    constexpr std::int32_t kUnknown = 2;
    constexpr std::int32_t kControl = 3;
    constexpr std::int32_t kUserDefined = 4;
    constexpr std::int32_t kUnused = 5;
    if (!has("token_type")) return;
    const auto& tensor = require<Tensor>("token_type", "an array of int32");
    if (tensor.dtype() != DType::i32) fail("token_type", "an array of int32 is wanted");
    const auto types = tensor.values<std::int32_t>();
    if (types.size() != data.pieces.size()) {
      fail("token_type", fmt::format("{} types of {} tokens", types.size(), data.pieces.size()));
    }
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (types[i] == kNormal) continue;
      if (types[i] == kUserDefined) {
        fail("token_type",
             fmt::format("token {}, {}, is user-defined, which fovea does not know", i,
                         in_quotes(data.pieces[i])),
             ErrorKind::unsupported);
      }
      if (types[i] != kUnknown && types[i] != kControl && types[i] != kUnused) {
        fail("token_type", fmt::format("token {} has type {}; wanted 1, 2, 3 or 5", i, types[i]));
      }
      data.special.push_back(static_cast<std::int32_t>(i));
    }
  }

  void read_merges(tokenize::ByteBpeData& data) const {
    for (const std::string& merge :
         require<std::vector<std::string>>("merges", "an array of strings")) {
      const std::size_t space = merge.find(' ');
      if (space == merge.npos || merge.find(' ', space + 1) != merge.npos) {
        fail("merges", fmt::format("merge {}: {}: two pieces with one space between are wanted",
                                   data.merges.size(), in_quotes(merge)));
      }
      data.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
  }

  const Checkpoint& gguf_;
};

}  // namespace

std::unique_ptr<tokenize::Tokenizer> tokenizer_of(const Checkpoint& gguf) {
  constexpr std::string_view kModel = "tokenizer.ggml.model";
  if (!gguf.metadata().contains(kModel)) return nullptr;
  const auto* const model = gguf.value<std::string>(kModel);
  if (model == nullptr || *model != "gpt2") {
    throw Error(model == nullptr ? ErrorKind::format : ErrorKind::unsupported,
                fmt::format("{}: {}: {}; fovea knows gpt2, byte-level BPE", gguf.name(), kModel,
                            model == nullptr ? "not a string" : in_quotes(*model)));
  }
  return tokenize::make_byte_bpe(GgufTokenizer(gguf).read());
}

}  // namespace fovea::models
