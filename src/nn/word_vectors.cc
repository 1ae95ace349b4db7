// Hashing words into numbers.
#include "nn/word_vectors.h"

#include <cstdint>
#include <string_view>

namespace fovea::nn {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// splitmix64: neighbouring words and components give unrelated numbers.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<std::string> journey_words() {
  return {"Your", "journey", "starts", "with", "one", "step"};
}

Tensor journey_vectors() {
  return Tensor::of<float>({6, 3}, {0.43F, 0.15F, 0.89F, 0.55F, 0.87F, 0.66F, 0.57F, 0.85F, 0.64F,
                                    0.22F, 0.58F, 0.33F, 0.77F, 0.25F, 0.10F, 0.05F, 0.80F, 0.55F});
}

Tensor vectors_of_words(const std::vector<std::string>& words, std::int64_t size) {
  Tensor vectors =
      Tensor::uninitialized(DType::f32, {static_cast<std::int64_t>(words.size()), size});
  auto next = vectors.values<float>().begin();
  for (const std::string& word : words) {
    const std::uint64_t hash = fnv1a(word);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::uint64_t hundredths = mixed(hash + static_cast<std::uint64_t>(i)) % 101;
      *next++ = static_cast<float>(static_cast<double>(hundredths) / 100);
    }
  }
  return vectors;
}

}  // namespace fovea::nn
