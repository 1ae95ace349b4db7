// A valid call of the C interface, for tests to change one thing of.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "fovea.h"
#include "fovea/attention/attention.h"

namespace fovea::c {

inline constexpr std::int64_t kQueryHeads = 4;
inline constexpr std::int64_t kKeyHeads = 2;
inline constexpr std::int64_t kQueries = 3;
inline constexpr std::int64_t kKeys = 5;
inline constexpr std::int64_t kSize = 8;
inline constexpr float kUntouched = 12345;

/// Numbers in (-1, 1) without pattern, the same at each run.
inline std::vector<float> numbers(std::int64_t count, float seed) {
  std::vector<float> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = std::sin(seed + 1.7F * static_cast<float>(i));
  return result;
}

inline fovea_tensor plain(fovea_type type, const void* data,
                          const std::vector<std::int64_t>& sizes) {
  return {type, static_cast<std::int32_t>(sizes.size()), data, sizes.data(), nullptr};
}

/// A valid question [1, heads, tokens, size] with a place for its answer; tests change one thing at
/// a time.
struct Call {
  std::vector<std::int64_t> query_sizes{1, kQueryHeads, kQueries, kSize};
  std::vector<std::int64_t> key_sizes{1, kKeyHeads, kKeys, kSize};
  std::vector<std::int64_t> row_sizes{1, kQueryHeads, kQueries};
  std::vector<std::int64_t> score_sizes{kQueryHeads, 1, kKeys};
  std::vector<std::int64_t> head_sizes{kQueryHeads};
  std::vector<std::int64_t> batch_sizes{1};
  std::vector<float> query = numbers(kQueryHeads * kQueries * kSize, 0.1F);
  std::vector<float> key = numbers(kKeyHeads * kKeys * kSize, 0.2F);
  std::vector<float> value = numbers(kKeyHeads * kKeys * kSize, 0.3F);
  std::vector<float> bias = numbers(kQueryHeads * kKeys, 0.4F);
  std::vector<std::uint8_t> keep = std::vector<std::uint8_t>(kQueryHeads * kKeys, 1);
  std::vector<float> slopes = numbers(kQueryHeads, 0.5F);
  std::vector<float> sinks = numbers(kQueryHeads, 0.6F);
  std::vector<std::int64_t> lengths{kKeys - 1};
  std::vector<float> output = std::vector<float>(query.size(), kUntouched);
  std::vector<float> log_sum_exp = std::vector<float>(kQueryHeads * kQueries, kUntouched);
  std::vector<float> row_max = log_sum_exp;
  std::vector<float> row_sum = log_sum_exp;
  fovea_attention attention{};
  fovea_execution execution{};
  fovea_answer answer{};
  fovea_error error{};

  Call() {
    attention.struct_size = sizeof attention;
    attention.query = plain(FOVEA_F32, query.data(), query_sizes);
    attention.key = plain(FOVEA_F32, key.data(), key_sizes);
    attention.value = plain(FOVEA_F32, value.data(), key_sizes);
    execution.struct_size = sizeof execution;
    answer.struct_size = sizeof answer;
    answer.output = {FOVEA_F32, 4, output.data(), query_sizes.data(), nullptr};
    answer.log_sum_exp = {FOVEA_F32, 3, log_sum_exp.data(), row_sizes.data(), nullptr};
    answer.row_max = {FOVEA_F32, 3, row_max.data(), row_sizes.data(), nullptr};
    answer.row_sum = {FOVEA_F32, 3, row_sum.data(), row_sizes.data(), nullptr};
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::int32_t attend() { return fovea_attend(&attention, &execution, &answer, &error); }

  fovea::Attention same_in_cxx() const {
    return {.query = fovea::TensorView(query.data(), fovea::Shape(query_sizes)),
            .key = fovea::TensorView(key.data(), fovea::Shape(key_sizes)),
            .value = fovea::TensorView(value.data(), fovea::Shape(key_sizes))};
  }
};

}  // namespace fovea::c
