// What every family does between its layers: look tokens up, add to the residual stream, row by row.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

#include "fovea/core/parallel.h"
#include "fovea/core/tensor.h"
#include "models/model_files.h"
#include "models/weight_matrix.h"

namespace fovea::models {

/// Calls body(row, numbers of the row) for each row of a matrix of f32; noexcept.
template <typename Body>
void for_each_row(Tensor& matrix, int threads, const Body& body) {
  // Tasks large enough that handing them out does not show.
  constexpr std::int64_t kNumbers = 1 << 15;
  const std::int64_t columns = matrix.size(1);
  const std::int64_t rows = matrix.size(0);
  const std::int64_t step =
      std::max<std::int64_t>(1, kNumbers / std::max<std::int64_t>(1, columns));
  const std::span<float> numbers = matrix.values<float>();
  parallel_for((rows + step - 1) / step, threads, {}, [&](std::int64_t task, int) noexcept {
    for (std::int64_t row = task * step; row < std::min(rows, (task + 1) * step); ++row) {
      body(row, numbers.subspan(static_cast<std::size_t>(row * columns),
                                static_cast<std::size_t>(columns)));
    }
  });
}

/// hidden += change, both [tokens, hidden_size].
void add_to(Tensor& hidden, const Tensor& change, int threads);

/// [tokens, hidden_size]: the rows of a table.
Tensor look_up(const WeightMatrix& table, std::span<const std::int32_t> ids);

/// [query_heads, hidden_size]: each head's answer [query_heads, head_size] through its part of the
/// output projection.
Tensor write_heads(const WeightMatrix& projection, const TensorView& output);

/// Throws Error{cancelled} when a stop was requested.
void require_going_on(const std::stop_token& stop);

/// general.name, the config's _name_or_path, or the folder's name.
std::string model_name(const ModelFiles& files);

/// Numbers in all tensors.
std::int64_t parameter_count(const ModelFiles& files);

/// The types in which the file's weights are stored, by falling bytes: "Q4_1, F32".
std::string stored_types(const ModelFiles& files);

/// Rows of an embedding table, 1 to kMostVocabulary. Throws Error{format} when it is missing or
/// vocab_size says otherwise.
std::int64_t embedding_rows(const ModelFiles& files, std::string_view name);

}  // namespace fovea::models
