// Parameters are drawn layer by layer and written as they come; the header, which stands first in
// the file, needs only their shapes.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/core/random.h"
#include "fovea/formats/output_file.h"
#include "fovea/models/make.h"
#include "fovea/nn/embedding.h"
#include "fovea/nn/feed_forward.h"
#include "fovea/nn/linear.h"

namespace fovea::models {
namespace {

struct Entry {
  std::string name;
  Shape shape;
};

// The file's tensors in the order in which they are written.
std::vector<Entry> entries_of(const Gpt2Sizes& sizes) {
  const std::int64_t size = sizes.hidden_size;
  std::vector<Entry> entries{{"transformer.wte.weight", {sizes.vocabulary, size}},
                             {"transformer.wpe.weight", {sizes.context_length, size}}};
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    const auto add = [&](std::string_view name, const Shape& shape) {
      entries.push_back({fmt::format("transformer.h.{}.{}", i, name), shape});
    };
    add("attn.c_attn.weight", {size, 3 * size});
    add("attn.c_attn.bias", {3 * size});
    add("attn.c_proj.weight", {size, size});
    add("attn.c_proj.bias", {size});
    add("mlp.c_fc.weight", {size, 4 * size});
    add("mlp.c_fc.bias", {4 * size});
    add("mlp.c_proj.weight", {4 * size, size});
    add("mlp.c_proj.bias", {size});
    add("ln_1.weight", {size});
    add("ln_1.bias", {size});
    add("ln_2.weight", {size});
    add("ln_2.bias", {size});
  }
  entries.push_back({"transformer.ln_f.weight", {size}});
  entries.push_back({"transformer.ln_f.bias", {size}});
  entries.push_back({"lm_head.weight", {sizes.vocabulary, size}});
  return entries;
}

std::int64_t count_numbers(std::span<const Entry> entries) {
  std::int64_t numbers = 0;
  for (const Entry& entry : entries) numbers += entry.shape.element_count();
  return numbers;
}

// Source: github.com/huggingface/safetensors, "Format".
std::string safetensors_header(std::span<const Entry> entries) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::int64_t at = 0;
  for (const Entry& entry : entries) {
    const std::int64_t end = at + entry.shape.element_count() * 4;
    header[entry.name] = {{"dtype", "F32"},
                          {"shape", std::vector(entry.shape.begin(), entry.shape.end())},
                          {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length;
  for (std::size_t byte = 0; byte < 8; ++byte)
    length.push_back(static_cast<char>(text.size() >> (8 * byte) & 0xFF));
  return length + text;
}

std::string config_of(const Gpt2Sizes& sizes) {
  const nlohmann::ordered_json config = {{"architectures", {"GPT2LMHeadModel"}},
                                         {"model_type", "gpt2"},
                                         {"activation_function", "gelu_new"},
                                         {"bos_token_id", sizes.vocabulary - 1},
                                         {"eos_token_id", sizes.vocabulary - 1},
                                         {"layer_norm_epsilon", 1e-5},
                                         {"n_embd", sizes.hidden_size},
                                         {"n_head", sizes.heads},
                                         {"n_layer", sizes.layers},
                                         {"n_positions", sizes.context_length},
                                         {"tie_word_embeddings", false},
                                         {"vocab_size", sizes.vocabulary}};
  return config.dump(2) + "\n";
}

// Draws parameters and writes them.
class Writer {
 public:
  Writer(formats::OutputFile& file, const MakeProgress& progress, std::int64_t all)
      : file_(file), progress_(progress), all_(all) {}

  std::int64_t written() const noexcept { return written_; }

  void write(const TensorView& numbers) {
    const auto count = static_cast<std::size_t>(numbers.element_count());
    assert(numbers.is_contiguous());
    file_.write(std::as_bytes(std::span(static_cast<const float*>(numbers.data()), count)));
    written_ += numbers.element_count();
    if (progress_) progress_(written_, all_);
  }

  void write_filled(std::int64_t count, float value) {
    Tensor numbers = Tensor::uninitialized(DType::f32, {count});
    std::ranges::fill(numbers.values<float>(), value);
    write(numbers);
  }

  // [in, out], as GPT-2's files have it.
  void write_linear(const nn::Linear& layer) {
    write(Tensor::copy_of(layer.weight().permuted({1, 0})).view());
    write(layer.bias());
  }

 private:
  formats::OutputFile& file_;
  const MakeProgress& progress_;
  std::int64_t all_;
  std::int64_t written_ = 0;
};

// Three matrices [size, size] of Linears side by side, turned: [size, 3 · size].
Tensor fused(const std::vector<nn::Linear>& layers) {
  const std::int64_t size = layers.front().in_features();
  Tensor joined = Tensor::uninitialized(DType::f32, {size, 3 * size});
  for (std::size_t part = 0; part < layers.size(); ++part) {
    const Tensor turned = Tensor::copy_of(layers[part].weight().permuted({1, 0}));
    for (std::int64_t row = 0; row < size; ++row) {
      std::copy_n(
          turned.values<float>().begin() + row * size, size,
          joined.values<float>().begin() + row * 3 * size + static_cast<std::int64_t>(part) * size);
    }
  }
  return joined;
}

void write_layer(Writer& writer, std::int64_t size, Generator& generator) {
  std::vector<nn::Linear> query_key_value;
  for (int part = 0; part < 3; ++part)
    query_key_value.emplace_back(size, size, nn::Bias::no, generator);
  writer.write(fused(query_key_value).view());
  writer.write_filled(3 * size, 0);
  writer.write_linear(nn::Linear(size, size, nn::Bias::yes, generator));
  const nn::FeedForward feed_forward(size, generator);
  writer.write_linear(feed_forward.in());
  writer.write_linear(feed_forward.out());
  for (int norm = 0; norm < 2; ++norm) {
    writer.write_filled(size, 1);
    writer.write_filled(size, 0);
  }
}

// As entries_of lists them.
void write_parameters(Writer& writer, const Gpt2Sizes& sizes, std::uint64_t seed) {
  Generator generator(seed);
  const std::int64_t size = sizes.hidden_size;
  writer.write(nn::Embedding(sizes.vocabulary, size, generator).weight());
  writer.write(nn::Embedding(sizes.context_length, size, generator).weight());
  for (std::int64_t i = 0; i < sizes.layers; ++i) write_layer(writer, size, generator);
  writer.write_filled(size, 1);
  writer.write_filled(size, 0);
  writer.write(nn::Linear(size, sizes.vocabulary, nn::Bias::no, generator).weight());
}

// Far above any GPT-2, and the number of all bytes does not overflow.
constexpr std::int64_t kLargest = 1 << 20;

void require_sizes(const Gpt2Sizes& sizes) {
  const auto all = {sizes.vocabulary, sizes.context_length, sizes.hidden_size, sizes.layers,
                    sizes.heads};
  const bool fit =
      std::ranges::all_of(all, [](std::int64_t size) { return size >= 1 && size <= kLargest; });
  if (fit && sizes.hidden_size % sizes.heads == 0 && sizes.layers <= 4096) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("make_gpt2: vocabulary {}, context length {}, hidden size {}, layers {}, "
                          "heads {} given; 1 to {} are wanted, at most 4096 layers, and heads that "
                          "divide the hidden size",
                          sizes.vocabulary, sizes.context_length, sizes.hidden_size, sizes.layers,
                          sizes.heads, kLargest));
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (!failure) return;
  throw Error(ErrorKind::io, fmt::format("cannot make the folder {}: {}",
                                         printable(folder.string()), failure.message()));
}

void write_text(formats::OutputFile& file, const std::string& text) {
  file.write(std::as_bytes(std::span(text)));
}

}  // namespace

std::int64_t gpt2_parameter_count(const Gpt2Sizes& sizes) {
  require_sizes(sizes);
  // The biases of query, key and value are zeros that only the file has.
  return count_numbers(entries_of(sizes)) - sizes.layers * 3 * sizes.hidden_size;
}

void make_gpt2(const Gpt2Sizes& sizes, std::uint64_t seed, const std::string& folder,
               const MakeProgress& progress) {
  require_sizes(sizes);
  const std::vector<Entry> entries = entries_of(sizes);
  const std::filesystem::path place(folder);
  make_folder(place);
  formats::OutputFile weights((place / "model.safetensors").string());
  formats::OutputFile config((place / "config.json").string());
  write_text(weights, safetensors_header(entries));
  Writer writer(weights, progress, count_numbers(entries));
  write_parameters(writer, sizes, seed);
  assert(writer.written() == count_numbers(entries));
  write_text(config, config_of(sizes));
  weights.finish();
  config.finish();
  weights.commit();
  config.commit();
}

void make_gpt2_124m(std::uint64_t seed, const std::string& folder, const MakeProgress& progress) {
  make_gpt2({}, seed, folder, progress);
}

}  // namespace fovea::models
