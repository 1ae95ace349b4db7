// Look-up of rows by id, each id checked.
#include "fovea/nn/embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "fovea/core/error.h"
#include "nn/shapes.h"

namespace fovea::nn {
namespace {

std::vector<std::int64_t> read_ids(const TensorView& ids) {
  if (!ids.given() || (ids.dtype() != DType::i32 && ids.dtype() != DType::i64)) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Embedding: the ids are {}; i32 or i64 is wanted",
                            ids.given() ? name_of(ids.dtype()) : "missing"));
  }
  const Tensor copy = Tensor::copy_of(ids);
  if (ids.dtype() == DType::i32) {
    const auto values = copy.values<std::int32_t>();
    return {values.begin(), values.end()};
  }
  const auto values = copy.values<std::int64_t>();
  return {values.begin(), values.end()};
}

}  // namespace

Embedding::Embedding(std::int64_t entries, std::int64_t size, Generator& generator)
    : weight_(randn({entries, size}, generator)) {}

Embedding::Embedding(Tensor weight) : weight_(std::move(weight)) {
  if (weight_.dtype() == DType::f32 && weight_.rank() == 2) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("Embedding: weight is {} {}; f32 [entries, size] is wanted",
                          name_of(weight_.dtype()), to_string(weight_.shape())));
}

Tensor Embedding::forward(const TensorView& ids) const {
  const std::vector<std::int64_t> rows = read_ids(ids);
  Tensor result = Tensor::uninitialized(DType::f32, joined(ids.shape(), {size()}));
  float* target = result.values<float>().data();
  for (std::int64_t row : rows) {
    if (row < 0 || row >= entries()) {
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("Embedding: id {} given; 0 to {} are wanted", row, entries() - 1));
    }
    target = std::copy_n(weight_.values<float>().data() + row * size(), size(), target);
  }
  return result;
}

std::string Embedding::repr() const {
  return fmt::format("Embedding({}, {})", entries(), size());
}

}  // namespace fovea::nn
