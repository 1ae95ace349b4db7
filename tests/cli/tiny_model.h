// A llama of one layer that knows one story by heart: each byte is a token, and names the next.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/random.h"

namespace fovea::cli {

/// After a byte of `story`, in which no byte comes twice, comes the next one; after the last, the
/// token that ends a text, or, where the story goes in a circle, the first.
struct TinyStory {
  std::string story;
  bool is_circle = false;
  std::int64_t context_length = 64;
  /// Rows of the tables beyond the tokenizer's tokens; the story ends in the first of them.
  std::size_t padding = 0;
};

namespace tiny {

template <typename T>
std::string number(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::string text(std::string_view content) {
  return number(std::uint64_t{content.size()}) + std::string(content);
}

// Numbers of GGUF's value types.
inline constexpr std::uint32_t kU32 = 4;
inline constexpr std::uint32_t kI32 = 5;
inline constexpr std::uint32_t kF32 = 6;
inline constexpr std::uint32_t kString = 8;
inline constexpr std::uint32_t kArray = 9;

// GPT-2's spelling of a byte: itself where it prints, else a letter from U+0100 on.
inline std::string spelling(int byte) {
  const auto prints = [](int b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  int code = byte;
  if (!prints(byte)) {
    code = 0x100;
    for (int b = 0; b < byte; ++b) code += prints(b) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

class Gguf {
 public:
  void key(std::string_view name, std::uint32_t type, const std::string& value) {
    keys_ += text(name) + number(type) + value;
    ++key_count_;
  }
  void size(std::string_view name, std::int64_t value) {
    key("llama." + std::string(name), kU32, number(static_cast<std::uint32_t>(value)));
  }
  // F32, outermost axis last, as GGUF has it.
  void tensor(std::string_view name, const std::vector<std::uint64_t>& sizes,
              const std::vector<float>& values) {
    infos_ += text(name) + number(static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) infos_ += number(size);
    infos_ += number(std::uint32_t{0}) + number(std::uint64_t{data_.size()});
    for (const float value : values) data_ += number(value);
    pad(data_);
    ++tensor_count_;
  }
  std::string file() const {
    std::string all = "GGUF" + number(std::uint32_t{3}) + number(tensor_count_) +
                      number(key_count_) + keys_ + infos_;
    pad(all);
    return all + data_;
  }

 private:
  static void pad(std::string& bytes) {
    constexpr std::size_t kAlignment = 32;
    bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
  }
  std::string keys_;
  std::string infos_;
  std::string data_;
  std::uint64_t key_count_ = 0;
  std::uint64_t tensor_count_ = 0;
};

inline constexpr std::size_t kVocabulary = 257;  // the bytes, then the token that ends a text
inline constexpr std::size_t kEnd = 256;

inline void add_tokenizer(Gguf& gguf) {
  std::string tokens;
  std::string types;
  for (std::size_t i = 0; i < kVocabulary; ++i) {
    tokens += text(i == kEnd ? "<|endoftext|>" : spelling(static_cast<int>(i)));
    types += number(std::int32_t{i == kEnd ? 3 : 1});
  }
  const auto array = [](std::uint32_t type, std::uint64_t count, const std::string& values) {
    return number(type) + number(count) + values;
  };
  gguf.key("tokenizer.ggml.model", kString, text("gpt2"));
  gguf.key("tokenizer.ggml.pre", kString, text("smollm"));
  gguf.key("tokenizer.ggml.tokens", kArray, array(kString, kVocabulary, tokens));
  gguf.key("tokenizer.ggml.token_type", kArray, array(kI32, kVocabulary, types));
  gguf.key("tokenizer.ggml.merges", kArray, array(kString, 0, ""));
}

}  // namespace tiny

/// The bytes of a .gguf. Attention and feed-forward add nothing: a token's hidden state is its
/// embedding, a row of random signs, which the output matrix has in the row of the next token.
inline std::string tiny_model(const TinyStory& tale) {
  using namespace tiny;
  constexpr std::size_t kHidden = 64;
  Generator generator(1);
  const std::size_t rows = kVocabulary + tale.padding;
  std::vector<float> embeddings(rows * kHidden);
  for (float& number : embeddings) number = (generator.bits32() & 1) != 0 ? 1.0f : -1.0f;
  std::vector<float> output(embeddings.size());
  for (std::size_t i = 0; i < tale.story.size(); ++i) {
    const bool is_last = i + 1 == tale.story.size();
    const std::size_t from = static_cast<unsigned char>(tale.story[i]);
    const auto next = static_cast<unsigned char>(tale.story[is_last ? 0 : i + 1]);
    const std::size_t to = is_last && !tale.is_circle ? kEnd + (tale.padding > 0 ? 1 : 0) : next;
    std::copy_n(&embeddings[from * kHidden], kHidden, &output[to * kHidden]);
  }
  Gguf gguf;
  gguf.key("general.architecture", kString, text("llama"));
  gguf.key("general.name", kString, text("Tiny"));
  gguf.size("block_count", 1);
  gguf.size("context_length", tale.context_length);
  gguf.size("embedding_length", kHidden);
  gguf.size("feed_forward_length", 2);
  gguf.size("attention.head_count", 1);
  gguf.size("attention.head_count_kv", 1);
  gguf.size("attention.key_length", 2);
  gguf.size("rope.dimension_count", 2);
  gguf.key("llama.attention.layer_norm_rms_epsilon", kF32, number(1e-5f));
  add_tokenizer(gguf);
  const std::vector<float> ones(kHidden, 1.0f);
  const std::vector<float> zeros(kHidden * 2);
  gguf.tensor("token_embd.weight", {kHidden, rows}, embeddings);
  gguf.tensor("output.weight", {kHidden, rows}, output);
  for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"})
    gguf.tensor(std::string(name) + ".weight", {kHidden}, ones);
  for (const char* name : {"attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"})
    gguf.tensor("blk.0." + std::string(name) + ".weight", {kHidden, 2}, zeros);
  for (const char* name : {"attn_output", "ffn_down"})
    gguf.tensor("blk.0." + std::string(name) + ".weight", {2, kHidden}, zeros);
  return gguf.file();
}

}  // namespace fovea::cli
