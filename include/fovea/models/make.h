// A GPT-2 from nothing: random parameters, drawn as PyTorch draws them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace fovea::models {

/// The sizes of a GPT-2; these are the smallest one's, "124M".
struct Gpt2Sizes {
  std::int64_t vocabulary = 50257;
  std::int64_t context_length = 1024;
  std::int64_t hidden_size = 768;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
};

/// Called with the numbers written so far and of all. What it throws ends the making.
using MakeProgress = std::function<void(std::int64_t done, std::int64_t all)>;

/// Numbers in a model that make_gpt2 makes: 163,009,536 for the default sizes.
std::int64_t gpt2_parameter_count(const Gpt2Sizes& sizes);

/// Writes model.safetensors and config.json to `folder` (made if need be), as transformers saves a
/// GPT2LMHeadModel, so that both load_model and transformers load it. The parameters are those of a
/// PyTorch model after torch.manual_seed(seed), drawn in the order token embeddings, positions, then
/// each layer's query, key, value, output, feed-forward in and out, last the head; each Linear and
/// Embedding as their own init does. Query, key and value have no bias (zeros in the file), the head
/// has its own matrix, norms scale by 1 and shift by 0.
///
/// Either both files appear or none does; files of these names are replaced. Takes 4 bytes of disk a
/// number, memory for the largest matrix, and 2 s for the default sizes: draws follow one another.
/// Throws Error{invalid_argument} for sizes below 1 or that an attention layer cannot have,
/// Error{io}, Error{out_of_memory}.
void make_gpt2(const Gpt2Sizes& sizes, std::uint64_t seed, const std::string& folder,
               const MakeProgress& progress = {});

/// The same of the default sizes.
void make_gpt2_124m(std::uint64_t seed, const std::string& folder,
                    const MakeProgress& progress = {});

}  // namespace fovea::models
