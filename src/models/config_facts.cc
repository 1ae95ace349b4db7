// Values of config.json that decide the arithmetic.
#include "models/config_facts.h"

#include <fmt/format.h>

#include <numeric>
#include <string>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::models {
namespace {

// What attend can observe.
constexpr std::int64_t kMostHeadSize = 512;

[[noreturn]] void fail(ErrorKind kind, const ModelFiles& files, const std::string& what) {
  throw Error(kind, fmt::format("{}: {}", files.weights->name(), what));
}

}  // namespace

void require_safetensors(const ModelFiles& files) {
  if (!files.is_gguf()) return;
  fail(ErrorKind::unsupported, files,
       fmt::format("a {} model in a GGUF file; fovea reads this family from .safetensors files",
                   printable(files.architecture())));
}

double read_norm_epsilon(const ModelFiles& files, std::string_view key, double absent) {
  const double epsilon = files.real_or("", key, absent);
  if (epsilon > 0 && epsilon < 1) return epsilon;
  fail(ErrorKind::format, files,
       fmt::format("config.json: {} is {}; a number between 0 and 1 is wanted", key, epsilon));
}

nn::Gelu read_gelu(const ModelFiles& files, std::string_view key, std::string_view absent) {
  const std::string name = files.text_or(key, absent);
  if (name == "gelu") return nn::Gelu::exact;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return nn::Gelu::tanh;
  fail(ErrorKind::unsupported, files,
       fmt::format("config.json: {} is {}; fovea knows gelu, gelu_new and gelu_pytorch_tanh", key,
                   in_quotes(name)));
}

std::int64_t head_size_of(const ModelFiles& files, const ModelFacts& facts) {
  if (facts.hidden_size % facts.query_heads != 0) {
    fail(ErrorKind::format, files,
         fmt::format("config.json: {} heads do not divide the hidden size, {}", facts.query_heads,
                     facts.hidden_size));
  }
  const std::int64_t size = facts.hidden_size / facts.query_heads;
  require_head_size(files, size);
  return size;
}

void require_head_size(const ModelFiles& files, std::int64_t size) {
  if (size <= kMostHeadSize) return;
  fail(ErrorKind::unsupported, files,
       fmt::format("its heads are {} numbers large; at most {} are read", size, kMostHeadSize));
}

const formats::StoredTensor* head_of(const ModelFiles& files, std::string_view name,
                                     const Shape& shape) {
  const bool is_tied = files.flag_or("tie_word_embeddings", true);
  return is_tied ? files.optional_tensor(name, shape) : &files.tensor(name, shape);
}

void require_plain_numbers(const ModelFiles& files, const formats::StoredTensor& tensor) {
  if (formats::block_size(tensor.type).numbers == 1) return;
  fail(ErrorKind::format, files,
       fmt::format("tensor {} is {}; F32, F16 or BF16 is wanted", printable(tensor.name),
                   formats::name_of(tensor.type)));
}

std::vector<std::int32_t> positions_from(std::int64_t first, std::size_t count) {
  std::vector<std::int32_t> positions(count);
  std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
  return positions;
}

}  // namespace fovea::models
